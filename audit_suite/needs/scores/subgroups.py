"""Skill, decisions and region sensitivity by group of patients (F1, F2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full, Masking
from audit_suite.needs.scores.cell_scores import CellScores, auroc_of, cell_scores, score_requests
from audit_suite.needs.scores.groups import PAIR, Size, Split, beside, sizes, splits, tags_of
from audit_suite.needs.scores.operating_point import called_positive, require_operating_point
from audit_suite.needs.scores.ties import refuse_ties
from audit_suite.statistics import Estimate, estimate_proportion, mean_of_folds, share_kept
from audit_suite.statistics.numbering import how_many
from audit_suite.verdict import NotApplicable

Statistic = Literal["auroc", "sensitivity", "specificity"]
_WORDS = {"auroc": "AUROC", "sensitivity": "sensitivity", "specificity": "specificity"}


@dataclass(frozen=True)
class ByGroup:
    """A statistic in every group of patients that share the value of a declared tag, or of two.

    Attributes:
        which: ``auroc``, or ``sensitivity`` or ``specificity`` at the card's operating point.
        masking: What the model is shown; None for the full image.
        order: 1 for the values of single tags, 2 for those of pairs of tags.
        gap: Give what the other groups of the same tags have more instead.
        kept: Give the share of the skill on full images that is kept under the masking instead.
    """

    which: Statistic = "auroc"
    masking: Masking | None = None
    order: Literal[1, 2] = 1
    gap: bool = False
    kept: bool = False

    @property
    def id(self) -> str:
        """The statistic, the masking, and how many tags are taken together."""
        pairs = "-pairs" if self.order > 1 else ""
        return f"{self._statistic.replace(' ', '-')}-{self._shown.id}-by-group{pairs}"

    @property
    def _statistic(self) -> str:
        return "kept" if self.kept else f"{self.which} gap" if self.gap else self.which

    @property
    def _shown(self) -> Masking:
        return Full() if self.masking is None else self.masking

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores under the masking, and on full images.

        Raises:
            NotApplicable: If the card declares too few tags, or no operating point.
        """
        tags = tags_of(cell)
        if len(tags) < self.order:
            few = "no metadata" if not tags else "a single tag, so there are no pairs"
            raise NotApplicable(
                f"data set card '{cell.dataset.name}' declares {few}: nothing divides its patients "
                f"into groups (key metadata)"
            )
        if self.which != "auroc":
            require_operating_point(cell)
        shown = dict.fromkeys((Full(), self._shown))
        asked = [r for one in cell.each() for m in shown for r in score_requests(one, m)]
        return tuple(dict.fromkeys(asked))

    def answer(self, cell: Cell, source: EvidenceSource) -> tuple[Estimate, ...]:
        """One estimate for each group, placed by ``group``, ``tags`` and ``statistic``.

        A group that is too small to be judged gives its prevalence instead, placed with the reason
        under ``undecided``.

        Raises:
            NotApplicable: As `requests`, or if no tag differs between images.
            Inconclusive: If AUROCs are asked and too many pairs of images are tied (`refuse_ties`).
        """
        self.requests(cell)
        folds = [
            (one, cell_scores(one, source, self._shown), cell_scores(one, source, Full()))
            for one in cell.each()
        ]
        images = folds[0][1]
        if self.which == "auroc":
            for fold, shown, full in folds:
                refuse_ties(fold.model, full, Full())
                refuse_ties(fold.model, shown, self._shown)
        answers = []
        for split in splits(cell, source, self.order):
            each = sizes(split, images.labels, images.patients, images.used)
            for number, size in enumerate(each):
                at = {"group": split.names[number], "tags": " + ".join(split.tags)}
                lack = size.lack or self._lack_beside(each, number)
                if not lack:
                    estimates = [self._in_fold(*fold, split, number) for fold in folds]
                    one = mean_of_folds(estimates).placed(**at, statistic=self._statistic)
                elif size.patients < PAIR:
                    continue  # of one patient nothing can be said
                else:
                    one = _prevalence(cell, images, split, number).placed(**at, undecided=lack)
                answers.append(one)
        if not answers:
            raise NotApplicable("all images have the same value of every declared tag")
        return tuple(answers)

    def _lack_beside(self, each: list[Size], number: int) -> str:
        """Why there is nothing to compare a group with, in words; empty if there is."""
        lack = beside(each, number).lack if self.gap else ""
        return f"the other groups of the tag have {lack}" if lack else ""

    def _in_fold(
        self, cell: Cell, shown: CellScores, full: CellScores, split: Split, number: int
    ) -> Estimate:
        here = self._of(cell, shown, split, number)
        if self.gap:
            there = self._of(cell, shown, split, number, others=True)
            return (there - here).named(f"{self._words} gap ({split.names[number]})")
        if self.kept:
            whole = self._of(cell, full, split, number)
            return share_kept(here, whole).placed(skill=whole.interval(0.90)[0])
        return here

    @property
    def _words(self) -> str:
        return f"{_WORDS[self.which]} {self._shown.label}".rstrip()

    def _of(
        self, cell: Cell, images: CellScores, split: Split, number: int, others: bool = False
    ) -> Estimate:
        """The statistic in one group, or in the other groups of the same tags.

        In the other groups images are compared within their own group alone, so that both numbers
        answer the same question: a site that differs in prevalence adds nothing to either.
        """
        codes = split.codes[images.used]
        chosen = (codes == number) != others
        label = f"{self._words} ({'not ' if others else ''}{split.names[number]})"
        if self.which == "auroc":
            return auroc_of(
                (_apart(images, codes) if others else _plain(images)).where(chosen), label
            )
        side = int(self.which == "sensitivity")
        chosen &= images.labels == side
        right = called_positive(cell, images)[chosen] == bool(side)
        return estimate_proportion(right, images.patients[chosen], images.dataset, label)


def _prevalence(cell: Cell, images: CellScores, split: Split, number: int) -> Estimate:
    """The share of images of a group that have the finding."""
    here = images.where(split.codes[images.used] == number)
    label = f"prevalence of {cell.target} ({split.names[number]})"
    share = estimate_proportion(here.labels == 1, here.patients, here.dataset, label)
    return replace(share, n_positives=how_many(here.patients[here.labels == 1]))


def _plain(images: CellScores) -> CellScores:
    """The same images, each of which counts as much: strata know no weights."""
    return replace(images, weights=None)


def _apart(images: CellScores, codes: NDArray[np.int_]) -> CellScores:
    """The same images, compared with those of their own group alone."""
    folds = 0 if images.strata is None else images.strata
    return replace(_plain(images), strata=codes + (codes.max(initial=0) + 1) * folds)

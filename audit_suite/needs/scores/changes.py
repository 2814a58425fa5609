"""What changes of the picture do to scores and to skill (X1, X2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from audit_suite.changes import Change
from audit_suite.changes.change import SEVERITIES, Effect
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.changed import ChangedRequest
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full, Masking
from audit_suite.needs.need import estimate_in
from audit_suite.needs.scores.cell_scores import CellScores, auroc_of, cell_scores
from audit_suite.needs.scores.operating_point import called_positive, require_operating_point
from audit_suite.needs.scores.ties import refuse_ties
from audit_suite.registry import CHANGES
from audit_suite.statistics import Estimate, estimate_proportion
from audit_suite.statistics.median import estimate_median
from audit_suite.statistics.mid_ranks import mid_ranks
from audit_suite.verdict import NotApplicable

Asked = Literal["shift", "flips", "auroc"]


@dataclass(frozen=True)
class Changed:
    """What one change does: to ranks of scores, to decisions, or to the AUROC.

    The rank of a score is its place among the scores of the unchanged images, 0 to 1, so that
    shifts of models with different scales can be compared.

    Attributes:
        change: Name of a registered change (`audit_suite.changes`).
        asked: ``shift``: the median over images of the absolute change of rank; of a change that
            takes the finding away or puts it in, the median change in the direction in which it
            should go, over the images with, or without, the finding. ``flips``: the share of images
            that are decided otherwise at the operating point. ``auroc``: on the changed images.
        severity: 1 to 5 of a corruption, else 1.
    """

    change: str
    asked: Asked = "shift"
    severity: int = 1

    @property
    def id(self) -> str:
        """The change, and its severity."""
        return self.change if self.severity == 1 else f"{self.change}-{self.severity}"

    @property
    def _kind(self) -> Change:
        kind: Change = CHANGES.find(self.change)
        return kind

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores of whole images and of changed ones.

        Raises:
            NotApplicable: If the model reads the files itself, the label depends on the side that
                the change exchanges, the finding's outline is not known, or the card declares no
                operating point.
        """
        return *cell.requests(Full()), *self._changed(cell)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The estimate, clustered by patient, placed by ``change`` and ``severity``.

        Raises:
            NotApplicable: As `requests`, or if the change applies to no image.
            Inconclusive: If too many pairs of changed images are tied (`refuse_ties`).
        """
        full = cell_scores(cell, source, Full())
        moved = cell_scores(cell, source, Full(), read=self._changed(cell))
        estimate = self._of(cell, full, moved)
        return estimate.placed(change=self.change, severity=float(self.severity))

    def _of(self, cell: Cell, full: CellScores, moved: CellScores) -> Estimate:
        words = self._kind.words
        if self._kind.effect == "worse":
            words += f" of severity {self.severity}"
        if self.asked == "auroc":
            refuse_ties(cell.model, moved, Full())
            return auroc_of(moved, f"AUROC with {words}")
        if self.asked == "flips":
            flipped = called_positive(cell, full) != called_positive(cell, moved)
            label = f"share of decisions that change with {words}"
            return estimate_proportion(flipped, full.patients, full.dataset, label)
        known = np.sort(full.scores)
        change = mid_ranks(moved.scores, known) - mid_ranks(full.scores, known)
        if self._kind.effect in ("none", "worse"):
            label = f"median shift of rank with {words}"
            return estimate_median(np.abs(change), full.patients, full.dataset, label)
        side, sign = (1, -1) if self._kind.effect == "less" else (0, 1)
        # Where nothing could be taken away or put in, the picture and so the score is the same.
        chosen = (full.labels == side) & (moved.scores != full.scores)
        if len(np.unique(full.patients[chosen])) < 2:
            raise NotApplicable(f"no image was changed: none has the finding's outline ({words})")
        label = f"median response of rank to {words}"
        return estimate_median(sign * change[chosen], full.patients[chosen], full.dataset, label)

    def _changed(self, cell: Cell) -> tuple[ChangedRequest, ...]:
        kind, target = self._kind, cell.dataset.targets[cell.target]
        if cell.model.input.function is not None:
            raise NotApplicable(
                "the model card's own function (input.function) reads the image files itself, so "
                "nothing can be changed in them"
            )
        if kind.mirrors and target.sided:
            raise NotApplicable(
                f"'{cell.target}' depends on the side (key targets.{cell.target}.sided), and "
                f"{kind.words} makes another finding of it"
            )
        if kind.needs_finding and target.finding is None:
            raise NotApplicable(
                f"data set card '{cell.dataset.name}' names no outline of '{cell.target}' itself "
                f"(key targets.{cell.target}.finding)"
            )
        if self.asked == "flips":
            require_operating_point(cell)
        whose = cell.target if kind.needs_finding else ""
        return tuple(
            ChangedRequest(r.model, r.fold, r.dataset, r.masking, self.change, self.severity, whose)
            for r in cell.requests(Full())
        )


@dataclass(frozen=True)
class EachChange:
    """`Changed` for every registered change of one effect.

    Attributes:
        effects: ``none`` for those that must not move a score, ``less`` and ``more`` for those that
            must.
        asked: As of `Changed`.
    """

    effects: tuple[Effect, ...] = ("none",)
    asked: Asked = "shift"

    def expand(self, cell: Cell, maskings: Sequence[Masking]) -> tuple[Changed, ...]:
        """One need per change."""
        return tuple(Changed(name, self.asked) for name in _named(self.effects))


@dataclass(frozen=True)
class Worsening:
    """AUROC under one corruption, from severity 1 to 5.

    Attributes:
        change: Name of a registered corruption.
    """

    change: str

    @property
    def id(self) -> str:
        """The corruption."""
        return self.change

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores of whole images and at every severity.

        Raises:
            NotApplicable: As `Changed.requests`.
        """
        asked = [r for one in cell.each() for need in self._each for r in need.requests(one)]
        return tuple(dict.fromkeys(asked))

    def answer(self, cell: Cell, source: EvidenceSource) -> tuple[Estimate, ...]:
        """One AUROC per severity, placed by ``change`` and ``severity``."""
        return tuple(estimate_in(need, cell, source) for need in self._each)

    @property
    def _each(self) -> tuple[Changed, ...]:
        return tuple(Changed(self.change, "auroc", severity) for severity in SEVERITIES)


def corruptions() -> list[Worsening]:
    """Needs: `Worsening` for every corruption that is registered, one case each."""
    return [Worsening(name) for name in _named(("worse",))]


def _named(effects: Sequence[Effect]) -> list[str]:
    return sorted(name for name, change in CHANGES.items() if change.effect in effects)

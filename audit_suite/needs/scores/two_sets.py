"""New cases beside the audited ones: whose images they are, and how their numbers compare."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import DatasetCard, audited_card, canonical_digest
from audit_suite.datasets import Dataset
from audit_suite.discreet import Discreet
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest, ScoreTable
from audit_suite.maskings import Full
from audit_suite.needs.scores.groups import split_by
from audit_suite.needs.scores.scale import mean_of_scores
from audit_suite.statistics import Estimate, estimate_auroc
from audit_suite.statistics.numbering import how_many
from audit_suite.verdict import NotApplicable

FEWEST = 30
"""Patients of either side with fewer of whom nothing is compared."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class TwoSets(Discreet):
    """The readable images of the audited data set and of new patients, one after the other.

    Attributes:
        new: Shape (n,), which images are new.
        patients: Shape (n,), numbers of patients, of whom none is in both.
        scores: Shape (n,), as images are ranked.
        measured: Shape (n, k), properties and acquisition, as stored with full images.
        groups: Names of the groups by the tags asked for, and shape (n,), each image's number.
        digest: Of both data sets together.
    """

    new: NDArray[np.bool_]
    patients: NDArray[np.int_]
    scores: Floats
    measured: Floats
    groups: tuple[tuple[str, ...], NDArray[np.int_]]
    digest: str

    def where(self, kept: NDArray[np.bool_]) -> TwoSets:
        """The same for a subset of the images.

        Args:
            kept: Shape (n,).
        """
        return replace(
            self,
            new=self.new[kept],
            patients=self.patients[kept],
            scores=self.scores[kept],
            measured=self.measured[kept],
            groups=(self.groups[0], self.groups[1][kept]),
        )

    @property
    def fewest(self) -> int:
        """Patients on the side that has fewer."""
        return min(how_many(self.patients[side]) for side in (self.new, ~self.new))


def audited_cell(cell: Cell) -> Cell:
    """The cell of the audited data set that new cases are compared with.

    Raises:
        NotApplicable: If the card names none, or that one lacks the target; or scores come from
            folds that are held out, which new cases have not.
        AuditError: If the audited card is missing or wrong.
    """
    card = audited_card(cell.dataset)
    if card is None:
        raise NotApplicable(
            f"data set card '{cell.dataset.name}' names no audited data set (key audited): "
            f"`audit-suite watch` takes it from a record"
        )
    if cell.target not in card.targets:
        raise NotApplicable(f"the audited data set '{card.name}' has no target '{cell.target}'")
    if cell.average == "held-out":
        raise NotApplicable("new cases have no fold that did not train on them (held_out)")
    return replace(cell, dataset=card)


def drift_requests(cell: Cell) -> tuple[ScoreRequest, ...]:
    """Whole images of both data sets.

    Raises:
        NotApplicable: As `audited_cell`.
    """
    return *cell.requests(Full()), *audited_cell(cell).requests(Full())


def two_sets(cell: Cell, source: EvidenceSource, tag: str = "") -> TwoSets:
    """Read both data sets of a cell.

    Args:
        cell: Of the new cases.
        source: Stored evidence.
        tag: By whose values images are grouped; empty for one group.

    Raises:
        NotApplicable: As `audited_cell`, or if fewer than 30 new patients are left, those of the
            audited data set apart.
    """
    cells = cell, audited_cell(cell)
    new, old = (source.dataset(each.dataset) for each in cells)
    fresh = fresh_cases(new, old)
    sides = []
    for each, dataset, chosen in ((cells[0], new, fresh), (cells[1], old, None)):
        tables = [source.read(request) for request in each.requests(Full())]
        used = tables[0].used if chosen is None else tables[0].used & chosen
        sides.append((dataset, used, _scores(each, tables)[used], _measured(tables[0], used)))
    both = [case for dataset, *_ in sides for case in dataset.cases]
    split = split_by(both, (tag,)) if tag else None
    codes = np.zeros(len(both), np.int_) if split is None else split.codes
    there = np.concatenate([used for _, used, *_ in sides])
    is_new = np.repeat([True, False], [int(used.sum()) for _, used, *_ in sides])
    offset = int(new.patients.max(initial=-1)) + 1
    pair = TwoSets(
        new=is_new,
        patients=np.concatenate([new.patients, old.patients + offset])[there],
        scores=np.concatenate([scores for *_, scores, _ in sides]),
        measured=np.concatenate([measured for *_, measured in sides]),
        groups=(("",) if split is None else split.names, codes[there]),
        digest=canonical_digest(["drift", new.digest, old.digest]),
    )
    if pair.fewest < FEWEST:
        raise NotApplicable(
            f"{how_many(pair.patients[is_new])} new and {how_many(pair.patients[~is_new])} "
            f"audited patients can be compared, those of both data sets apart: {FEWEST} of each "
            f"are needed"
        )
    return pair


def fresh_cases(new: Dataset, old: Dataset) -> NDArray[np.bool_]:
    """Which new images are of patients whom the audited data set does not have, shape (images,).

    Phantoms of different seeds draw different patients under the same names.
    """
    if _drawn_from(new.card) != _drawn_from(old.card):
        return np.ones(len(new.cases), np.bool_)
    known = {case.patient for case in old.cases}
    return np.array([case.patient not in known for case in new.cases], np.bool_)


def compared(both: TwoSets, values: Floats, label: str) -> Estimate:
    """Chance that a number of a new image exceeds one of an audited image, ties counting half.

    Args:
        both: The images.
        values: Shape (n,), finite.
        label: What is compared.

    Returns:
        An AUROC, clustered by patient, with the two-sided ``p`` value against one half.
    """
    estimate = estimate_auroc(both.new.astype(int), values, both.patients, both.digest, label)
    p_value = min(1.0, 2 * min(estimate.scale.p_above(0.5), estimate.scale.p_below(0.5)))
    # Its positives are new patients, not patients with the finding.
    return replace(estimate, n_positives=None).placed(p=p_value)


def by_group(both: TwoSets) -> list[tuple[str, TwoSets]]:
    """Each group with enough new patients, beside audited ones of the same group.

    Where the audited data set has too few of a group, as of a new site, it is compared with all.
    """
    names, codes = both.groups
    groups = []
    for number, name in enumerate(names):
        mine = codes == number
        if how_many(both.patients[mine & both.new]) < FEWEST:
            continue
        if how_many(both.patients[mine & ~both.new]) >= FEWEST:
            groups.append((name, both.where(mine)))
        else:
            words = f"{name} (hardly any audited: beside all of them)"
            groups.append((words, both.where(mine | ~both.new)))
    return groups


def _scores(cell: Cell, tables: list[ScoreTable]) -> Floats:
    column = cell.model.targets.index(cell.target)
    return mean_of_scores(cell.model, np.array([table.scores[:, column] for table in tables]))


def _measured(table: ScoreTable, used: NDArray[np.bool_]) -> Floats:
    assert table.properties is not None, "full images carry their properties"
    return table.properties[used].astype(np.float64)


def _drawn_from(card: DatasetCard) -> Any:
    return None if card.phantom is None else card.phantom.seed

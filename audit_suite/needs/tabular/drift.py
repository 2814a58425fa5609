"""Do new cases' images look as those of the audited data set do? (D2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from audit_suite.datasets.acquisition import AREAS
from audit_suite.datasets.properties import INSIDE, OF_THE_FILE, PROPERTIES
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Masking
from audit_suite.needs.classifier import cross_validated_auroc, imputer, logistic, scaler
from audit_suite.needs.scores.drift import groups_of, refuse_no_tag
from audit_suite.needs.scores.two_sets import (
    FEWEST,
    TwoSets,
    audited_cell,
    compared,
    drift_requests,
    two_sets,
)
from audit_suite.needs.tabular.cues import ACQUISITION
from audit_suite.statistics import Estimate
from audit_suite.statistics.numbering import how_many
from audit_suite.verdict import NotApplicable

WATCHED = (*(name for name in PROPERTIES if name not in INSIDE), ACQUISITION)
"""What is compared. Properties of the region itself are not: disease moves them."""


@dataclass(frozen=True)
class PropertyDrift:
    """Chance that a property of a new image exceeds that of an audited one; .5 without drift.

    Of the acquisition it is the AUROC of a classifier that tells new images from audited ones by
    how they look outside the region's box, on patients that it did not see.

    Attributes:
        name: One of `WATCHED`.
    """

    name: str

    @property
    def id(self) -> str:
        """The property."""
        return self.name

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Whole images of both data sets, with which properties are stored.

        Raises:
            NotApplicable: As `drift_requests`, or if only one of the data sets has the region
                outside of which the property is measured.
        """
        if self.name not in OF_THE_FILE:
            _refuse_other_regions(cell)
        return drift_requests(cell)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The chance, clustered by patient, placed by ``drift`` and ``group``.

        Raises:
            NotApplicable: As `requests`, or if it is known of fewer than 30 patients of a side, or
                the same in all images.
        """
        self.requests(cell)
        both = two_sets(cell, source)
        if self.name != ACQUISITION:
            return _drift(self.name, both, "")
        return _acquisition(both, source.profile.seed)


@dataclass(frozen=True)
class EachPropertyDrift:
    """`PropertyDrift` of every property, and of the acquisition."""

    def expand(self, cell: Cell, maskings: Sequence[Masking]) -> tuple[PropertyDrift, ...]:
        """One need per property."""
        return tuple(PropertyDrift(name) for name in WATCHED)


@dataclass(frozen=True)
class PropertyDriftBy:
    """`PropertyDrift` of every property within each value of the tags under ``watch_by``."""

    id: str = "groups"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """As `PropertyDrift.requests`.

        Raises:
            NotApplicable: As `drift_requests`, or if the card names no tag to watch by.
        """
        refuse_no_tag(cell)
        return drift_requests(cell)

    def answer(self, cell: Cell, source: EvidenceSource) -> tuple[Estimate, ...]:
        """One estimate per group and property; those that cannot be compared are left out.

        Raises:
            NotApplicable: As `requests`, or if no group has 30 new patients.
        """
        names = [name for name in WATCHED if name != ACQUISITION]
        try:
            _refuse_other_regions(cell)
        except NotApplicable:
            names = list(OF_THE_FILE)
        estimates = []
        for group, both in groups_of(cell, source):
            for name in names:
                try:
                    estimates.append(_drift(name, both, group))
                except NotApplicable:
                    continue
        if not estimates:
            raise NotApplicable("no property can be compared in any group")
        return tuple(estimates)


def _refuse_other_regions(cell: Cell) -> None:
    audited = audited_cell(cell).dataset
    if bool(cell.dataset.roi_regions) != bool(audited.roi_regions):
        without = cell.dataset if audited.roi_regions else audited
        raise NotApplicable(
            f"it is measured outside the region's box, and data set '{without.name}' names no "
            f"region (key targets.{cell.target}.roi)"
        )


def _drift(name: str, both: TwoSets, group: str) -> Estimate:
    values = both.measured[:, PROPERTIES.index(name)]
    known = np.isfinite(values)
    some = both.where(known)
    sides = [how_many(some.patients[side]) for side in (some.new, ~some.new)]
    if min(sides) < FEWEST:
        raise NotApplicable(f"{name} is known of {min(sides)} patients of one side, not {FEWEST}")
    if len(np.unique(values[known])) < 2:
        raise NotApplicable(f"all images have the same {name}")
    where = f", {group}" if group else ""
    label = f"chance that a new image's {name} is the larger{where}"
    return compared(some, values[known], label).placed(drift=name, group=group)


def _acquisition(both: TwoSets, seed: int) -> Estimate:
    looks = both.measured[:, len(PROPERTIES) :]
    if not np.isfinite(looks).any():
        raise NotApplicable("no image has a region with anything left of it outside the box")
    estimate = cross_validated_auroc(
        looks,
        both.new.astype(int),
        both.patients,
        both.digest,
        logistic(f"acquisition drift {' '.join(AREAS)}", imputer, scaler),
        seed,
        "AUROC of telling new images from audited ones by how they were made",
    )
    p_value = estimate.scale.p_above(0.5)
    return replace(estimate, n_positives=None).placed(drift=ACQUISITION, group="", p=p_value)

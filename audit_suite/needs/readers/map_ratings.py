"""How plausible readers find the model's attribution maps (H5)."""

from __future__ import annotations

from dataclasses import dataclass

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.needs.readers.answers import OfReadings, readings_of
from audit_suite.readings import LEVELS
from audit_suite.statistics import Estimate, estimate_mean
from audit_suite.verdict import NotApplicable


@dataclass(frozen=True)
class MapPlausibility(OfReadings):
    """Mean rating of the maps that readers were shown, 1 to 5, by explainer."""

    @property
    def id(self) -> str:
        """Its name."""
        return "map-plausibility"

    def answer(self, cell: Cell, source: EvidenceSource) -> tuple[Estimate, ...]:
        """Estimates placed by ``method``.

        Raises:
            NotApplicable: If there are no readings or no maps among them.
            AuditError: If the data set has changed since it was read.
        """
        study = readings_of(cell, source)
        dataset = source.dataset(cell.dataset)
        rated: dict[str, list[tuple[float, int]]] = {}
        for reading in study.readings:
            for answer in reading.answers:
                item = study.key.items[answer.code]
                if item.method and item.target == cell.target and answer.plausibility is not None:
                    patient = int(dataset.patients[item.index])
                    rating = float(answer.plausibility), patient
                    rated.setdefault(item.method, []).append(rating)
        estimates = []
        for method, pairs in sorted(rated.items()):
            values, patients = zip(*pairs, strict=True)
            if len(set(patients)) > 1:
                label = f"plausibility of maps by {method}"
                ends = (1.0, float(LEVELS))
                mean = estimate_mean(values, patients, dataset.digest, label, ends)
                estimates.append(mean.placed(method=method))
        if not estimates:
            raise NotApplicable("readers were shown no maps of this target")
        return tuple(estimates)

"""What data sets and stored evidence say for a forecast."""

from __future__ import annotations

from audit_suite.datasets import Dataset
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.maskings import WithoutROI
from audit_suite.needs import estimate_in, requests_in
from audit_suite.needs.scores.auroc import auroc
from audit_suite.statistics.at_hand import AtHand
from audit_suite.statistics.design import Cohort
from audit_suite.verdict import NotApplicable

FULL = auroc()
HIDDEN = tuple(auroc(WithoutROI(shape="box", fill=fill)) for fill in ("black", "mean", "blur"))
"""What R8-box reads."""


def cohort_of(dataset: Dataset, target: str) -> Cohort:
    """The patients who have a label of a target, also where the data set is a sample of them.

    Decodes no image.
    """
    every = dataset.sampled_from or dataset
    labelled = [case for case in every.cases if target in case.labels]
    positive = {case.patient for case in labelled if case.labels[target] == 1}
    patients = {case.patient for case in labelled}
    return Cohort(len(positive), len(patients - positive), len(labelled) / max(1, len(patients)))


def at_hand(cell: Cell, source: EvidenceSource) -> AtHand | None:
    """The estimates of R1 and R8-box in a cell, if all their scores are stored; computes none.

    Raises:
        AuditError: If the data set or the model cannot be read, or no estimate can be made.
    """
    needs = (FULL, *HIDDEN)
    try:
        if any(source.missing(request) for need in needs for request in requests_in(need, cell)):
            return None
        full, *hidden = (estimate_in(need, cell, source) for need in needs)
    except NotApplicable:
        return None
    return AtHand.of(full, hidden)

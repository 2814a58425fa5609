"""Keep with the evidence what a later release is compared by."""

from __future__ import annotations

from audit_suite.audit.opening import Audit
from audit_suite.cards import canonical_digest
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.record import Finding
from audit_suite.releases.influences import keep_influences
from audit_suite.statistics import Recorded


def model_digest(cell: Cell, source: EvidenceSource) -> str:
    """The digest of a cell's model, over the folds that are audited together.

    Raises:
        AuditError: If the model cannot be loaded.
    """
    digests = [source.model_digest(cell.model, fold) for fold in cell.folds]
    return digests[0] if len(digests) == 1 else canonical_digest(digests)


def keep(cell: Cell, finding: Finding, recorded: Recorded, audit: Audit) -> None:
    """Store every patient's influence on what a finding compared.

    Args:
        cell: Where it was judged.
        finding: As it was judged.
        recorded: What its check compared.
        audit: Where the evidence is.
    """
    if not recorded.comparisons:
        return
    source = audit.source
    try:
        model, dataset = model_digest(cell, source), source.dataset(cell.dataset).digest
    except AuditError:
        return  # there is nothing to compare with; the finding names the problem
    keep_influences(source.store, finding, recorded.comparisons, model, dataset)

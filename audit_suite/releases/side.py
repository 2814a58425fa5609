"""One side of a comparison: what an audit found, and where its evidence is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit_suite.evidence.store import EvidenceStore
from audit_suite.record import Finding, Provenance, Record
from audit_suite.releases.influences import read_influences
from audit_suite.statistics.influence import Influence


@dataclass(frozen=True)
class Side:
    """An audit, before its record is written or after it was read.

    Attributes:
        findings: One per case.
        provenance: What was audited, and how.
        policy: Name and digest of what it followed.
        stores: Where its evidence may be; none to compare intervals alone.
    """

    findings: Sequence[Finding]
    provenance: Provenance
    policy: tuple[str, str]
    stores: Sequence[EvidenceStore]

    @classmethod
    def of(cls, record: Record, stores: Sequence[EvidenceStore]) -> Side:
        """The side of a record."""
        policy = record.policy.name, record.policy.digest
        return cls(record.findings, record.provenance, policy, stores)

    def model(self, name: str) -> str:
        """The digest of a model; empty if it could not be loaded."""
        models = self.provenance.models
        return next((model.digest for model in models if model.name == name), "")

    def dataset(self, name: str) -> str:
        """The digest of a data set; empty if it could not be loaded."""
        datasets = self.provenance.datasets
        return next((each.digest for each in datasets if each.name == name), "")

    def influences(self, finding: Finding) -> list[Influence | None]:
        """Every patient's influence on a finding's comparisons, as far as it is stored."""
        model, dataset = self.model(finding.model), self.dataset(finding.dataset)
        return read_influences(self.stores, finding, model, dataset)

"""Evidence: what is asked, computed once, and stored by the hash of all that decided it."""

from audit_suite.evidence.cell import Cell
from audit_suite.evidence.profile import EvidenceProfile, choose_profile
from audit_suite.evidence.source import (
    EvidenceSource,
    Request,
    compute,
    describe_plan,
    plan,
)
from audit_suite.evidence.store import EvidenceStore

__all__ = [
    "Cell",
    "EvidenceProfile",
    "EvidenceSource",
    "EvidenceStore",
    "Request",
    "choose_profile",
    "compute",
    "describe_plan",
    "plan",
]

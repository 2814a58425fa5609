"""Evidence: requested, computed once, and stored under a hash of everything that determines it."""

from audit_suite.evidence.cell import Cell
from audit_suite.evidence.computing import compute
from audit_suite.evidence.describing import describe_plan
from audit_suite.evidence.profile import EvidenceProfile, choose_profile
from audit_suite.evidence.source import (
    EvidenceSource,
    Request,
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

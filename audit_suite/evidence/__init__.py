"""Evidence: what is asked, computed once, and stored by the hash of all that decided it."""

from audit_suite.evidence.profile import EvidenceProfile, choose_profile
from audit_suite.evidence.request import Cell, Request, plan
from audit_suite.evidence.source import SHARD, EvidenceSource, ScoreTable
from audit_suite.evidence.store import EvidenceStore

__all__ = [
    "SHARD",
    "Cell",
    "EvidenceProfile",
    "EvidenceSource",
    "EvidenceStore",
    "Request",
    "ScoreTable",
    "choose_profile",
    "plan",
]

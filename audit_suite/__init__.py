"""A pytest-style audit harness for medical-image models.

What a check is written with: `check` declares what a test needs, `auroc` and its kin say what can
be estimated, maskings say what the model is shown. Importing this imports no torch.
"""

from audit_suite.checks import check, report_only
from audit_suite.errors import AuditError
from audit_suite.maskings import Full, Masking, OnlyROI, WithoutROI
from audit_suite.needs import MASKINGS, auroc, flip_rate, score_shift
from audit_suite.statistics import Estimate, Family, Margin
from audit_suite.verdict import Inconclusive, NotApplicable, Verdict

__all__ = [
    "MASKINGS",
    "AuditError",
    "Estimate",
    "Family",
    "Full",
    "Inconclusive",
    "Margin",
    "Masking",
    "NotApplicable",
    "OnlyROI",
    "Verdict",
    "WithoutROI",
    "auroc",
    "check",
    "flip_rate",
    "report_only",
    "score_shift",
]

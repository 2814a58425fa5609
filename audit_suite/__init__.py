"""A pytest-style audit harness for medical-image models.

What a check is written with: `check` declares what a test needs, `auroc` and its kin say what can
be estimated, maskings say what the model is shown. Importing this imports no torch.
"""

from audit_suite.checks import check, report_only
from audit_suite.errors import AuditError
from audit_suite.maskings import Full, Masking, OnlyROI, WithoutROI
from audit_suite.needs import (
    FACTORS,
    MASKINGS,
    agreement,
    at_margin,
    auroc,
    baseline,
    baseline_and_score,
    dilated,
    flip_rate,
    internal,
    outline_auroc,
    outline_property,
    parity,
    score_shift,
    selective,
)
from audit_suite.statistics import Estimate, Exact, Family, Margin, observe
from audit_suite.verdict import Inconclusive, NotApplicable, Verdict

__all__ = [
    "FACTORS",
    "MASKINGS",
    "AuditError",
    "Estimate",
    "Exact",
    "Family",
    "Full",
    "Inconclusive",
    "Margin",
    "Masking",
    "NotApplicable",
    "OnlyROI",
    "Verdict",
    "WithoutROI",
    "agreement",
    "at_margin",
    "auroc",
    "baseline",
    "baseline_and_score",
    "check",
    "dilated",
    "flip_rate",
    "internal",
    "observe",
    "outline_auroc",
    "outline_property",
    "parity",
    "report_only",
    "score_shift",
    "selective",
]

"""A pytest-style audit harness for medical-image models.

What a check is written with: `check` declares what a test needs, `auroc` and its kin say what can
be estimated, maskings say what the model is shown. Importing this imports no torch.
"""

from audit_suite.checks import check, report_only, require_skill
from audit_suite.errors import AuditError
from audit_suite.maskings import Full, Masking, OnlyROI, WithoutROI
from audit_suite.needs import (
    FACTORS,
    MASKINGS,
    agreement,
    association,
    at_margin,
    auroc,
    background_gap,
    baseline,
    baseline_and_score,
    contrast,
    departure,
    dilated,
    domain,
    each_property,
    each_stratum,
    flip_rate,
    following,
    internal,
    outline_auroc,
    outline_property,
    parity,
    permuted_fails,
    planted,
    score_shift,
    selective,
    within,
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
    "association",
    "at_margin",
    "auroc",
    "background_gap",
    "baseline",
    "baseline_and_score",
    "check",
    "contrast",
    "departure",
    "dilated",
    "domain",
    "each_property",
    "each_stratum",
    "flip_rate",
    "following",
    "internal",
    "observe",
    "outline_auroc",
    "outline_property",
    "parity",
    "permuted_fails",
    "planted",
    "report_only",
    "require_skill",
    "score_shift",
    "selective",
    "within",
]

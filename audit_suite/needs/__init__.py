"""What a check can ask for: evidence in, `Estimate` out."""

from audit_suite.needs.auroc import MASKINGS, Auroc, EachMasking, auroc
from audit_suite.needs.dilation import FACTORS, at_margin, dilated, selective
from audit_suite.needs.external import internal
from audit_suite.needs.metadata import agreement, baseline, baseline_and_score
from audit_suite.needs.need import Need, estimate_in, requests_in
from audit_suite.needs.outline import outline_auroc, outline_property
from audit_suite.needs.parity import parity
from audit_suite.needs.shift import FlipRate, ScoreShift, flip_rate, score_shift

__all__ = [
    "FACTORS",
    "MASKINGS",
    "Auroc",
    "EachMasking",
    "FlipRate",
    "Need",
    "ScoreShift",
    "agreement",
    "at_margin",
    "auroc",
    "baseline",
    "baseline_and_score",
    "dilated",
    "estimate_in",
    "flip_rate",
    "internal",
    "outline_auroc",
    "outline_property",
    "parity",
    "requests_in",
    "score_shift",
    "selective",
]

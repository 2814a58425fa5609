"""What a check can ask for: evidence in, `Estimate` out."""

from audit_suite.needs.auroc import MASKINGS, Auroc, EachMasking, auroc
from audit_suite.needs.need import Need, estimate_in, requests_in
from audit_suite.needs.shift import FlipRate, ScoreShift, flip_rate, score_shift

__all__ = [
    "MASKINGS",
    "Auroc",
    "EachMasking",
    "FlipRate",
    "Need",
    "ScoreShift",
    "auroc",
    "estimate_in",
    "flip_rate",
    "requests_in",
    "score_shift",
]

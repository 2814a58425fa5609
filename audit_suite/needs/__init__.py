"""What a check can ask for: evidence in, `Estimate` out."""

from audit_suite.needs.auroc import Auroc, auroc
from audit_suite.needs.need import Need
from audit_suite.needs.shift import FlipRate, ScoreShift, flip_rate, score_shift

__all__ = ["Auroc", "FlipRate", "Need", "ScoreShift", "auroc", "flip_rate", "score_shift"]

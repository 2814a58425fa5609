"""What a check can ask for: evidence in, `Estimate` out."""

from audit_suite.needs.auroc import MASKINGS, Auroc, EachMasking, auroc
from audit_suite.needs.combined import contrast
from audit_suite.needs.dilation import FACTORS, at_margin, dilated, selective
from audit_suite.needs.embedding import departure, domain
from audit_suite.needs.external import internal
from audit_suite.needs.instrument import permuted_fails, planted
from audit_suite.needs.metadata import agreement, baseline, baseline_and_score
from audit_suite.needs.need import Expanding, Need, estimate_in, requests_in
from audit_suite.needs.outline import outline_auroc, outline_property
from audit_suite.needs.parity import parity
from audit_suite.needs.properties import association, each_property, following
from audit_suite.needs.shift import FlipRate, ScoreShift, flip_rate, score_shift
from audit_suite.needs.strata import each_stratum, within
from audit_suite.needs.swap import background_gap

__all__ = [
    "FACTORS",
    "MASKINGS",
    "Auroc",
    "EachMasking",
    "Expanding",
    "FlipRate",
    "Need",
    "ScoreShift",
    "agreement",
    "association",
    "at_margin",
    "auroc",
    "background_gap",
    "baseline",
    "baseline_and_score",
    "contrast",
    "departure",
    "dilated",
    "domain",
    "each_property",
    "each_stratum",
    "estimate_in",
    "flip_rate",
    "following",
    "internal",
    "outline_auroc",
    "outline_property",
    "parity",
    "permuted_fails",
    "planted",
    "requests_in",
    "score_shift",
    "selective",
    "within",
]

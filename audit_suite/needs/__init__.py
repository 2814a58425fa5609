"""What a check can ask for: evidence in, `Estimate` out."""

from audit_suite.needs.attribution import Explaining, localisation, mass_lift, outside_shapley
from audit_suite.needs.auroc import MASKINGS, Auroc, EachMasking, auroc
from audit_suite.needs.combined import contrast
from audit_suite.needs.contours import outline_agreement
from audit_suite.needs.dilation import FACTORS, at_margin, dilated, selective
from audit_suite.needs.embedding import departure, domain
from audit_suite.needs.external import internal
from audit_suite.needs.instrument import permuted_fails, planted
from audit_suite.needs.metadata import agreement, baseline, baseline_and_score
from audit_suite.needs.need import Expanding, Need, estimate_in, requests_in
from audit_suite.needs.outline import outline_auroc, outline_property
from audit_suite.needs.parity import parity
from audit_suite.needs.plausibility import (
    each_never_alone,
    each_never_share,
    expected_excess,
)
from audit_suite.needs.probe import each_tag, probe
from audit_suite.needs.properties import association, each_property, following
from audit_suite.needs.readers import (
    AheadOfReaders,
    ahead_of_readers,
    map_plausibility,
    reader_agreement,
    reader_skill,
    unanswered,
)
from audit_suite.needs.shift import FlipRate, ScoreShift, flip_rate, score_shift
from audit_suite.needs.similarity import each_similarity, similarity
from audit_suite.needs.strata import each_stratum, within
from audit_suite.needs.swap import background_gap
from audit_suite.needs.trust import (
    each_cluster,
    faithfulness,
    incompleteness,
    randomisation,
    repeatability,
)

__all__ = [
    "FACTORS",
    "MASKINGS",
    "AheadOfReaders",
    "Auroc",
    "EachMasking",
    "Expanding",
    "Explaining",
    "FlipRate",
    "Need",
    "ScoreShift",
    "agreement",
    "ahead_of_readers",
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
    "each_cluster",
    "each_never_alone",
    "each_never_share",
    "each_property",
    "each_similarity",
    "each_stratum",
    "each_tag",
    "estimate_in",
    "expected_excess",
    "faithfulness",
    "flip_rate",
    "following",
    "incompleteness",
    "internal",
    "localisation",
    "map_plausibility",
    "mass_lift",
    "outline_agreement",
    "outline_auroc",
    "outline_property",
    "outside_shapley",
    "parity",
    "permuted_fails",
    "planted",
    "probe",
    "randomisation",
    "reader_agreement",
    "reader_skill",
    "repeatability",
    "requests_in",
    "score_shift",
    "selective",
    "similarity",
    "unanswered",
    "within",
]

"""A pytest-style audit harness for medical-image models.

To write checks: `check` declares what a test needs, needs such as `auroc` name what is estimated,
and maskings name what the model is shown. `run` audits from Python. `audit_suite.extend` has
everything that extends the package. Names are imported when they are first used.
"""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audit_suite.audit.run import run as run
    from audit_suite.checks import check as check
    from audit_suite.checks import margin_for as margin_for
    from audit_suite.checks import report_only as report_only
    from audit_suite.checks import require_skill as require_skill
    from audit_suite.errors import AuditError as AuditError
    from audit_suite.maskings import Full as Full
    from audit_suite.maskings import Masking as Masking
    from audit_suite.maskings import OnlyROI as OnlyROI
    from audit_suite.maskings import Shuffled as Shuffled
    from audit_suite.maskings import WithoutROI as WithoutROI
    from audit_suite.needs.combined import Contrast as contrast
    from audit_suite.needs.embeddings.distance import Departure as departure
    from audit_suite.needs.embeddings.distance import Domain as domain
    from audit_suite.needs.embeddings.probe import EachTag as each_tag
    from audit_suite.needs.embeddings.probe import Probe as probe
    from audit_suite.needs.embeddings.similarity import EachSimilarity as each_similarity
    from audit_suite.needs.embeddings.similarity import Similarity as similarity
    from audit_suite.needs.embeddings.slices import WorstSlice as worst_slice
    from audit_suite.needs.embeddings.use import ScoreProbe as score_probe
    from audit_suite.needs.embeddings.use import encoded_and_used as encoded_and_used
    from audit_suite.needs.internal import Internal as internal
    from audit_suite.needs.maps.attribution import Excess as localisation
    from audit_suite.needs.maps.attribution import MassLift as mass_lift
    from audit_suite.needs.maps.attribution import OutsideShare as outside_shapley
    from audit_suite.needs.maps.expected_regions import EachNever as each_never
    from audit_suite.needs.maps.expected_regions import ExpectedExcess as expected_excess
    from audit_suite.needs.maps.grid import EdgeShare as edge_shapley
    from audit_suite.needs.maps.method_tests import EachCluster as each_cluster
    from audit_suite.needs.maps.method_tests import Faithfulness as faithfulness
    from audit_suite.needs.maps.method_tests import Incompleteness as incompleteness
    from audit_suite.needs.maps.method_tests import Randomisation as randomisation
    from audit_suite.needs.maps.method_tests import Repeatability as repeatability
    from audit_suite.needs.maps.reader_outlines import OutlineAgreement as outline_agreement
    from audit_suite.needs.readers.agreement import ReaderAgreement as reader_agreement
    from audit_suite.needs.readers.map_ratings import MapPlausibility as map_plausibility
    from audit_suite.needs.readers.skill import AheadOfReaders as ahead_of_readers
    from audit_suite.needs.readers.skill import ReaderSkill as reader_skill
    from audit_suite.needs.readers.skill import Unanswered as unanswered
    from audit_suite.needs.scores.auroc import MASKINGS as MASKINGS
    from audit_suite.needs.scores.auroc import auroc as auroc
    from audit_suite.needs.scores.calibration import Calibration as reliability
    from audit_suite.needs.scores.changes import Changed as changed
    from audit_suite.needs.scores.changes import EachChange as each_change
    from audit_suite.needs.scores.changes import corruptions as corruptions
    from audit_suite.needs.scores.counterexample import counterexample as counterexample
    from audit_suite.needs.scores.dilation import FACTORS as FACTORS
    from audit_suite.needs.scores.dilation import DilatedAuroc as dilated
    from audit_suite.needs.scores.dilation import MarginAuroc as at_margin
    from audit_suite.needs.scores.dilation import SelectiveDilation as selective
    from audit_suite.needs.scores.drift import ScoreDrift as score_drift
    from audit_suite.needs.scores.drift import ScoreDriftBy as score_drift_by
    from audit_suite.needs.scores.edits import EachEdit as each_edit
    from audit_suite.needs.scores.edits import Edited as edited
    from audit_suite.needs.scores.folded import FoldedAuroc as folded_auroc
    from audit_suite.needs.scores.in_file import AurocInFile as auroc_in_file
    from audit_suite.needs.scores.numbers import Numbers as numbers
    from audit_suite.needs.scores.operating_point import sensitivity as sensitivity
    from audit_suite.needs.scores.operating_point import specificity as specificity
    from audit_suite.needs.scores.operating_point import youden as youden
    from audit_suite.needs.scores.parity import Parity as parity
    from audit_suite.needs.scores.permuted_labels import PermutedFails as permuted_fails
    from audit_suite.needs.scores.planted import Planted as planted
    from audit_suite.needs.scores.shift import FlipRate as flip_rate
    from audit_suite.needs.scores.shift import ScoreShift as score_shift
    from audit_suite.needs.scores.strata import EachStratum as each_stratum
    from audit_suite.needs.scores.strata import WithinStrata as within
    from audit_suite.needs.scores.subgroups import ByGroup as by_group
    from audit_suite.needs.scores.swap import BackgroundGap as background_gap
    from audit_suite.needs.tabular.acquisition import AcquisitionAuroc as acquisition_auroc
    from audit_suite.needs.tabular.appearance import AppearanceAuroc as appearance_auroc
    from audit_suite.needs.tabular.associations import Association as association
    from audit_suite.needs.tabular.associations import EachProperty as each_property
    from audit_suite.needs.tabular.associations import Following as following
    from audit_suite.needs.tabular.drift import EachPropertyDrift as each_property_drift
    from audit_suite.needs.tabular.drift import PropertyDriftBy as property_drift_by
    from audit_suite.needs.tabular.mask_alone import OutlineAuroc as outline_auroc
    from audit_suite.needs.tabular.mask_alone import OutlineProperty as outline_property
    from audit_suite.needs.tabular.mask_sanity import MaskFault as mask_fault
    from audit_suite.needs.tabular.mask_sanity import MaskFit as mask_fit
    from audit_suite.needs.tabular.metadata import Agreement as agreement
    from audit_suite.needs.tabular.metadata import Baseline as baseline
    from audit_suite.needs.tabular.near_duplicates import NearDuplicateShare as near_duplicate_share
    from audit_suite.needs.tabular.separation import EachShare as each_share
    from audit_suite.needs.tabular.separation import ShareOfSeparation as share_of_separation
    from audit_suite.readings import FEWEST_READERS as FEWEST_READERS
    from audit_suite.record import Finding as Finding
    from audit_suite.record import Record as Record
    from audit_suite.record import load_record as load_record
    from audit_suite.statistics import Estimate as Estimate
    from audit_suite.statistics import Every as Every
    from audit_suite.statistics import Exact as Exact
    from audit_suite.statistics import Family as Family
    from audit_suite.statistics import Margin as Margin
    from audit_suite.statistics import from_chance as from_chance
    from audit_suite.statistics import observe as observe
    from audit_suite.statistics import ratio as ratio
    from audit_suite.statistics import share_kept as share_kept
    from audit_suite.verdict import Inconclusive as Inconclusive
    from audit_suite.verdict import NotApplicable as NotApplicable
    from audit_suite.verdict import Verdict as Verdict

__all__ = [  # noqa: RUF022 - grouped by use
    # Writing a check
    "check",
    "margin_for",
    "observe",
    "report_only",
    "require_skill",
    "Estimate",
    "Every",
    "Exact",
    "Family",
    "Margin",
    "from_chance",
    "ratio",
    "share_kept",
    "AuditError",
    "Inconclusive",
    "NotApplicable",
    "Verdict",
    # What the model is shown
    "Full",
    "Masking",
    "OnlyROI",
    "Shuffled",
    "WithoutROI",
    "FACTORS",
    "MASKINGS",
    # What can be asked of its scores
    "at_margin",
    "auroc",
    "auroc_in_file",
    "background_gap",
    "by_group",
    "changed",
    "contrast",
    "counterexample",
    "corruptions",
    "dilated",
    "each_change",
    "each_edit",
    "each_stratum",
    "edited",
    "flip_rate",
    "folded_auroc",
    "internal",
    "numbers",
    "parity",
    "permuted_fails",
    "planted",
    "reliability",
    "score_drift",
    "score_drift_by",
    "score_shift",
    "selective",
    "sensitivity",
    "specificity",
    "within",
    "youden",
    # ... of attributions
    "each_cluster",
    "each_never",
    "edge_shapley",
    "expected_excess",
    "faithfulness",
    "incompleteness",
    "localisation",
    "mass_lift",
    "outline_agreement",
    "outside_shapley",
    "randomisation",
    "repeatability",
    # ... of embeddings
    "departure",
    "domain",
    "each_similarity",
    "each_tag",
    "encoded_and_used",
    "probe",
    "score_probe",
    "similarity",
    "worst_slice",
    # ... of masks, metadata and image properties
    "acquisition_auroc",
    "agreement",
    "appearance_auroc",
    "association",
    "baseline",
    "each_property",
    "each_property_drift",
    "each_share",
    "following",
    "mask_fault",
    "mask_fit",
    "near_duplicate_share",
    "outline_auroc",
    "outline_property",
    "property_drift_by",
    "share_of_separation",
    # ... of readers
    "FEWEST_READERS",
    "ahead_of_readers",
    "map_plausibility",
    "reader_agreement",
    "reader_skill",
    "unanswered",
    # Auditing from Python
    "Finding",
    "Record",
    "load_record",
    "run",
]

_WHERE = {
    # Writing a check
    "check": "checks:check",
    "margin_for": "checks:margin_for",
    "observe": "statistics:observe",
    "report_only": "checks:report_only",
    "require_skill": "checks:require_skill",
    "Estimate": "statistics:Estimate",
    "Every": "statistics:Every",
    "Exact": "statistics:Exact",
    "Family": "statistics:Family",
    "Margin": "statistics:Margin",
    "from_chance": "statistics:from_chance",
    "ratio": "statistics:ratio",
    "share_kept": "statistics:share_kept",
    "AuditError": "errors:AuditError",
    "Inconclusive": "verdict:Inconclusive",
    "NotApplicable": "verdict:NotApplicable",
    "Verdict": "verdict:Verdict",
    # What the model is shown
    "Full": "maskings:Full",
    "Masking": "maskings:Masking",
    "OnlyROI": "maskings:OnlyROI",
    "Shuffled": "maskings:Shuffled",
    "WithoutROI": "maskings:WithoutROI",
    "FACTORS": "needs.scores.dilation:FACTORS",
    "MASKINGS": "needs.scores.auroc:MASKINGS",
    # What can be asked of its scores
    "at_margin": "needs.scores.dilation:MarginAuroc",
    "auroc": "needs.scores.auroc:auroc",
    "auroc_in_file": "needs.scores.in_file:AurocInFile",
    "background_gap": "needs.scores.swap:BackgroundGap",
    "by_group": "needs.scores.subgroups:ByGroup",
    "changed": "needs.scores.changes:Changed",
    "contrast": "needs.combined:Contrast",
    "counterexample": "needs.scores.counterexample:counterexample",
    "corruptions": "needs.scores.changes:corruptions",
    "dilated": "needs.scores.dilation:DilatedAuroc",
    "each_change": "needs.scores.changes:EachChange",
    "each_edit": "needs.scores.edits:EachEdit",
    "each_stratum": "needs.scores.strata:EachStratum",
    "edited": "needs.scores.edits:Edited",
    "flip_rate": "needs.scores.shift:FlipRate",
    "folded_auroc": "needs.scores.folded:FoldedAuroc",
    "internal": "needs.internal:Internal",
    "numbers": "needs.scores.numbers:Numbers",
    "parity": "needs.scores.parity:Parity",
    "permuted_fails": "needs.scores.permuted_labels:PermutedFails",
    "planted": "needs.scores.planted:Planted",
    "reliability": "needs.scores.calibration:Calibration",
    "score_drift": "needs.scores.drift:ScoreDrift",
    "score_drift_by": "needs.scores.drift:ScoreDriftBy",
    "score_shift": "needs.scores.shift:ScoreShift",
    "selective": "needs.scores.dilation:SelectiveDilation",
    "sensitivity": "needs.scores.operating_point:sensitivity",
    "specificity": "needs.scores.operating_point:specificity",
    "within": "needs.scores.strata:WithinStrata",
    "youden": "needs.scores.operating_point:youden",
    # ... of attributions
    "each_cluster": "needs.maps.method_tests:EachCluster",
    "each_never": "needs.maps.expected_regions:EachNever",
    "edge_shapley": "needs.maps.grid:EdgeShare",
    "expected_excess": "needs.maps.expected_regions:ExpectedExcess",
    "faithfulness": "needs.maps.method_tests:Faithfulness",
    "incompleteness": "needs.maps.method_tests:Incompleteness",
    "localisation": "needs.maps.attribution:Excess",
    "mass_lift": "needs.maps.attribution:MassLift",
    "outline_agreement": "needs.maps.reader_outlines:OutlineAgreement",
    "outside_shapley": "needs.maps.attribution:OutsideShare",
    "randomisation": "needs.maps.method_tests:Randomisation",
    "repeatability": "needs.maps.method_tests:Repeatability",
    # ... of embeddings
    "departure": "needs.embeddings.distance:Departure",
    "domain": "needs.embeddings.distance:Domain",
    "each_similarity": "needs.embeddings.similarity:EachSimilarity",
    "each_tag": "needs.embeddings.probe:EachTag",
    "encoded_and_used": "needs.embeddings.use:encoded_and_used",
    "probe": "needs.embeddings.probe:Probe",
    "score_probe": "needs.embeddings.use:ScoreProbe",
    "similarity": "needs.embeddings.similarity:Similarity",
    "worst_slice": "needs.embeddings.slices:WorstSlice",
    # ... of masks, metadata and image properties
    "acquisition_auroc": "needs.tabular.acquisition:AcquisitionAuroc",
    "agreement": "needs.tabular.metadata:Agreement",
    "appearance_auroc": "needs.tabular.appearance:AppearanceAuroc",
    "association": "needs.tabular.associations:Association",
    "baseline": "needs.tabular.metadata:Baseline",
    "each_property": "needs.tabular.associations:EachProperty",
    "each_property_drift": "needs.tabular.drift:EachPropertyDrift",
    "each_share": "needs.tabular.separation:EachShare",
    "following": "needs.tabular.associations:Following",
    "mask_fault": "needs.tabular.mask_sanity:MaskFault",
    "mask_fit": "needs.tabular.mask_sanity:MaskFit",
    "near_duplicate_share": "needs.tabular.near_duplicates:NearDuplicateShare",
    "outline_auroc": "needs.tabular.mask_alone:OutlineAuroc",
    "outline_property": "needs.tabular.mask_alone:OutlineProperty",
    "property_drift_by": "needs.tabular.drift:PropertyDriftBy",
    "share_of_separation": "needs.tabular.separation:ShareOfSeparation",
    # ... of readers
    "FEWEST_READERS": "readings:FEWEST_READERS",
    "ahead_of_readers": "needs.readers.skill:AheadOfReaders",
    "map_plausibility": "needs.readers.map_ratings:MapPlausibility",
    "reader_agreement": "needs.readers.agreement:ReaderAgreement",
    "reader_skill": "needs.readers.skill:ReaderSkill",
    "unanswered": "needs.readers.skill:Unanswered",
    # Auditing from Python
    "Finding": "record:Finding",
    "Record": "record:Record",
    "load_record": "record:load_record",
    "run": "audit.run:run",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'audit_suite' has no attribute '{name}'")
    value = resolve_name(f"audit_suite.{_WHERE[name]}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})

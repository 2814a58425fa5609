"""All that an extension imports: what it may bring, how it registers it, what it is given.

An extension is a package with an entry point of the group ``audit_suite.extensions`` (a module, or
a function without arguments), a pytest plugin (``-p NAME``), a conftest, or a file of checks. See
docs/extend.md.
"""

from audit_suite.cards import DatasetCard, MaskSpec, ModelCard, RegionSpec, canonical_digest
from audit_suite.causes import Cause, FindingsAt, all_of, any_of, not_, register_cause
from audit_suite.changes import Change, Scene, register_change
from audit_suite.datasets.dataset import BadImage, Case, Dataset, Sample
from audit_suite.datasets.files.entry import Entry, RegionSource
from audit_suite.datasets.files.mask_format import MaskFormat, register_mask_format
from audit_suite.datasets.reader import Reader, register_reader
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore, Request
from audit_suite.evidence.attributions.request import AttributionRequest
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.explainers import Explained, Explainer, register_explainer
from audit_suite.exports.export import Export, register_export
from audit_suite.maskings.fill import Fill, Surroundings, register_fill
from audit_suite.models.loader import Loader, register_loader
from audit_suite.needs import Expanding, Listing, Need
from audit_suite.needs.scores.cell_scores import CellScores, auroc_of, cell_scores
from audit_suite.phantoms import register_shortcut
from audit_suite.record import CauseFlag, EstimateRecord, Finding, Record
from audit_suite.report.section import Gathered, Section, findings_of, register_section
from audit_suite.statistics import (
    Estimate,
    Exact,
    estimate_auroc,
    estimate_mean,
    estimate_proportion,
)

__all__ = [  # noqa: RUF022 - grouped by use
    # What an extension may bring, and how
    "Cause",
    "Change",
    "Explainer",
    "Export",
    "Fill",
    "Loader",
    "MaskFormat",
    "Reader",
    "Section",
    "register_cause",
    "register_change",
    "register_explainer",
    "register_export",
    "register_fill",
    "register_loader",
    "register_mask_format",
    "register_reader",
    "register_section",
    "register_shortcut",
    # A need: what a check may ask for
    "Cell",
    "EvidenceSource",
    "Expanding",
    "Listing",
    "Need",
    "Request",
    "AttributionRequest",
    "ScoreRequest",
    "CellScores",
    "auroc_of",
    "cell_scores",
    "Estimate",
    "Exact",
    "estimate_auroc",
    "estimate_mean",
    "estimate_proportion",
    # A kind of evidence of one's own
    "EvidenceProfile",
    "EvidenceStore",
    "canonical_digest",
    # What readers, loaders, explainers and fills take and give
    "BadImage",
    "Case",
    "Dataset",
    "DatasetCard",
    "Entry",
    "Explained",
    "MaskSpec",
    "ModelCard",
    "RegionSource",
    "RegionSpec",
    "Sample",
    "Scene",
    "Surroundings",
    # What causes and sections read
    "CauseFlag",
    "EstimateRecord",
    "Finding",
    "FindingsAt",
    "Gathered",
    "Record",
    "all_of",
    "any_of",
    "findings_of",
    "not_",
]

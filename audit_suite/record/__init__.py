"""`audit.json`, the record of an audit. Every report is a pure function of it."""

from audit_suite.record.causes import CauseFlag, CausesRecord, Effect
from audit_suite.record.counterexamples import Box, CounterexampleRecord
from audit_suite.record.estimates import Basis, ComparisonRecord, EstimateRecord, PairBasis
from audit_suite.record.findings import Finding, WaiverRecord, natural_order
from audit_suite.record.part import printable
from audit_suite.record.pictures import (
    AttributionRecord,
    EmbeddingCloud,
    EmbeddingRecord,
    FrameCell,
    FrameRecord,
    GalleryImage,
    MatrixRecord,
    Overlay,
    PlayerRecord,
    ReadImage,
)
from audit_suite.record.policy import (
    Deviation,
    MissingCheck,
    PolicyRecord,
    RequiredCheck,
    Role,
    WaiverState,
)
from audit_suite.record.provenance import (
    Calibration,
    CaseMix,
    DatasetRecord,
    ErrorRate,
    ModelRecord,
    Provenance,
    ReadingsRecord,
    SettingsRecord,
    TargetRecord,
)
from audit_suite.record.record import SCHEMA_VERSION, Decision, Record, TargetDecision, load_record
from audit_suite.record.releases import BaselineRecord, Change, ChangeKind

__all__ = [
    "SCHEMA_VERSION",
    "AttributionRecord",
    "BaselineRecord",
    "Basis",
    "Box",
    "Calibration",
    "CaseMix",
    "CauseFlag",
    "CausesRecord",
    "Change",
    "ChangeKind",
    "ComparisonRecord",
    "CounterexampleRecord",
    "DatasetRecord",
    "Decision",
    "Deviation",
    "Effect",
    "EmbeddingCloud",
    "EmbeddingRecord",
    "ErrorRate",
    "EstimateRecord",
    "Finding",
    "FrameCell",
    "FrameRecord",
    "GalleryImage",
    "MatrixRecord",
    "MissingCheck",
    "ModelRecord",
    "Overlay",
    "PairBasis",
    "PlayerRecord",
    "PolicyRecord",
    "Provenance",
    "ReadImage",
    "ReadingsRecord",
    "Record",
    "RequiredCheck",
    "Role",
    "SettingsRecord",
    "TargetDecision",
    "TargetRecord",
    "WaiverRecord",
    "WaiverState",
    "load_record",
    "natural_order",
    "printable",
]

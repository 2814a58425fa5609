"""`audit.json`, the record of an audit. Every report is a pure function of it."""

from audit_suite.record.causes import CauseFlag, CausesRecord
from audit_suite.record.estimates import ComparisonRecord, EstimateRecord
from audit_suite.record.findings import Finding, WaiverRecord, natural_order
from audit_suite.record.pictures import (
    AttributionRecord,
    EmbeddingCloud,
    EmbeddingRecord,
    GalleryImage,
    MatrixRecord,
    Overlay,
    PlayerRecord,
    ReadImage,
)
from audit_suite.record.provenance import (
    Calibration,
    CaseMix,
    DatasetRecord,
    ErrorRate,
    ModelRecord,
    Policy,
    Provenance,
    ReadingsRecord,
    TargetRecord,
)
from audit_suite.record.record import SCHEMA_VERSION, Record, load_record

__all__ = [
    "SCHEMA_VERSION",
    "AttributionRecord",
    "Calibration",
    "CaseMix",
    "CauseFlag",
    "CausesRecord",
    "ComparisonRecord",
    "DatasetRecord",
    "EmbeddingCloud",
    "EmbeddingRecord",
    "ErrorRate",
    "EstimateRecord",
    "Finding",
    "GalleryImage",
    "MatrixRecord",
    "ModelRecord",
    "Overlay",
    "PlayerRecord",
    "Policy",
    "Provenance",
    "ReadImage",
    "ReadingsRecord",
    "Record",
    "TargetRecord",
    "WaiverRecord",
    "load_record",
    "natural_order",
]

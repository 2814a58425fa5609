"""Model and data set cards: TOML files that describe what is audited, validated key by key."""

from audit_suite.cards.common import (
    MarginEntry,
    Name,
    Share,
    canonical_digest,
)
from audit_suite.cards.dataset import (
    Columns,
    DatasetCard,
    Holdout,
    MaskQuality,
    audited_card,
    internal_card,
    load_dataset_card,
)
from audit_suite.cards.input import Clahe, InputSpec
from audit_suite.cards.model import (
    Claim,
    Expectation,
    ModelCard,
    ParitySpec,
    load_model_card,
)
from audit_suite.cards.phantom import (
    CoLabel,
    MetadataTie,
    PhantomSpec,
    ShortcutSpec,
)
from audit_suite.cards.regions import MaskSpec, RegionSpec
from audit_suite.cards.target import Target

__all__ = [
    "Clahe",
    "Claim",
    "CoLabel",
    "Columns",
    "DatasetCard",
    "Expectation",
    "Holdout",
    "InputSpec",
    "MarginEntry",
    "MaskQuality",
    "MaskSpec",
    "MetadataTie",
    "ModelCard",
    "Name",
    "ParitySpec",
    "PhantomSpec",
    "RegionSpec",
    "Share",
    "ShortcutSpec",
    "Target",
    "audited_card",
    "canonical_digest",
    "internal_card",
    "load_dataset_card",
    "load_model_card",
]

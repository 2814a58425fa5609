"""What was audited, with which settings, and how often audit-suite is wrong."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from audit_suite.record.part import RecordPart, SparsePart


class TargetRecord(RecordPart):
    """The number of cases of a target in a data set, and its declared ROI."""

    n_images: int
    n_patients: int
    n_positive_images: int
    n_positive_patients: int
    roi: list[str]


class CaseMix(RecordPart):
    """The distribution of one declared tag in a data set, without values of few patients."""

    known: int = Field(description="images whose value is known")
    quartiles: list[float] | None = Field(description="of a number: 25th, 50th, 75th percentile")
    levels: dict[str, int] = Field(
        description="images by value, where at least five patients have it; the rest is 'other'"
    )


class DatasetRecord(SparsePart):
    """A data set as audited."""

    sparse = ("explained", "n_excluded")

    name: str
    digest: str
    description: str
    modality: str
    licence: str
    citation: str
    n_images: int
    n_patients: int
    targets: dict[str, TargetRecord]
    n_excluded: int | None = Field(default=None, description="rows left out")
    excluded: list[str] = Field(
        description="rows left out, each with its reason; of many for one reason some, and a count"
    )
    notes: list[str] = Field(
        default_factory=list, description="what else is to know of the data, as counts"
    )
    internal: str | None = Field(default=None, description="data set it is external to")
    case_mix: dict[str, CaseMix] = Field(default_factory=dict)
    explained: dict[str, int] = Field(
        default_factory=dict,
        description="most 'images' of a target that are explained, and 'draws' for each of them",
    )


class ModelRecord(SparsePart):
    """A model as audited; one entry per fold."""

    sparse = ("notes", "version", "intended_use")

    name: str
    digest: str
    version: str = Field(default="", description="the maker's name for this release of it")
    intended_use: str = Field(default="", description="for whom and for what, as the card says")
    description: str
    loader: str
    architecture: str
    runs_code: str = Field(
        default="", description="what loading it ran: a function, a program; empty if nothing"
    )
    targets: list[str]
    input: dict[str, Any]
    notes: list[str] = Field(
        default_factory=list, description="what loading decided that the card does not say"
    )


class ReadingsRecord(RecordPart):
    """The readings used in the audit."""

    dataset: str
    digest: str = Field(description="SHA-256 of the readings, free text apart")
    readers: list[str]
    n_items: int
    chosen_by: str = Field(description="model whose scores chose the images")


class SettingsRecord(SparsePart):
    """The settings of the run that decide its numbers."""

    sparse = ("explain_budget",)

    confidence: float
    multiplicity: Literal["bonferroni", "none"] = Field(
        description="bonferroni: a fail holds at the level divided by the cases of its check"
    )
    seed: int
    profile: Literal["full", "first-look"] = "full"
    max_cases: int | None = Field(description="a number makes this a smoke test, not an audit")
    max_explained: int | None = Field(
        default=48, description="images of a sample that is explained; null: by explain_budget"
    )
    explain_budget: float | None = Field(
        default=None, description="share of the forward passes from which their number follows"
    )
    folds: Literal["each", "mean", "ensemble"] = "each"
    maskings: list[str] = Field(default_factory=list, description="empty: those of the cards")


class ErrorRate(RecordPart):
    """How often one outcome occurred among models with known truth, with Wilson's interval."""

    name: str = Field(description="figure of benchmarks/detection.py, e.g. 'honest_blocked'")
    value: float
    low: float
    high: float
    of: int = Field(description="models it was counted over")


class Calibration(SparsePart):
    """Error rates of audit-suite itself, as measured for a release (benchmarks/detection.py)."""

    sparse = ("caveat",)

    audit_suite: str = Field(description="the release that was measured")
    command: str
    models: int = Field(description="models trained and audited")
    rates: list[ErrorRate]
    inconclusive: dict[str, float] = Field(
        description="share of honest models without a verdict, by patients of the test set"
    )
    caveat: str = Field(
        default="", description="what must be said with every figure; absent where nothing must"
    )
    notes: list[str] = Field(
        default_factory=list, description="what the figures do not show, in sentences"
    )


class Provenance(RecordPart):
    """Everything needed to reproduce this record."""

    audit_suite: str
    settings: SettingsRecord
    evidence_profile: dict[str, Any]
    models: list[ModelRecord]
    datasets: list[DatasetRecord]
    readings: ReadingsRecord | None = None
    calibration: Calibration | None = Field(
        default=None, description="how often the release that made this record is wrong"
    )

"""`audit.json`, the record of an audit. Every report is a pure function of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from audit_suite.errors import AuditError
from audit_suite.files import write_whole
from audit_suite.verdict import Verdict

SCHEMA_VERSION: Literal["1.0"] = "1.0"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class EstimateRecord(_Part):
    """A number with its 95 % interval and the data behind it."""

    label: str
    value: float
    low: float
    high: float
    n_patients: int
    n_images: int
    n_positives: int | None = Field(description="patients with a positive image")
    folds: list[float] = Field(
        default_factory=list, description="the value in each fold, where this is their mean"
    )
    at: dict[str, float | str] = Field(
        default_factory=dict,
        description="place on the axes of a curve or matrix: masking, radius, visible share",
    )


class ComparisonRecord(_Part):
    """One application of a decision rule to one estimate."""

    estimate: EstimateRecord
    rule: str = Field(description="the claim as a formula, e.g. '|AUROC - 0.5| < 0.05'")
    relation: Literal["<", ">"]
    centre: float | None = Field(description="what a distance is to; null for a one-sided claim")
    margin: float
    margin_source: str
    verdict: Verdict
    pass_low: float = Field(description="lower end of the 90 % interval a pass is judged by")
    pass_high: float
    fail_level: float = Field(description="error level a fail had to hold at: alpha / cases")
    p_raw: float = Field(description="p value of a fail, before correction for many checks")
    p_holm: float | None = Field(description="Holm-adjusted over the cases of the test function")
    smallest_effect: float | None = Field(
        description="smallest margin these data could have shown with 90 % power"
    )
    more_positives: int | None = Field(
        description="further positive patients a verdict would probably need; null if not known"
    )
    message: str = Field(description="the comparison in one sentence")


class WaiverRecord(_Part):
    """A fail or inconclusive result that somebody has taken responsibility for."""

    owner: str
    reason: str
    expires: str


class Finding(_Part):
    """What one check found on one model, data set and target."""

    check: str = Field(description="the check's id, e.g. 'R2'")
    id: str = Field(description="check/model/dataset/target[/case]; never a pytest node id")
    title: str
    model: str
    dataset: str
    target: str
    case: str = Field(description="which of the check's cases this is, e.g. 'black'; may be empty")
    verdict: Verdict
    question: str
    claim: str
    estimate: EstimateRecord | None = Field(description="the estimate that decided")
    margin: float | None
    margin_source: str | None
    comparisons: list[ComparisonRecord]
    observations: list[EstimateRecord] = Field(description="reported without a decision rule")
    reason: str = Field(description="why not applicable, inconclusive, waived or in error")
    would_pass: str = Field(description="what result would have passed")
    command: str = Field(description="command line that repeats this check alone")
    section: str = Field(
        default="",
        description="section of the report that shows it, and its part there: 'embeddings.probe'",
    )
    waiver: WaiverRecord | None = None


class CauseFlag(_Part):
    """Whether one cause holds, with the estimates that led there."""

    cause: str
    holds: Literal["yes", "no", "unknown"]
    because: str
    settles: str = Field(description="which data or check would settle an unknown")
    estimates: list[EstimateRecord]


class CausesRecord(_Part):
    """Causes of what a model detects without the region, on one target; several may hold."""

    model: str
    dataset: str
    target: str
    causes: list[str] = Field(description="the flags that hold")
    flags: list[CauseFlag] = Field(default_factory=list)
    sentence: str = Field(default="", description="the same for a clinician")


class GalleryImage(_Part):
    """One masked case as the model saw it, before intensity normalisation."""

    model: str
    dataset: str
    target: str
    case: str = Field(description="pseudonymous, e.g. 'positive 1'")
    masking: str
    png: str = Field(description="PNG file, base64")
    hidden_fraction: float

    @property
    def is_extreme(self) -> bool:
        """Whether it was chosen for having the least or the most of an image property."""
        return self.case.startswith(("least ", "most "))


class MatrixRecord(_Part):
    """Training maskings by test maskings of one study."""

    study: str
    dataset: str
    target: str
    statistic: str = Field(description="what each cell holds, e.g. 'AUROC, mean of 5 folds'")
    rows: list[str] = Field(description="maskings the models were trained on")
    columns: list[str] = Field(description="maskings they were tested on")
    cells: list[list[EstimateRecord | None]] = Field(description="by row, then column")


class EmbeddingCloud(_Part):
    """Images of one class under one masking, on the map of embeddings."""

    masking: str
    positive: bool
    x: list[float] = Field(description="0 to 1; the n-th image is the same under either masking")
    y: list[float]


class EmbeddingRecord(_Part):
    """A map of a sample of images, full and without the region, by the model's embeddings."""

    model: str
    dataset: str
    target: str
    n_images: int
    n_patients: int
    perplexity: int = Field(description="of the t-SNE")
    clouds: list[EmbeddingCloud]


class TargetRecord(_Part):
    """How many cases of a target a data set holds, and its declared ROI."""

    n_images: int
    n_patients: int
    n_positive_images: int
    n_positive_patients: int
    roi: list[str]


class CaseMix(_Part):
    """How one declared tag is spread over a data set, with nothing that few patients share."""

    known: int = Field(description="images whose value is known")
    quartiles: list[float] | None = Field(description="of a number: 25th, 50th, 75th percentile")
    levels: dict[str, int] = Field(
        description="images by value, where at least five patients have it; the rest is 'other'"
    )


class DatasetRecord(_Part):
    """A data set as audited."""

    name: str
    digest: str
    description: str
    modality: str
    licence: str
    citation: str
    n_images: int
    n_patients: int
    targets: dict[str, TargetRecord]
    excluded: list[str] = Field(description="rows left out, each with its reason")
    internal: str | None = Field(default=None, description="data set it is external to")
    case_mix: dict[str, CaseMix] = Field(default_factory=dict)


class ModelRecord(_Part):
    """A model as audited; one entry per fold."""

    name: str
    digest: str
    description: str
    loader: str
    architecture: str
    targets: list[str]
    input: dict[str, Any]


class PlayerRecord(_Part):
    """One region, or tile of the rest of the frame, and what of the output comes from it."""

    name: str
    inside: float = Field(description="share of its pixels that belong to the ROI")
    area: float = Field(description="its share of the frame")
    share: EstimateRecord = Field(description="of the absolute Shapley values, 0 to 1")
    value: EstimateRecord = Field(
        description="Shapley value among images with the finding, in units of the model's output"
    )


class Overlay(_Part):
    """One image with its ROI and the signed attribution of one method."""

    case: str = Field(description="pseudonymous, e.g. 'positive 1'")
    method: str
    png: str = Field(description="PNG file, base64")


class AttributionRecord(_Part):
    """Where the output comes from, on a sample of the images of one place."""

    model: str
    dataset: str
    target: str
    n_images: int
    players: list[PlayerRecord]
    overlays: list[Overlay]


class ReadImage(_Part):
    """One masked image that was read, with the readers' ratings and the model's rank."""

    model: str
    dataset: str
    target: str
    masking: str
    positive: bool
    png: str = Field(description="PNG file, base64")
    model_rank: float = Field(description="share of the images read that score below it, 0 to 1")
    ratings: dict[str, int] = Field(
        description="by reader, from -5 (surely absent) to 5 (surely present); 0: cannot be read"
    )


class ReadingsRecord(_Part):
    """The readings that went into the audit."""

    dataset: str
    digest: str = Field(description="SHA-256 of the readings, free text apart")
    readers: list[str]
    n_items: int
    chosen_by: str = Field(description="model whose scores chose the images")


class Policy(_Part):
    """The settings every verdict was drawn under."""

    confidence: float
    multiplicity: Literal["bonferroni", "none"] = Field(
        description="bonferroni: a fail holds at the level divided by the cases of its check"
    )
    inconclusive: Literal["block", "warn"]
    seed: int
    max_cases: int | None = Field(description="a number makes this a smoke test, not an audit")
    max_explained: int = Field(default=48, description="images of a sample that is explained")
    folds: Literal["each", "mean", "ensemble"] = "each"
    maskings: list[str] = Field(default_factory=list, description="empty: those of the cards")


class ErrorRate(_Part):
    """How often one outcome occurred among models of known truth, with Wilson's interval."""

    name: str = Field(description="figure of benchmarks/detection.py, e.g. 'honest_blocked'")
    value: float
    low: float
    high: float
    of: int = Field(description="models it was counted over")


class Calibration(_Part):
    """Error rates of audit-suite itself, as measured for a release (benchmarks/detection.py)."""

    audit_suite: str = Field(description="the release that was measured")
    command: str
    models: int = Field(description="models trained and audited")
    rates: list[ErrorRate]
    inconclusive: dict[str, float] = Field(
        description="share of honest models without a verdict, by patients of the test set"
    )


class Provenance(_Part):
    """Everything needed to reproduce this record."""

    audit_suite: str
    policy: Policy
    evidence_profile: dict[str, Any]
    models: list[ModelRecord]
    datasets: list[DatasetRecord]
    readings: ReadingsRecord | None = None
    calibration: Calibration | None = Field(
        default=None, description="how often the release that made this record is wrong"
    )


class Record(_Part):
    """The whole audit. Byte-identical outside ``environment`` for the same inputs and profile."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    decision: Literal["open", "closed", "partial"]
    decision_reason: str
    counts: dict[Verdict, int]
    findings: list[Finding]
    causes: list[CausesRecord]
    matrices: list[MatrixRecord] = Field(default_factory=list)
    attributions: list[AttributionRecord] = Field(default_factory=list)
    gallery: list[GalleryImage]
    read: list[ReadImage] = Field(default_factory=list)
    embeddings: list[EmbeddingRecord] = Field(default_factory=list)
    sections: dict[str, Any] = Field(
        default_factory=dict, description="content of extensions' report sections, by name: JSON"
    )
    broken_sections: dict[str, str] = Field(
        default_factory=dict,
        description="extensions' report sections without content, by name: the error",
    )
    provenance: Provenance
    environment: dict[str, Any] = Field(description="versions, machine, time: what may differ")

    def to_json(self) -> str:
        """The record as canonical JSON text, ending in a newline."""
        content = self.model_dump(mode="json")
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def save(self, path: str | Path) -> None:
        """Write the record as ``audit.json``, whole or not at all.

        Raises:
            AuditError: If the file cannot be written.
        """
        try:
            write_whole(Path(path), self.to_json().encode())
        except OSError as error:
            raise AuditError(
                f"the record {path} cannot be written: {error.strerror}",
                "name another path; the evidence is stored, the next run only repeats the verdicts",
            ) from None

    def report(self, path: str | Path) -> tuple[AuditError, ...]:
        """Write the HTML report of the record.

        Returns:
            One error per section of an extension that broke while it was rendered; a notice stands
            in its place.

        Raises:
            AuditError: If the file cannot be written.
        """
        write_report = resolve_name("audit_suite.report:write_report")  # which reads the record
        problems: tuple[AuditError, ...] = write_report(self, Path(path))
        return problems


def natural_order(finding: Finding) -> tuple[list[tuple[int, str]], str]:
    """Sort key of findings: checks by number (R2 before R11), then by id."""
    parts = re.findall(r"\d+|\D+", finding.check)
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts], finding.id


def load_record(path: str | Path) -> Record:
    """Read an ``audit.json``.

    Raises:
        AuditError: If the file is missing, not JSON, or not a record of a known schema version.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AuditError(f"{path} does not exist", "give the path of an audit.json") from None
    except (OSError, ValueError) as error:
        raise AuditError(f"{path} is not readable JSON: {error}", "repeat the audit") from None
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise AuditError(
            f"{path} has schema_version {version!r}, this release reads {SCHEMA_VERSION!r}",
            "render it with the audit-suite release that wrote it",
        )
    try:
        return Record.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise AuditError(f"{path}: key '{key}': {first['msg']}", "repeat the audit") from None

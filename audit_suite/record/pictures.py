"""What sections of the report show in addition to the findings."""

from __future__ import annotations

from pydantic import Field

from audit_suite.record.estimates import EstimateRecord
from audit_suite.record.part import RecordPart


class GalleryImage(RecordPart):
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
        """Whether it was chosen for the lowest or highest value of an image property."""
        return self.case.startswith(("least ", "most "))


class MatrixRecord(RecordPart):
    """One study: maskings in training by maskings in testing."""

    study: str
    dataset: str
    target: str
    statistic: str = Field(description="what each cell holds, e.g. 'AUROC, mean of 5 folds'")
    rows: list[str] = Field(description="maskings the models were trained on")
    columns: list[str] = Field(description="maskings they were tested on")
    cells: list[list[EstimateRecord | None]] = Field(description="by row, then column")


class EmbeddingCloud(RecordPart):
    """The images of one class under one masking, on the map of embeddings."""

    masking: str
    positive: bool
    x: list[float] = Field(description="0 to 1; the n-th image is the same under either masking")
    y: list[float]


class EmbeddingRecord(RecordPart):
    """A map of a sample of images, full and without the region, by the model's embeddings."""

    model: str
    dataset: str
    target: str
    n_images: int
    n_patients: int
    perplexity: int = Field(description="of the t-SNE")
    clouds: list[EmbeddingCloud]


class PlayerRecord(RecordPart):
    """One region, or tile of the rest of the frame, and its share of the output."""

    name: str
    inside: float = Field(description="share of its pixels that belong to the ROI")
    area: float = Field(description="its share of the frame")
    share: EstimateRecord = Field(description="of the absolute Shapley values, 0 to 1")
    value: EstimateRecord = Field(
        description="Shapley value among images with the finding, in units of the model's output"
    )


class Overlay(RecordPart):
    """One image with its ROI and the signed attribution of one method."""

    case: str = Field(description="pseudonymous, e.g. 'positive 1'")
    method: str
    png: str = Field(description="PNG file, base64")


class AttributionRecord(RecordPart):
    """Attributions of the output to regions, on a sample of the images of one cell."""

    model: str
    dataset: str
    target: str
    n_images: int
    players: list[PlayerRecord]
    overlays: list[Overlay]


class FrameCell(RecordPart):
    """One part of the frame, which needs no mask."""

    name: str
    area: float = Field(description="its share of the model's input")
    share: EstimateRecord = Field(description="of the difference between the classes' outputs")


class FrameRecord(RecordPart):
    """Where in the frame the classes are told apart, on a sample of the images of one cell."""

    model: str
    dataset: str
    target: str
    n_images: int
    png: str | None = Field(description="mean image in colour: PNG file, base64")
    cells: list[FrameCell]


class ReadImage(RecordPart):
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

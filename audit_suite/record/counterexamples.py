"""A change of the image that a search found, and other patients confirmed."""

from __future__ import annotations

from pydantic import Field

from audit_suite.record.estimates import EstimateRecord
from audit_suite.record.part import RecordPart

Box = tuple[int, int, int, int]


class CounterexampleRecord(RecordPart):
    """The smallest change that keeps 70 % of the largest effect that the search met."""

    case: int = Field(description="row of the image that is shown, of those near the median effect")
    box: Box = Field(description="[x0, y0, x1, y1] in pixels of the model's input, x1 and y1 open")
    box_in_file: Box | None = Field(description="the same in pixels of the image's file")
    kind: str = Field(description="donor contrast, or painted")
    frame: tuple[int, int] = Field(description="width and height of the model's input, in pixels")
    scores: list[float] = Field(
        description="of the image that is shown: before, then after; of a donor contrast with the "
        "content of a patient with the finding, then of one without"
    )
    pictures: list[str] = Field(
        description="PNG files, base64, of the same; empty where people may see none of the images"
    )
    change: str = Field(description="what is changed, in numbers")
    repeat: str = Field(description="the need that repeats the change without a search")
    tries: int = Field(description="changes scored before any was made smaller")
    shrinking: int = Field(description="changes scored to make it smaller and to place it")
    idle: int = Field(description="tries that left most images as they were, and do not count")
    limit: float = Field(description="effect from which on a change is made smaller and confirmed")
    best: float = Field(description="largest effect of a try, on the patients of the search")
    floor: float = Field(description="effect that a smaller change had to keep")
    shrunk: float = Field(description="effect of this change, on the patients of the search")
    held_out: EstimateRecord = Field(description="its effect on other patients, who decide")
    flips: float | None = Field(
        description="share of these whose decision it changes; null without an operating point"
    )
    searched_on: int = Field(description="images that were changed in the search")
    confirmed_on: int = Field(description="images of other patients that were changed")
    donors: int = Field(description="images that lent these their content; 0 if it is painted")
    seed: int
    version: str = Field(description="versions of the search, of its strategy and of hypothesis")

"""What was seen of a model on some images: what the process that runs it answers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from audit_suite.doctor.sheet import Shown


class Tried(BaseModel):
    """A reading of the card, and the scores of the images under it.

    Attributes:
        words: The lines that make the difference; empty for the card's own reading.
        spec: The card's input section by this reading.
        scores: Shape (images, targets).
    """

    words: str
    spec: dict[str, Any]
    scores: list[list[float]]


class Looked(BaseModel):
    """What was seen.

    Attributes:
        bad: What is wrong with images that could not be read, and what to do.
        index: The images that could be read.
        raw: For each its type, and its lowest and highest value in the file.
        entering: Lowest and highest value that the model is given.
        reading_seconds: Of reading one image.
        seconds: Of one forward pass.
        readings: The card's own, then the others.
        shown: Some images as the model is shown them.
    """

    bad: list[tuple[str, str]] = []
    index: list[int] = []
    raw: list[tuple[str, float, float]] = []
    entering: tuple[float, float] = (0.0, 0.0)
    reading_seconds: float = 0.0
    seconds: float = 0.0
    readings: list[Tried] = []
    shown: list[Shown] = []

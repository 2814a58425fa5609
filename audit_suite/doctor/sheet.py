"""Images as a model is shown them, on one sheet: positives above, negatives below."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydantic import BaseModel
from scipy.ndimage import binary_dilation

SIDE, GAP, TEXT = 224, 8, 18  # pixels
_OUTLINE = (255, 176, 0)


class Shown(BaseModel):
    """An image at the model's input, before intensities are normalised.

    Attributes:
        index: Which image of the data set.
        shape: (channels, height, width).
        pixels: uint8, base64.
        outline: The outline of all its regions, (height, width) as uint8, base64; may be empty.
    """

    index: int
    shape: tuple[int, int, int]
    pixels: str
    outline: str

    @classmethod
    def of(
        cls, index: int, image: NDArray[np.float32], regions: Sequence[NDArray[np.bool_]]
    ) -> Shown:
        """Pack an image, shape (C, H, W) in [0, 1], and masks of shape (H, W)."""
        line = np.zeros(image.shape[1:], bool)
        for region in regions:
            line |= region & binary_dilation(~region)
        channels, height, width = image.shape
        return cls(
            index=index,
            shape=(channels, height, width),
            pixels=_packed((image.clip(0, 1) * 255).round().astype(np.uint8)),
            outline=_packed(line.astype(np.uint8)),
        )

    def picture(self) -> Image.Image:
        """The image with its outline, longer side `SIDE` pixels."""
        pixels = _unpacked(self.pixels, self.shape)
        line = _unpacked(self.outline, self.shape[1:]).astype(bool)
        rgb = np.repeat(pixels, 3, axis=0) if self.shape[0] == 1 else pixels
        drawn = rgb.transpose(1, 2, 0).copy()
        drawn[line] = _OUTLINE
        picture = Image.fromarray(drawn)
        scale = SIDE / max(picture.size)
        size = (round(picture.width * scale), round(picture.height * scale))
        return picture.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX)


def write_sheet(path: Path, rows: Sequence[tuple[str, Sequence[Shown]]]) -> None:
    """Write a PNG with one row of images under each heading."""
    widest = max(len(images) for _, images in rows)
    sheet = Image.new(
        "RGB",
        (GAP + max(2, widest) * (SIDE + GAP), GAP + len(rows) * (SIDE + TEXT + GAP)),
        (255, 255, 255),
    )
    draw = ImageDraw.Draw(sheet)
    for number, (heading, images) in enumerate(rows):
        top = GAP + number * (SIDE + TEXT + GAP)
        draw.text((GAP, top), heading, fill=(0, 0, 0))
        for place, image in enumerate(images):
            sheet.paste(image.picture(), (GAP + place * (SIDE + GAP), top + TEXT))
    sheet.save(path, format="PNG")


def _packed(array: NDArray[np.uint8]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def _unpacked(text: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(shape)

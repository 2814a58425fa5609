"""LabelMe: one JSON file for each image, with polygons, rectangles and circles by label."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from audit_suite.datasets.files.entry import Mask
from audit_suite.datasets.files.mask_files import FileFormat, FileSpec, Several, several
from audit_suite.datasets.files.mask_format import register_mask_format
from audit_suite.datasets.shapes import Point, frame, polygon_mask, refuse_outside


class LabelMeSpec(FileSpec):
    """JSON files of LabelMe."""

    label: Several
    """The label, or labels, of the region's shapes."""


@dataclass(frozen=True)
class LabelMe(FileFormat):
    """The shapes of some labels, united; a file without any shows an empty mask."""

    name: str = "labelme"
    keys: type[LabelMeSpec] = LabelMeSpec

    def decoder(self, spec: FileSpec) -> Callable[[Path], Mask]:
        """What draws the shapes of the region's labels."""
        assert isinstance(spec, LabelMeSpec)
        return partial(read_labelme, labels=several(spec.label))


def read_labelme(path: Path, labels: Collection[str]) -> Mask:
    """Draw the shapes of some labels, as LabelMe itself draws them.

    Args:
        path: The file.
        labels: The labels.

    Returns:
        Shape (H, W), the size that the file gives.

    Raises:
        ValueError: If it is not LabelMe's JSON, or a shape is wrong; names the shape's number.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        shapes = content["shapes"]
        shape = frame(content["imageHeight"], content["imageWidth"])
    except (KeyError, TypeError, UnicodeDecodeError, RecursionError, json.JSONDecodeError):
        raise ValueError(
            "is not a JSON file of LabelMe (shapes, imageHeight, imageWidth)"
        ) from None
    mask: Mask = np.zeros(shape, np.bool_)
    for number, each in enumerate(shapes if isinstance(shapes, list) else [shapes], start=1):
        try:
            if each["label"] in labels:
                mask |= _drawn(each, shape)
        except (KeyError, TypeError, IndexError):
            raise ValueError(f"has a shape {number} without label, points or type") from None
        except ValueError as error:
            raise ValueError(f"has a shape {number} that {error}") from None
    return mask


def _drawn(each: dict[str, Any], shape: tuple[int, int]) -> Mask:
    points: list[Point] = [(float(x), float(y)) for x, y in each["points"]]
    kind = each.get("shape_type") or "polygon"
    if kind == "polygon":
        return polygon_mask([points], shape)
    if kind not in ("rectangle", "circle"):
        raise ValueError(f"is of the type '{kind}': draw it as polygon, rectangle or circle")
    if len(points) != 2:
        raise ValueError(f"is a {kind} of {len(points)} points instead of two")
    refuse_outside(points, shape)
    return (_rectangle if kind == "rectangle" else _circle)(points, shape)


def _rectangle(points: list[Point], shape: tuple[int, int]) -> Mask:
    from PIL import Image, ImageDraw

    picture = Image.new("1", shape[::-1])
    (x0, y0), (x1, y1) = points
    corners = [(min(x0, x1), min(y0, y1)), (max(x0, x1), max(y0, y1))]
    ImageDraw.Draw(picture).rectangle(corners, outline=1, fill=1)
    return np.array(picture, np.bool_)


def _circle(points: list[Point], shape: tuple[int, int]) -> Mask:
    from PIL import Image, ImageDraw

    picture = Image.new("1", shape[::-1])
    (x, y), rim = points
    radius = math.dist((x, y), rim)
    ImageDraw.Draw(picture).ellipse(
        [(x - radius, y - radius), (x + radius, y + radius)], outline=1, fill=1
    )
    return np.array(picture, np.bool_)


register_mask_format(LabelMe())

"""COCO instances (JSON): polygons and run lengths by category, for all images in one file.

Polygons are drawn by COCO's own library (the extra ``coco``), whose rule for pixels at the edge is
its own.
"""

from __future__ import annotations

import json
import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit_suite.cards import DatasetCard
from audit_suite.cards.regions import MaskSpec
from audit_suite.datasets.files.annotations import read_json
from audit_suite.datasets.files.entry import Entry, Mask, RegionSource
from audit_suite.datasets.files.mask_files import Several, several
from audit_suite.datasets.files.mask_format import Find, MaskFormat, register_mask_format
from audit_suite.datasets.files.masks import United
from audit_suite.datasets.files.matching import Matcher
from audit_suite.datasets.mask_formats.rle import decode_object
from audit_suite.datasets.shapes import frame, refuse_outside
from audit_suite.errors import AuditError


class CocoSpec(MaskSpec):
    """COCO's instances of one or several categories."""

    file: str
    """The JSON file, below the root."""
    category: Several
    """The category, or categories, by name; their annotations of an image are united."""
    match: str = ""
    """The ``file_name`` of an image, as a template of the image's own row; without it, its path
    below the root, its file's name, or that without its ending."""


@dataclass(frozen=True)
class Annotation(RegionSource):
    """One annotation, drawn in a frame of the size that the file gives its image."""

    segmentation: Any
    size: tuple[int, int]
    where: str

    def read(self, shape: tuple[int, int]) -> Mask:
        """The mask, of the annotated image's size."""
        if isinstance(self.segmentation, dict):
            return decode_object(self.segmentation, self.size)
        return draw_polygons(self.segmentation, self.size)

    def update(self, digest: Any, hash_file: Callable[[Path], bytes]) -> None:
        """Add the outline and its frame."""
        text = json.dumps([self.segmentation, self.size], sort_keys=True)
        digest.update(text.encode())


def draw_polygons(polygons: Any, shape: tuple[int, int]) -> Mask:
    """Draw polygons as COCO's library does.

    Args:
        polygons: A list of flat lists x, y, x, y ... in pixels.
        shape: Height and width.

    Returns:
        Shape (H, W).

    Raises:
        ValueError: If it is no such list, or leaves the frame.
        AuditError: If pycocotools is not installed.
    """
    codec = _codec()
    if not isinstance(polygons, list) or not polygons:
        raise ValueError("has no polygon and no run lengths")
    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
            raise ValueError("has a polygon that is not a list of three or more points x, y")
        if not all(isinstance(n, int | float) and not isinstance(n, bool) for n in polygon):
            raise ValueError("has a polygon with a coordinate that is not a number")
        refuse_outside(list(zip(polygon[::2], polygon[1::2], strict=True)), shape)
    floats = [[float(number) for number in polygon] for polygon in polygons]
    with warnings.catch_warnings():  # of pycocotools itself, once for each image
        warnings.simplefilter("ignore", DeprecationWarning)
        mask: Mask = codec.decode(codec.merge(codec.frPyObjects(floats, *shape))) > 0
    return mask


@dataclass(frozen=True)
class Coco(MaskFormat):
    """Annotations by image and category."""

    name: str = "coco"
    keys: type[CocoSpec] = CocoSpec

    def open(self, card: DatasetCard, region: str, spec: CocoSpec) -> Find:
        """What finds the annotations of an image.

        Raises:
            AuditError: If the file is not COCO's, has no such category, polygons need a library
                that is not installed, or an annotation is wrong; names its id.
        """
        path = card.resolve(card.root) / spec.file
        content = read_json(path, f"'regions.{region}.file' of {card.path}")
        try:
            listed = _by_file_name(path, content, _categories(path, content, spec))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise AuditError(
                f"{path} is not a COCO file of instances: it lacks or misstates {error}",
                "it needs images (id, file_name, height, width), annotations (id, image_id, "
                "category_id, segmentation) and categories (id, name)",
            ) from None
        if any(isinstance(one.segmentation, list) for parts in listed.values() for one in parts):
            _codec()
        matcher = Matcher(card, listed, spec.match)

        def find(entry: Entry) -> RegionSource | str:
            parts = matcher(entry)
            if not parts:
                return f"{entry.where}: {path.name} has no annotation of 'regions.{region}' for it"
            return United(entry.where, tuple(parts))

        return find


def _categories(path: Path, content: Any, spec: CocoSpec) -> set[int]:
    names = {category["id"]: category["name"] for category in content["categories"]}
    wanted = set(several(spec.category))
    if unknown := sorted(wanted - set(names.values())):
        raise AuditError(
            f"{path} has no category {', '.join(unknown)}",
            f"its categories: {', '.join(sorted(map(str, names.values())))}",
        )
    return {number for number, name in names.items() if name in wanted}


def _by_file_name(path: Path, content: Any, wanted: set[int]) -> dict[str, list[Annotation]]:
    """The annotations of some categories by the file name of their image."""
    images = {}
    for image in content["images"]:
        if image["id"] in images:
            raise AuditError(f"{path} has two images with one id", "give each image its own")
        images[image["id"]] = image
    by_image: dict[Any, list[Annotation]] = defaultdict(list)
    for each in content["annotations"]:
        if each["category_id"] not in wanted:
            continue
        where = f"{path.name} annotation {int(each['id'])}"
        image = images.get(each["image_id"])
        if image is None:
            raise AuditError(f"{where} is of an image that is not listed", "add it to 'images'")
        try:
            size = frame(image["height"], image["width"])
        except ValueError as error:
            raise AuditError(
                f"{where}: its image {error}", "correct the entry in 'images'"
            ) from None
        by_image[image["id"]].append(Annotation(each["segmentation"], size, where))
    listed: dict[str, list[Annotation]] = {}
    for number, image in images.items():
        if listed.setdefault(str(image["file_name"]), by_image[number]) is not by_image[number]:
            raise AuditError(f"{path} lists a file_name twice", "give each image its own")
    return listed


def _codec() -> Any:
    try:
        from pycocotools import mask
    except ImportError:
        raise AuditError(
            "polygons of format 'coco' need pycocotools, which is not installed",
            'pip install "audit-suite[coco]"',
        ) from None
    return mask


register_mask_format(Coco())

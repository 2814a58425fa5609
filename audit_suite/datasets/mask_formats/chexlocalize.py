"""CheXlocalize (Saporta et al. 2022): contours or run lengths by image and finding, in one JSON.

``{image: {"img_size": [h, w], finding: [[[x, y], ...], ...]}}`` holds contours, and
``{image: {finding: {"size": [h, w], "counts": ...}}}`` run lengths.
"""

from __future__ import annotations

import json
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
from audit_suite.datasets.shapes import frame, polygon_mask
from audit_suite.errors import AuditError

_SIZE = "img_size"


class CheXlocalizeSpec(MaskSpec):
    """Contours or run lengths of CheXlocalize."""

    file: str
    """The JSON file, below the root."""
    finding: Several
    """The finding, or findings, by name; their outlines in an image are united."""
    match: str = ""
    """What the file calls an image, as a template of the image's own row; without it, the end of
    its path joined by ``_`` (patient64622_study1_view1_frontal), its path or its file's name."""


@dataclass(frozen=True)
class Outline(RegionSource):
    """What the file says of one finding in one image."""

    content: Any
    size: Any
    where: str

    def read(self, shape: tuple[int, int]) -> Mask:
        """The mask, of the size that the file gives."""
        if isinstance(self.content, dict):
            return decode_object(self.content, None)
        if not isinstance(self.size, list) or len(self.size) != 2:
            raise ValueError(f"does not give the size of its image ({_SIZE})")
        try:
            polygons = [[(float(x), float(y)) for x, y in each] for each in self.content]
        except (TypeError, ValueError):
            raise ValueError("has a contour that is not a list of points x, y") from None
        return polygon_mask(polygons, frame(*self.size))

    def update(self, digest: Any, hash_file: Callable[[Path], bytes]) -> None:
        """Add the outline and its frame."""
        digest.update(json.dumps([self.content, self.size], sort_keys=True).encode())


@dataclass(frozen=True)
class CheXlocalize(MaskFormat):
    """Outlines by image and finding; an image or finding that is not listed has none."""

    name: str = "chexlocalize"
    keys: type[CheXlocalizeSpec] = CheXlocalizeSpec

    def open(self, card: DatasetCard, region: str, spec: CheXlocalizeSpec) -> Find:
        """What finds the outlines of an image.

        Raises:
            AuditError: If the file is not of this form, or has no such finding.
        """
        path = card.resolve(card.root) / spec.file
        content = read_json(path, f"'regions.{region}.file' of {card.path}")
        if not isinstance(content, dict) or not all(isinstance(v, dict) for v in content.values()):
            raise AuditError(
                f"{path} is not a file of CheXlocalize: an object of findings for each image",
                f"correct 'regions.{region}.file' of {card.path}",
            )
        wanted = several(spec.finding)
        known = {finding for findings in content.values() for finding in findings} - {_SIZE}
        if unknown := sorted(set(wanted) - known):
            raise AuditError(
                f"{path} has no finding {', '.join(unknown)}",
                f"its findings: {', '.join(sorted(known)) or 'none'}",
            )
        matcher = Matcher(card, content, spec.match, joined=True)

        def find(entry: Entry) -> RegionSource | str:
            findings = matcher(entry)
            parts = [
                Outline(findings[name], findings.get(_SIZE), f"{path.name}, '{name}'")
                for name in wanted
                if findings and findings.get(name)
            ]
            if not parts:
                return f"{entry.where}: {path.name} has no outline of 'regions.{region}' for it"
            return United(entry.where, tuple(parts))

        return find


register_mask_format(CheXlocalize())

"""DICOM segmentations: frames by segment, matched by the SOP instance UID they refer to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from audit_suite.cards import DatasetCard
from audit_suite.cards.common import Once
from audit_suite.cards.regions import MaskSpec
from audit_suite.datasets.dicom import is_dicom, read_identity
from audit_suite.datasets.dicom_segments import read_segments, references
from audit_suite.datasets.files.entry import Entry, Mask, RegionSource
from audit_suite.datasets.files.hashing import hash_content
from audit_suite.datasets.files.mask_format import Find, MaskFormat, register_mask_format
from audit_suite.datasets.files.masks import united
from audit_suite.discreet import Discreet
from audit_suite.errors import AuditError

Segment = str | Annotated[int, Field(ge=1)]


class DicomSegSpec(MaskSpec):
    """DICOM segmentation objects in a folder."""

    folder: str
    """The folder, relative to the root; its files and those of folders in it are read."""
    segment: Segment | Annotated[tuple[Segment, ...], Once]
    """The segment, or segments, by label or number; those of an image are united."""

    @property
    def places(self) -> tuple[str, ...]:
        """The folder."""
        return (self.folder,)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The segments of the region."""
        return self.segment if isinstance(self.segment, tuple) else (self.segment,)


@dataclass(frozen=True, repr=False)
class SegmentFrames(Discreet, RegionSource):
    """Frames of one file that show segments of one image.

    Attributes:
        path: The file.
        frames: Frame (from 0) and number of the segment.
        where: The image's row.
        hashed: The hash of a file; remembers it, as one file may hold the segments of all images.
    """

    path: Path = field(repr=False)
    frames: tuple[tuple[int, int], ...]
    where: str
    hashed: Callable[[Path], bytes] = field(repr=False)

    @property
    def files(self) -> tuple[Path, ...]:
        """The file."""
        return (self.path,)

    def read(self, shape: tuple[int, int]) -> Mask:
        """The union of the frames; a fractional segment counts from half of its maximum on."""
        return read_segments(self.path, self.frames)

    def update(self, digest: Any, hash_file: Callable[[Path], bytes]) -> None:
        """Add the file's content and which frames count."""
        digest.update(self.hashed(self.path) + repr(self.frames).encode())


@dataclass(frozen=True)
class DicomSeg(MaskFormat):
    """Segments of an image, whatever the files are called."""

    name: str = "dicom-seg"
    keys: type[DicomSegSpec] = DicomSegSpec

    def open(self, card: DatasetCard, region: str, spec: DicomSegSpec) -> Find:
        """What finds the segments that refer to an image.

        Raises:
            AuditError: If the folder does not exist, or no file in it has such a segment.
        """
        folder = card.resolve(card.root) / spec.folder
        if not folder.is_dir():
            raise AuditError(
                f"{folder} is not a folder", f"correct 'regions.{region}.folder' of {card.path}"
            )
        frames: dict[str, list[tuple[Path, int, int]]] = defaultdict(list)
        hashed = cache(hash_content)
        labels: set[str] = set()
        for path in sorted(file for file in folder.rglob("*") if file.is_file()):
            for uid, frame, number, label in references(path, card.dicom_frame):
                labels.add(f"{label} ({number})")
                if number in spec.segments or label in spec.segments:
                    frames[uid].append((path, frame, number))
        if not frames:
            named = ", ".join(map(str, spec.segments))
            raise AuditError(
                f"{folder} holds no DICOM segmentation with a segment {named} of an image",
                f"correct 'regions.{region}' of {card.path}; segments there: "
                f"{', '.join(sorted(labels)) or 'none'}",
            )

        def find(entry: Entry) -> RegionSource | str:
            by_file: dict[Path, list[tuple[int, int]]] = defaultdict(list)
            for path, frame, number in frames.get(_uid(entry.image), ()):
                by_file[path].append((frame, number))
            if not by_file:
                return f"{entry.where}: no segmentation of 'regions.{region}' refers to the image"
            parts = [
                SegmentFrames(path, tuple(each), entry.where, hashed)
                for path, each in by_file.items()
            ]
            return united(entry.where, parts)

        return find


def _uid(image: Path) -> str:
    """The image's SOP instance UID; empty if it has none, as what is not DICOM."""
    try:
        return read_identity(image).uid if is_dicom(image) else ""
    except (ValueError, OSError):  # what is wrong with it is said where it is read
        return ""


register_mask_format(DicomSeg())

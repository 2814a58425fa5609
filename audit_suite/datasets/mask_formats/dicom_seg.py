"""DICOM segmentations: frames by segment, matched by the SOP instance UID they refer to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from audit_suite.cards import DatasetCard
from audit_suite.cards.common import Once
from audit_suite.cards.regions import MaskSpec
from audit_suite.datasets.dicom import is_dicom, quietly, read_identity
from audit_suite.datasets.files.entry import Entry, Mask, RegionSource
from audit_suite.datasets.files.hashing import hash_content
from audit_suite.datasets.files.mask_format import Find, MaskFormat, register_mask_format
from audit_suite.datasets.files.masks import united
from audit_suite.datasets.pictures import MOST_PIXELS
from audit_suite.errors import AuditError

_SMALL = 1024  # bytes from which on a tag's value is left in the file until it is asked for

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


@dataclass(frozen=True)
class SegmentFrames(RegionSource):
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
        import pydicom

        with quietly():
            try:
                header = pydicom.dcmread(self.path, defer_size=_SMALL)
                fault = _fault_of_size(header)
                frames = [] if fault else _decoded(self.path, header, self.frames)
            except OSError:
                raise
            except Exception as error:  # a damaged file raises anything
                raise ValueError(f"cannot be decoded as DICOM ({type(error).__name__})") from None
        if fault:
            raise ValueError(fault)
        labelled = str(header.get("SegmentationType", "BINARY")) == "LABELMAP"
        half = max(int(header.get("MaximumFractionalValue") or 1) / 2, 0.5)
        masks = [
            pixels == number if labelled else pixels >= half
            for pixels, (_, number) in zip(frames, self.frames, strict=True)
        ]
        joined: Mask = np.logical_or.reduce(masks)
        return joined

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
            for uid, frame, number, label in _references(path, card.dicom_frame):
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
            found: dict[Path, list[tuple[int, int]]] = defaultdict(list)
            for path, frame, number in frames.get(_uid(entry.image), ()):
                found[path].append((frame, number))
            if not found:
                return f"{entry.where}: no segmentation of 'regions.{region}' refers to the image"
            parts = [
                SegmentFrames(path, tuple(each), entry.where, hashed)
                for path, each in found.items()
            ]
            return united(entry.where, parts)

        return find


def _decoded(
    path: Path, header: Any, wanted: tuple[tuple[int, int], ...]
) -> list[NDArray[np.integer[Any]]]:
    """The frames wanted, each of shape (H, W)."""
    from pydicom.pixels.utils import pixel_array

    if int(header.BitsAllocated) > 1 or int(header.Rows) * int(header.Columns) % 8 == 0:
        return [pixel_array(path, index=frame) for frame, _ in wanted]
    whole = pixel_array(path)  # pydicom finds no single frame that begins within a byte
    stack = whole if whole.ndim == 3 else whole[None]
    return [stack[frame] for frame, _ in wanted]


def _fault_of_size(header: Any) -> str:
    """Why the pixels of a file are not decoded; empty if they are. pydicom would fill up a rest."""
    pixels = int(header.Rows) * int(header.Columns)
    if pixels > MOST_PIXELS:
        return "claims to be unreasonably large"
    if header.file_meta.TransferSyntaxUID.is_encapsulated:
        return ""
    bits = pixels * int(header.get("NumberOfFrames") or 1) * int(header.BitsAllocated)
    stored = header.get_item("PixelData")  # as in the file, or read already
    length = stored.length if hasattr(stored, "length") else len(stored.value)
    return "is cut off" if 8 * length < bits else ""


def _uid(image: Path) -> str:
    """The image's SOP instance UID; empty if it has none, as what is not DICOM."""
    try:
        return read_identity(image).uid if is_dicom(image) else ""
    except (ValueError, OSError):  # what is wrong with it is said where it is read
        return ""


def _references(path: Path, wanted: int | None) -> Iterator[tuple[str, int, int, str]]:
    """UID of the image, frame from 0, number and label of the segment, for each frame of a file.

    Files that are not segmentations have none.
    """
    import pydicom

    with quietly():
        try:
            if not is_dicom(path):
                return
            header = pydicom.dcmread(path, stop_before_pixels=True)
            if str(header.get("Modality", "")) != "SEG":
                return
            labels = {
                int(segment.SegmentNumber): str(segment.SegmentLabel)
                for segment in header.SegmentSequence
            }
            found = list(_frames(header, labels, wanted))
        except (OSError, pydicom.errors.InvalidDicomError):
            return
        except Exception as error:  # pydicom parses tags as they are asked for
            raise AuditError(
                f"a DICOM segmentation in {path.parent} lacks what a segmentation must say "
                f"({type(error).__name__})",
                "export it again; `audit-suite` reads segments, and the images they refer to",
            ) from None
    yield from found


def _frames(
    header: Any, labels: dict[int, str], wanted: int | None
) -> Iterator[tuple[str, int, int, str]]:
    shared = header.get("SharedFunctionalGroupsSequence") or [{}]
    only = _only_instance(header)
    labelmap = str(header.get("SegmentationType", "")) == "LABELMAP"
    for frame, groups in enumerate(header.PerFrameFunctionalGroupsSequence):
        numbers = list(labels) if labelmap else [_segment(groups, shared[0])]
        for uid in _images(groups, shared[0], wanted) or only:
            for number in numbers:
                yield uid, frame, number, labels[number]


def _segment(groups: Any, shared: Any) -> int:
    named = groups.get("SegmentIdentificationSequence") or shared.get(
        "SegmentIdentificationSequence"
    )
    return int(named[0].ReferencedSegmentNumber)


def _images(groups: Any, shared: Any, wanted: int | None) -> list[str]:
    """The images that a frame was derived from; of one with several frames, the audited one's."""
    found = []
    for derived in (
        groups.get("DerivationImageSequence") or shared.get("DerivationImageSequence") or ()
    ):
        for source in derived.get("SourceImageSequence", ()):
            numbers = source.get("ReferencedFrameNumber")
            many = [numbers] if isinstance(numbers, int | float | str) else list(numbers or ())
            if not many or (wanted or 0) + 1 in [int(number) for number in many]:
                found.append(str(source.ReferencedSOPInstanceUID))
    return found


def _only_instance(header: Any) -> list[str]:
    """The image of a file that names one, for frames that do not say what they are derived from."""
    named = [
        str(instance.ReferencedSOPInstanceUID)
        for series in header.get("ReferencedSeriesSequence") or ()
        for instance in series.get("ReferencedInstanceSequence") or ()
    ]
    return named if len(named) == 1 else []


register_mask_format(DicomSeg())

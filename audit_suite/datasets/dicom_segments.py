"""Read DICOM segmentations with pydicom: which frame shows which segment of which image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets.dicom import is_dicom, quietly
from audit_suite.datasets.pictures import MOST_PIXELS
from audit_suite.errors import AuditError

_SMALL = 1024  # bytes from which on a tag's value is left in the file until it is asked for


def read_segments(path: Path, wanted: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """The union of some segments' frames.

    Args:
        path: The file.
        wanted: Frame (from 0) and number of the segment. A fractional segment counts from half of
            its maximum on.

    Returns:
        Shape (H, W).

    Raises:
        ValueError: If it cannot be decoded; says why, without the file's name.
    """
    import pydicom

    with quietly():
        try:
            header = pydicom.dcmread(path, defer_size=_SMALL)
            fault = _fault_of_size(header)
            labelled = str(header.get("SegmentationType", "BINARY")) == "LABELMAP"
            half = max(int(header.get("MaximumFractionalValue") or 1) / 2, 0.5)
            frames = [] if fault else _decoded(path, header, wanted)
        except OSError:
            raise
        except Exception as error:  # a damaged file raises anything
            raise ValueError(f"cannot be decoded as DICOM ({type(error).__name__})") from None
    if fault:
        raise ValueError(fault)
    masks = [
        pixels == number if labelled else pixels >= half
        for pixels, (_, number) in zip(frames, wanted, strict=True)
    ]
    joined: NDArray[np.bool_] = np.logical_or.reduce(masks)
    return joined


def references(path: Path, dicom_frame: int | None) -> Iterator[tuple[str, int, int, str]]:
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
            frames = list(_frames(header, labels, dicom_frame))
        except (OSError, pydicom.errors.InvalidDicomError):
            return
        except Exception as error:  # pydicom parses tags as they are asked for
            raise AuditError(
                f"a DICOM segmentation in {path.parent} lacks what a segmentation must say "
                f"({type(error).__name__})",
                "export it again; `audit-suite` reads segments, and the images they refer to",
            ) from None
    yield from frames


def _frames(
    header: Any, labels: dict[int, str], dicom_frame: int | None
) -> Iterator[tuple[str, int, int, str]]:
    shared = header.get("SharedFunctionalGroupsSequence") or [{}]
    only = _only_instance(header)
    labelmap = str(header.get("SegmentationType", "")) == "LABELMAP"
    for frame, groups in enumerate(header.PerFrameFunctionalGroupsSequence):
        numbers = list(labels) if labelmap else [_segment(groups, shared[0])]
        for uid in _images(groups, shared[0], dicom_frame) or only:
            for number in numbers:
                yield uid, frame, number, labels[number]


def _segment(groups: Any, shared: Any) -> int:
    named = groups.get("SegmentIdentificationSequence") or shared.get(
        "SegmentIdentificationSequence"
    )
    return int(named[0].ReferencedSegmentNumber)


def _images(groups: Any, shared: Any, dicom_frame: int | None) -> list[str]:
    """The images that a frame was derived from; of one with several frames, the audited one's."""
    uids = []
    for derived in (
        groups.get("DerivationImageSequence") or shared.get("DerivationImageSequence") or ()
    ):
        for source in derived.get("SourceImageSequence", ()):
            numbers = source.get("ReferencedFrameNumber")
            many = [numbers] if isinstance(numbers, int | float | str) else list(numbers or ())
            if not many or (dicom_frame or 0) + 1 in [int(number) for number in many]:
                uids.append(str(source.ReferencedSOPInstanceUID))
    return uids


def _only_instance(header: Any) -> list[str]:
    """The image of a file that names one, for frames that do not say what they are derived from."""
    named = [
        str(instance.ReferencedSOPInstanceUID)
        for series in header.get("ReferencedSeriesSequence") or ()
        for instance in series.get("ReferencedInstanceSequence") or ()
    ]
    return named if len(named) == 1 else []


def _decoded(
    path: Path, header: Any, wanted: Sequence[tuple[int, int]]
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

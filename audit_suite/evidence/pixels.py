"""Images as they were prepared for a model's input, kept between runs: nothing is decoded twice.

Kept are the pixels at the model's size, the properties of the file, and the distances of every
area: what takes longest. Files are named by a hash of all that decides them, hold a checksum, and
name no patient; they do show patients.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import InputSpec, canonical_digest
from audit_suite.datasets import Dataset, Sample
from audit_suite.datasets.reading import Reading
from audit_suite.errors import AuditError
from audit_suite.evidence.cache import IMAGE, ArrayCache, Arrays
from audit_suite.evidence.keys import ENGINE_VERSION
from audit_suite.evidence.store import pack_lines, unpack_lines

_DECODERS = ("numpy", "pillow", "pydicom", "scipy", "torch", "torchvision")
_FULL = 255  # of 8 bits


@dataclass(frozen=True)
class Cached(Reading):
    """The ``read`` of a data set whose images are cached.

    Attributes:
        cache: Where.
    """

    cache: ArrayCache

    def form(self, *of: Any) -> str:
        """What decides something that is made of every image, apart from the image."""
        return canonical_digest([ENGINE_VERSION, library_versions(_DECODERS), *of])

    def image(self, index: int) -> str:
        """With what all names of an image begin, so that they are found together."""
        return hashlib.sha256(self.content(index).encode()).hexdigest()[:IMAGE]

    def name(self, index: int, form: str) -> str:
        """The name under which something of that form is kept of an image."""
        return self.image(index) + form[IMAGE:]


def images_of(dataset: Dataset) -> Iterator[str]:
    """With what the names of a data set's images begin; nothing where they are not cached."""
    if isinstance(dataset.read, Cached):
        for index in range(len(dataset.cases)):
            with suppress(AuditError, OSError):  # it is told of where the image is read
                yield dataset.read.image(index)


def cached(dataset: Dataset, cache: ArrayCache | None) -> Dataset:
    """A data set whose images are cached, if its reader says what decides them."""
    read = dataset.read
    if cache is None or not isinstance(read, Reading):
        return dataset
    return replace(dataset, read=Cached(read.read, read.content, cache))


def sample_of(dataset: Dataset, index: int, spec: InputSpec) -> Sample:
    """A decoded image, kept as such: for the few that are tried, explained or drawn.

    Args:
        dataset: Where it is from.
        index: Which one.
        spec: The input of the model that it is for; a card's own function reads the file itself.

    Raises:
        BadImage: If it cannot be used.
    """
    read = dataset.read
    if not isinstance(read, Cached) or spec.code():
        return read(index)
    key = read.name(index, read.form("sample"))
    kept = read.cache.read(key)
    if kept is not None:
        shape = kept["image"].shape[:2]
        names = unpack_lines(kept["names"])
        regions = {name: unpacked(kept[f"{n}"], shape) for n, name in enumerate(names)}
        return Sample(kept["image"], regions)
    sample = read(index)
    arrays = {f"{n}": np.packbits(mask) for n, mask in enumerate(sample.regions.values())}
    arrays |= {"image": sample.image, "names": pack_lines(list(sample.regions))}
    read.cache.write(key, arrays)
    return sample


def packed_distance(distance: NDArray[np.int16]) -> NDArray[Any]:
    """A distance in as few bytes as hold it: one value, 8 bits, or steps of 8 bits along rows."""
    low, high = distance.min(), distance.max()
    if low == high:
        return np.array([low, *distance.shape], np.int16)
    if _is_small(low, high):
        return distance.astype(np.int8)
    steps = np.diff(distance.astype(np.int32))
    if not _is_small(steps.min(initial=0), steps.max(initial=0)):
        return distance
    first = np.ascontiguousarray(distance[:, :1]).view(np.uint8)  # two bytes of each row
    return np.concatenate([first, steps.astype(np.int8).view(np.uint8)], axis=1)


def unpacked_distance(packed: NDArray[Any]) -> NDArray[np.int16]:
    """The inverse of `packed_distance`."""
    if packed.ndim == 1:
        return np.full(tuple(packed[1:]), packed[0], np.int16)
    if packed.dtype != np.uint8:
        return packed.astype(np.int16)
    steps = np.empty((packed.shape[0], packed.shape[1] - 1), np.int16)
    steps[:, :1] = np.ascontiguousarray(packed[:, :2]).view(np.int16)
    steps[:, 1:] = packed[:, 2:].view(np.int8)
    return np.cumsum(steps, axis=1, dtype=np.int16, out=steps)


def _is_small(low: int, high: int) -> bool:
    small = np.iinfo(np.int8)
    return bool(small.min <= low and high <= small.max)


def packed_image(image: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """An image, shape (C, H, W), with equal channels once, and in 8 bits where these are exact."""
    alike = bool((image == image[:1]).all())
    kept = image[:1] if alike else image
    small = np.rint(kept * _FULL).astype(np.uint8)
    exact = np.array_equal(_spread(small), kept)
    return {"image": small if exact else kept, "channels": np.array([image.shape[0]])}


def unpacked_image(kept: Arrays) -> NDArray[np.float32]:
    """The inverse of `packed_image`."""
    image = kept["image"]
    plain = _spread(image) if image.dtype == np.uint8 else image
    channels = int(kept["channels"][0])
    return plain if len(plain) == channels else np.repeat(plain, channels, axis=0)


def unpacked(bits: NDArray[np.uint8], shape: Sequence[int]) -> NDArray[np.bool_]:
    """The inverse of ``np.packbits`` for a mask of a shape."""
    return np.unpackbits(bits, count=int(np.prod(shape))).reshape(shape).astype(np.bool_)


def _spread(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """8 bits as they are scaled to [0, 1]."""
    return small.astype(np.float32) / np.float32(_FULL)


@cache
def library_versions(names: tuple[str, ...]) -> list[str]:
    """Names and versions of what computes: another version may give other digits."""
    return [f"{name} {_version(name)}" for name in names]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""

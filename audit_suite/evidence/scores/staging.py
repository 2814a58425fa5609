"""Batches on the way to a device: decoded and counted while the device scores the one before."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit_suite.evidence.scores.geometry import Geometry
from audit_suite.evidence.scores.prepared import Prepared
from audit_suite.evidence.scores.versions import HiddenPart, hidden_parts
from audit_suite.maskings.masking import Masking
from audit_suite.maskings.show import Batch

_Item = TypeVar("_Item")
_END = object()


@dataclass(frozen=True)
class Staged:
    """A batch of prepared images at one geometry, and what each masking hides of it.

    Attributes:
        geometry: That of all images.
        batch: Images and distances, in memory from which a device copies without waiting.
        real: How many of them count; the others fill the batch up.
        properties: Shape (real, k), of the image files.
        hidden: What each masking hides.
        ends: Indices of the images that are complete once this batch is read: a portion of a shard;
            empty if more batches of them follow.
    """

    geometry: Geometry
    batch: Batch
    real: int
    properties: NDArray[np.float32]
    hidden: Mapping[Masking, HiddenPart]
    ends: Sequence[int] = ()

    def on(self, device: str) -> Batch:
        """The batch on a device; the copy may still run when this returns."""
        if device == "cpu":
            return self.batch
        return Batch(
            self.batch.indices,
            self.batch.images.to(device, non_blocking=True),
            {
                area: distance.to(device, non_blocking=True)
                for area, distance in self.batch.distances.items()
            },
            on_host=self.batch.distances,
        )


def stage(
    geometry: Geometry,
    images: Sequence[tuple[int, Prepared]],
    size: int,
    maskings: Iterable[Masking],
    pinned: bool,
) -> Staged:
    """Put images together to a batch.

    Args:
        geometry: That of all images.
        images: Index and prepared image of each; at most ``size``.
        size: Images in the batch: the last image fills it up.
        maskings: What will be shown of it.
        pinned: Whether a CUDA device will copy it.
    """
    filled = [*images, *[images[-1]] * (size - len(images))]
    prepared = [each for _, each in filled]
    distances = {
        area: _stacked([each.distances[area] for each in prepared], pinned)
        for area in prepared[0].distances
    }
    return Staged(
        geometry,
        Batch(
            [index for index, _ in filled],
            _stacked([each.image for each in prepared], pinned),
            distances,
        ),
        len(images),
        np.stack([each.properties for _, each in images]),
        hidden_parts(maskings, distances, size),
    )


def _stacked(arrays: Sequence[NDArray[np.generic]], pinned: bool) -> Tensor:
    if not pinned:
        return torch.from_numpy(np.stack(arrays))
    kind = torch.from_numpy(np.empty(0, arrays[0].dtype)).dtype
    whole = torch.empty((len(arrays), *arrays[0].shape), dtype=kind, pin_memory=True)
    np.stack(arrays, out=whole.numpy())
    return whole


def ahead(items: Iterable[_Item], depth: int) -> Generator[_Item, None, None]:
    """The items of an iterable, made in a thread some steps ahead of whoever takes them.

    What making them raises is raised where they are taken. If no more are taken, the thread ends.

    Args:
        items: Made in the thread.
        depth: How many may wait to be taken.
    """
    made: queue.Queue[object] = queue.Queue(maxsize=depth)
    over = threading.Event()

    def put(item: object) -> None:
        while not over.is_set():
            try:
                return made.put(item, timeout=0.1)
            except queue.Full:
                continue

    def make() -> None:
        try:
            for item in items:
                put((item,))
                if over.is_set():
                    return
        except BaseException as error:  # raised again by the other thread
            put(error)
        put(_END)

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    try:
        while (item := made.get()) is not _END:
            if isinstance(item, BaseException):
                raise item
            assert isinstance(item, tuple)
            yield item[0]
    finally:
        over.set()
        thread.join()

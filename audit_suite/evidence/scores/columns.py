"""The columns of one stored shard of evidence, filled batch by batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from audit_suite.evidence.store import Arrays, pack_lines

Floats = NDArray[np.float32]


class ShardColumns:
    """Scores of one model on the images of one shard under one masking, and the hidden shares."""

    def __init__(self, length: int, targets: int) -> None:
        self._length = length
        self._hidden: Floats = np.zeros(length, np.float32)
        self._covered: Floats = np.zeros(length, np.float32)
        self._scores = np.full((length, targets), np.nan, np.float64)
        self._optional: Arrays = {}

    def put_region(self, rows: Sequence[int], hidden: Floats, covered: Floats) -> None:
        """Record which share of the frame, and of the image's own region, was hidden.

        Args:
            rows: Positions in the shard.
            hidden: Shape (len(rows),), share of the frame.
            covered: Shape (len(rows),), share of the region.
        """
        at = list(rows)
        self._hidden[at], self._covered[at] = hidden, covered

    def put_outlines(self, rows: Sequence[int], outlines: NDArray[np.uint8]) -> None:
        """Record thumbnails of the region, shape (len(rows), h, w)."""
        self._put("outlines", list(rows), outlines, 0)

    def put_properties(self, rows: Sequence[int], properties: Floats | None) -> None:
        """Record the properties of the image files, shape (len(rows), k)."""
        if properties is not None:
            self._put("properties", list(rows), properties, np.nan)

    def put_appearance(self, rows: Sequence[int], appearance: Floats) -> None:
        """Record what is left of shuffled images, shape (len(rows), k)."""
        self._put("appearance", list(rows), appearance, np.nan)

    def put_scores(
        self, rows: Sequence[int], scores: torch.Tensor, embeddings: torch.Tensor | None
    ) -> None:
        """Record the scores and embeddings of some rows."""
        at = list(rows)
        self._scores[at] = scores.double().cpu().numpy()
        if embeddings is not None:
            self._put("embeddings", at, embeddings.float().cpu().numpy(), np.nan)

    def arrays(self, excluded: Mapping[int, str]) -> Arrays:
        """The shard as it is stored; ``excluded`` gives by row why an image could not be used."""
        used = np.ones(self._length, np.bool_)
        used[sorted(excluded)] = False
        self._scores[~used] = np.nan
        return {
            "scores": self._scores,
            "hidden_fraction": self._hidden,
            "covered_fraction": self._covered,
            "used": used,
            "excluded": pack_lines([excluded[row] for row in sorted(excluded)]),
            **self._optional,
        }

    def rows(self, rows: Sequence[int]) -> Arrays:
        """All that was recorded of some rows, for `put`."""
        at = list(rows)
        return {name: array[at] for name, array in (self._own | self._optional).items()}

    def put(self, rows: Sequence[int], recorded: Arrays) -> None:
        """Record what `rows` gave of them."""
        at, own = list(rows), self._own
        for name, values in recorded.items():
            if name in own:
                own[name][at] = values
            else:
                blank = 0 if values.dtype.kind in "iu" else np.nan
                self._put(name, at, values, blank)

    @property
    def _own(self) -> Arrays:
        """The columns that every shard has, as they are filled."""
        return {"hidden": self._hidden, "covered": self._covered, "scores": self._scores}

    def _put(self, name: str, at: list[int], values: NDArray[np.generic], blank: float) -> None:
        if name not in self._optional:
            shape = (self._length, *values.shape[1:])
            self._optional[name] = np.full(shape, blank, values.dtype)
        self._optional[name][at] = values

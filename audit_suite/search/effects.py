"""What changes do to the ranks of scores: all images under all changes, in full batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.evidence.scores.in_batches import Scorer
from audit_suite.evidence.source import EvidenceSource, pair
from audit_suite.record import Box
from audit_suite.registry import STRATEGIES
from audit_suite.search.change import Images, box_fault
from audit_suite.search.patients import Roles
from audit_suite.search.prepare import Prepared
from audit_suite.search.request import SearchRequest
from audit_suite.statistics.mid_ranks import mid_ranks

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Changed:
    """What one change does to the images of a half.

    Attributes:
        effects: Shape (n,), change of the rank among all full images, -1 to 1.
        scores: Shape (n, 2), after it.
    """

    effects: Floats
    scores: Floats


class Half:
    """The images of one half, and the model that scores them under changes.

    Attributes:
        roles: Who is changed, and who lends.
        prepared: Their images.
        asked: The request, and the source of its model.
    """

    def __init__(
        self,
        request: SearchRequest,
        source: EvidenceSource,
        roles: Roles,
        known: Floats,
        prepared: Prepared,
    ) -> None:
        self.roles, self.prepared = roles, prepared
        self.asked = request, source
        self._request, self._source = self.asked
        self._strategy = request.strategy
        self._known = np.sort(known)
        self._scored = Scorer(pair(request), source)
        self._before = mid_ranks(self._score([prepared.images]), self._known)

    def effects(self, changes: Sequence[Any]) -> list[float]:
        """The mean effect of each change; NaN for one that leaves most images as they were."""
        return [
            float(changed.effects.mean()) if 2 * touched.sum() >= len(touched) else float("nan")
            for changed, touched in self._each(changes)
        ]

    def changed_by(self, change: Any) -> Changed:
        """The effect of one change on every image."""
        ((changed, _),) = self._each([change])
        return changed

    def box(self, change: Any) -> Box:
        """Where a change lies, in pixels of the model's input.

        Raises:
            AuditError: If it leaves the frame; names the strategy.
        """
        frame = self._request.model.input.size
        with STRATEGIES.blaming(self._strategy.name):
            box = change.box(*frame)
        if fault := box_fault(box, frame):
            raise STRATEGIES.misbehaved(self._strategy.name, f"draws {change!r}, which {fault}")
        x0, y0, x1, y1 = box
        return x0, y0, x1, y1

    def pictures(self, change: Any, case: int) -> NDArray[np.uint8]:
        """One image before and after, shape (2 or 3, C, H, W)."""
        versions, _ = self._versions(change)
        shown = [self.prepared.images[case], *(version[case] for version in versions)]
        return (np.stack(shown) * 255).round().astype(np.uint8)

    def _each(self, changes: Sequence[Any]) -> Iterator[tuple[Changed, NDArray[np.bool_]]]:
        """Effects of changes and which images they touch; several changes share a batch."""
        n = len(self.roles.changed)
        together = max(1, self._scored.batch // n)
        for start in range(0, len(changes), together):
            made = [self._versions(change) for change in changes[start : start + together]]
            stacks = [version for versions, _ in made for version in versions]
            scores = iter(np.split(self._score(stacks), len(stacks)))
            for versions, touched in made:
                after = [next(scores) for _ in versions]
                yield self._compared(after), touched

    def _compared(self, after: Sequence[Floats]) -> Changed:
        ranks = [mid_ranks(scores, self._known) for scores in after]
        if self._strategy.swapped:
            return Changed(ranks[0] - ranks[1], np.stack(after, axis=1))
        up = self._request.toward == "positive"
        moved = ranks[0] - self._before if up else self._before - ranks[0]
        return Changed(moved, np.stack([after[0], after[0]], axis=1))

    def _versions(self, change: Any) -> tuple[list[Images], NDArray[np.bool_]]:
        """The images under a change: with either donor's content, or painted; who is touched."""
        x0, y0, x1, y1 = self.box(change)
        images, lent = self.prepared.images, self.prepared.lent
        where: NDArray[np.bool_] = np.zeros(self.prepared.free.shape, np.bool_)
        where[:, y0:y1, x0:x1] = self.prepared.free[:, y0:y1, x0:x1]
        if lent is not None:
            versions = [np.where(where[:, None], other, images) for other in lent]
        else:
            versions = [np.where(where[:, None], self._painted(change), images)]
        touched: NDArray[np.bool_] = np.asarray(where.any(axis=(1, 2)))
        return versions, touched

    def _painted(self, change: Any) -> Images:
        """The images as a change paints them.

        Raises:
            AuditError: If it raises, or gives something else than images; names the strategy.
        """
        name, images = self._strategy.name, self.prepared.images
        with STRATEGIES.blaming(name):
            painted: Any = change.paint(images.copy())
        shape = getattr(painted, "shape", None)
        if shape != images.shape or not np.isfinite(painted).all():
            what = "pixels that are not finite" if shape == images.shape else f"shape {shape}"
            raise STRATEGIES.misbehaved(name, f"paints {change!r} with {what}, not {images.shape}")
        return np.asarray(np.clip(painted, 0, 1), np.float32)

    def _score(self, stacks: Sequence[Images]) -> Floats:
        """Scores of images in batches of one size, shape (all images,)."""
        return self._scored(np.concatenate(stacks), self._request.target)

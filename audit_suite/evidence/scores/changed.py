"""Scores of images that were changed in the file's own pixels, as outside the laboratory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import canonical_digest
from audit_suite.changes import Change, Scene, changed
from audit_suite.datasets import Dataset, Sample
from audit_suite.datasets.regions import named_regions
from audit_suite.errors import AuditError
from audit_suite.evidence.arithmetic import fix_arithmetic
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.evidence.source import EvidenceSource, Progress
from audit_suite.regions import union
from audit_suite.registry import CHANGES

_LENT = 64  # donors: as many of the data set's patients with the finding, by turns


@dataclass(frozen=True)
class ChangedRequest(ScoreRequest):
    """Scores of whole images after a change (`audit_suite.changes`) of the picture.

    Attributes:
        change: Name of a registered change.
        severity: 1 to 5 of a corruption, else 1.
        target: Whose finding is taken away or put in; empty where the change needs none.
    """

    executor: ClassVar[str] = "audit_suite.evidence.scores.changed:compute_changed"

    change: str = ""
    severity: int = 1
    target: str = ""

    @property
    def rank(self) -> tuple[Any, ...]:
        """As `ScoreRequest.rank`, then by change."""
        return *super().rank, self.change, self.severity, self.target

    @property
    def words(self) -> str:
        """The change."""
        return f"change '{self.change}' (severity {self.severity})"

    def key(self, source: EvidenceSource, shard: int) -> str:
        """The store key of one shard: that of whole images, and the change."""
        finding = self.dataset.targets[self.target].finding if self.target else None
        which = [self.change, self.severity, self.target, finding]
        extension = CHANGES.fingerprint(self.change)
        return canonical_digest(["changed", *which, extension, super().key(source, shard)])


def compute_changed(
    requests: Sequence[ChangedRequest], source: EvidenceSource, progress: Progress
) -> None:
    """Compute and store the scores that are missing; as `compute.compute_scores`.

    Args:
        requests: The requested scores.
        source: Data sets, models, profile and store.
        progress: Called with a line of text if memory runs out.
    """
    from audit_suite.evidence.scores.compute import compute_on  # torch, which only an executor has

    fix_arithmetic(source.profile)

    def kind(request: ChangedRequest) -> tuple[Any, ...]:
        return request.dataset, request.change, request.severity, request.target

    ordered = sorted(requests, key=lambda r: (r.dataset.name, *kind(r)[1:], r.rank))
    for (card, change, severity, target), group in groupby(ordered, key=kind):
        wanted = list(group)
        try:
            seed = source.profile.seed
            dataset = changed_dataset(source.dataset(card), change, severity, target, seed)
            compute_on(dataset, wanted, source, progress)
        except AuditError as error:
            source.failures.update(dict.fromkeys(wanted, error))


def changed_dataset(
    dataset: Dataset, change: str, severity: int, target: str, seed: int
) -> Dataset:
    """A data set whose images are changed when they are read.

    Args:
        dataset: The data set.
        change: Name of a registered change.
        severity: 1 to 5 of a corruption, else 1.
        target: Whose finding is meant; empty where the change needs none.
        seed: With the change and the image it decides every random draw.
    """
    kind: Change = CHANGES[change]
    sight = Scenes(dataset, target, kind.needs_finding, kind.needs_donor)

    def read(index: int) -> Sample:
        sample = dataset.read(index)
        rng = np.random.default_rng([seed, zlib.crc32(change.encode()), index])
        scene = sight.of(index, sample, rng, severity)
        return replace(sample, image=changed(change, sample.image, scene))

    return replace(dataset, read=read)


class Scenes:
    """What changes and editors may know beside the picture, for each image of a data set."""

    def __init__(
        self, dataset: Dataset, target: str, needs_finding: bool, needs_donor: bool
    ) -> None:
        """Look for donors.

        Args:
            dataset: The data set.
            target: Whose finding is meant; empty where no finding is needed.
            needs_finding: Whether outlines of the finding are.
            needs_donor: Whether other patients' pictures are.
        """
        self._dataset = dataset
        self._finding = dataset.card.targets[target].finding if needs_finding else None
        self._donors = list(_donors(dataset, target)) if needs_donor else []

    def of(self, index: int, sample: Sample, rng: np.random.Generator, severity: int = 1) -> Scene:
        """The scene of an image.

        Args:
            index: Its position in the data set.
            sample: The decoded image.
            rng: Decides every random draw.
            severity: 1 to 5 of a corruption, else 1.
        """
        known = sorted(self._dataset.card.roi_regions & set(sample.regions))
        lent = None
        if self._donors:
            other = self._dataset.read(_lender(self._dataset, self._donors, index))
            lent = _fitted(other, self._outline(other), sample)
        empty = np.zeros(sample.image.shape[:2], np.bool_)
        return Scene(
            roi=union(sample.regions, known) if known else empty,
            finding=self._outline(sample),
            donor=lent,
            rng=rng,
            severity=severity,
        )

    def _outline(self, sample: Sample) -> NDArray[np.bool_]:
        if self._finding is None:
            return np.zeros(sample.image.shape[:2], np.bool_)
        return named_regions(sample, self._dataset.card, (self._finding,))[self._finding]


def _donors(dataset: Dataset, target: str) -> Iterator[int]:
    """One image of each of the first patients with the finding."""
    seen: set[str] = set()
    for index, case in enumerate(dataset.cases):
        if case.labels.get(target) == 1 and case.patient not in seen and len(seen) < _LENT:
            seen.add(case.patient)
            yield index


def _lender(dataset: Dataset, donors: Sequence[int], index: int) -> int:
    """The donor of an image, never of its own patient, by turns."""
    first = donors[index % len(donors)]
    if dataset.cases[first].patient != dataset.cases[index].patient or len(donors) == 1:
        return first
    return donors[(index + 1) % len(donors)]


def _fitted(
    other: Sample, finding: NDArray[np.bool_], sample: Sample
) -> tuple[NDArray[np.float32], NDArray[np.bool_]] | None:
    """A donor's picture and finding in the shape of another image; None if colours differ."""
    from PIL import Image

    if other.image.ndim != sample.image.ndim:
        return None
    height, width = sample.image.shape[:2]
    picture = (other.image / np.float32(np.iinfo(other.image.dtype).max)).astype(np.float32)
    if other.image.shape[:2] != (height, width):
        planes = np.moveaxis(picture, -1, 0) if picture.ndim > finding.ndim else picture[None]
        fitted = [np.asarray(Image.fromarray(p).resize((width, height))) for p in planes]
        picture = fitted[0] if picture.ndim == finding.ndim else np.stack(fitted, axis=-1)
        finding = np.asarray(
            Image.fromarray(finding).resize((width, height), Image.Resampling.NEAREST)
        )
    return picture, finding

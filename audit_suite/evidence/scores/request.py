"""Scores as evidence: how they are requested, keyed and read."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import DatasetCard, ModelCard, canonical_digest
from audit_suite.evidence.keys import ENGINE_VERSION, SHARD, shards
from audit_suite.evidence.scores.geometry import geometry
from audit_suite.evidence.scores.prepared import Wanted
from audit_suite.evidence.source import EvidenceSource, place_rank
from audit_suite.evidence.store import unpack_lines
from audit_suite.maskings import Masking
from audit_suite.maskings.fill import fill_fingerprint
from audit_suite.maskings.masking import Names

SCALE = "log odds"  # in which scores are kept where the card names an activation
THUMBNAIL = 32  # side of a stored outline, in pixels

_Kind = TypeVar("_Kind", bound=np.generic)


@dataclass(frozen=True)
class ScoreTable:
    """Scores of one model on every image of a data set under one masking.

    Attributes:
        scores: Shape (n_images, n_targets), as they are ranked (`models.outputs.ranked`): log odds,
            or what a model of ``activation = "none"`` returns; NaN where ``used`` is false.
        hidden_fraction: Shape (n_images,), share of the model's input that was filled, 0 to 1.
        covered_fraction: Shape (n_images,), share of the image's own region that was filled.
        used: Shape (n_images,), false for images that could not be read and were excluded.
        stored: All arrays by name, one mapping for each shard. What is wide, and used by few needs,
            is read from them whenever it is asked for, so that memory does not hold it.
    """

    scores: NDArray[np.float64]
    hidden_fraction: NDArray[np.float32]
    covered_fraction: NDArray[np.float32]
    used: NDArray[np.bool_]
    stored: Sequence[Mapping[str, NDArray[Any]]] = field(repr=False)

    @property
    def embeddings(self) -> NDArray[np.float32] | None:
        """Shape (n_images, width), or None if the card names no embedding layer."""
        return self._wide("embeddings", np.float32)

    @property
    def outlines(self) -> NDArray[np.uint8] | None:
        """Shape (n_images, 32, 32), how much of each tile belongs to the region, 0 to 255.

        Only for maskings that draw it (`Masking.draws_region`), else None.
        """
        return self._wide("outlines", np.uint8)

    @property
    def properties(self) -> NDArray[np.float32] | None:
        """Shape (n_images, k), of the image files (`datasets.properties`), only for full images.

        Then how they were made (`datasets.acquisition`). None for other maskings.
        """
        return self._wide("properties", np.float32)

    @property
    def appearance(self) -> NDArray[np.float32] | None:
        """Shape (n_images, k), what does not depend on the order of an image's parts.

        Only for maskings that shuffle (`maskings.shuffled.appearance`), else None.
        """
        return self._wide("appearance", np.float32)

    @property
    def excluded(self) -> tuple[str, ...]:
        """Why each unused image was left out, by row; holds no file name or patient."""
        lines = (unpack_lines(shard["excluded"]) for shard in self.stored)
        return tuple(line for of_shard in lines for line in of_shard)

    def _wide(self, name: str, kind: type[_Kind]) -> NDArray[_Kind] | None:
        there = all(name in shard for shard in self.stored)
        return _joined(self.stored, name, kind) if there else None


@dataclass(frozen=True)
class ScoreRequest:
    """Scores (and embeddings) of one model on every image of one data set under one masking."""

    executor: ClassVar[str] = "audit_suite.evidence.scores.compute:compute_scores"
    kept: ClassVar[bool] = True

    model: ModelCard
    fold: int | None
    dataset: DatasetCard
    masking: Masking

    @property
    def pair(self) -> tuple[ModelCard, int | None, DatasetCard]:
        """The model's fold and the data set, without the masking."""
        return self.model, self.fold, self.dataset

    @property
    def shown(self) -> Masking:
        """What is hidden in the model's input."""
        return self.masking

    @property
    def boxed(self) -> Names:
        """The region whose bounding box is black in the file; empty for files as they are."""
        return ()

    @property
    def rank(self) -> tuple[Any, ...]:
        """By data set, then model, the full image first."""
        return 0, *place_rank(self.dataset, self.model, self.fold), *self.masking.rank

    @property
    def words(self) -> str:
        """The masking."""
        return f"masking '{self.masking.id}'"

    @property
    def scopes(self) -> tuple[Hashable, ...]:
        """The model on this data set, and the data set."""
        return self.pair, self.dataset

    def keys(self, source: EvidenceSource) -> list[str]:
        """One per shard."""
        numbers = shards(len(source.dataset(self.dataset).cases))
        return [self.key(source, number) for number in numbers]

    def key(self, source: EvidenceSource, shard: int) -> str:
        """The store key of one shard.

        Raises:
            AuditError: If the data set or the model's weights cannot be read.
        """
        dataset = source.dataset(self.dataset)
        extension = fill_fingerprint(self.masking.fill)
        return canonical_digest(
            {
                "engine": ENGINE_VERSION,
                "scale": SCALE,
                "model": source.model_digest(self.model, self.fold),
                "dataset": dataset.digest,
                "masking": self.masking.digest,
                "profile": [source.profile.digest(), source.precisions.of(self.pair)],
                "shard": [shard, SHARD, len(dataset.cases)],
                **({"fill": extension} if extension else {}),
            }
        )

    def table(self, stored: Sequence[Mapping[str, NDArray[Any]]]) -> ScoreTable:
        """The shards joined."""
        return ScoreTable(
            scores=_joined(stored, "scores", np.float64),
            hidden_fraction=_joined(stored, "hidden_fraction", np.float32),
            covered_fraction=_joined(stored, "covered_fraction", np.float32),
            used=_joined(stored, "used", np.bool_),
            stored=stored,
        )

    def passes(self, source: EvidenceSource) -> int:
        """One per image."""
        return len(source.dataset(self.dataset).cases)

    @classmethod
    def describe(cls, group: Sequence[ScoreRequest], source: EvidenceSource) -> list[str]:
        """The number of images and maskings, the share that is stored, and the maskings."""
        images = len(source.dataset(group[0].dataset).cases)
        units = len(shards(images)) * len(group)
        missing = sum(len(source.missing(request)) for request in group)
        return [
            f"{images} images x {len(group)} maskings = {images * len(group)} forward passes; "
            f"{units - missing} of {units} shards stored",
            f"maskings {', '.join(request.masking.id for request in group)}",
        ]


def wanted_by(requests: Iterable[ScoreRequest]) -> Wanted:
    """What is to be prepared of each image, of which some scores are requested."""
    wanted = list(requests)
    at = {request: geometry(request.model.input, request.boxed) for request in wanted}
    return Wanted(
        specs={at[r]: r.model.input for r in wanted if not r.boxed},
        areas=sorted({r.shown.area for r in wanted if r.shown.hides}),
        boxed={at[r]: (r.model.input, r.boxed) for r in wanted if r.boxed},
    )


def _joined(
    stored: Sequence[Mapping[str, NDArray[Any]]], name: str, kind: type[_Kind]
) -> NDArray[_Kind]:
    return np.concatenate([shard[name] for shard in stored]).astype(kind, copy=False)

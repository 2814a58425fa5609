"""Where evidence is asked for: data sets and models loaded once, tables read from the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import DatasetCard, ModelCard, canonical_digest
from audit_suite.datasets import Dataset, load_dataset
from audit_suite.errors import AuditError
from audit_suite.evidence.profile import EvidenceProfile
from audit_suite.evidence.request import Request
from audit_suite.evidence.store import Arrays, EvidenceStore
from audit_suite.readings import Readings

if TYPE_CHECKING:
    from audit_suite.models import AuditedModel

SHARD = 256  # images in one stored file and one unit of work
THUMBNAIL = 32  # pixels of the side of a stored outline
ENGINE_VERSION = 7  # part of every key: raise it when maskings, fills, input or arithmetic change

Progress = Callable[[str], None]
_Kind = TypeVar("_Kind", bound=np.generic)


@dataclass(frozen=True)
class ScoreTable:
    """What one model said of every image of a data set under one masking.

    Attributes:
        scores: Shape (n_images, n_targets), after the activation; NaN where ``used`` is false.
        hidden_fraction: Shape (n_images,), share of the model's input that was filled, 0 to 1.
        covered_fraction: Shape (n_images,), share of the image's own region that was filled.
        used: Shape (n_images,), false for images that could not be read and were excluded.
        embeddings: Shape (n_images, width), or None if the card names no embedding layer.
        outlines: Shape (n_images, 32, 32) uint8, how much of each tile belongs to the region, 0 to
            255; None but for maskings that draw it (`Masking.draws_region`).
        properties: Shape (n_images, k), of the image files (`datasets.properties`); None but for
            full images.
        excluded: Why each unused image was left out, by row; holds no file name or patient.
    """

    scores: NDArray[np.float32]
    hidden_fraction: NDArray[np.float32]
    covered_fraction: NDArray[np.float32]
    used: NDArray[np.bool_]
    embeddings: NDArray[np.float32] | None
    outlines: NDArray[np.uint8] | None
    properties: NDArray[np.float32] | None
    excluded: tuple[str, ...]


class EvidenceSource:
    """Data sets, models and stored evidence of a run; computes what is missing on demand."""

    def __init__(
        self,
        store: EvidenceStore,
        profile: EvidenceProfile,
        *,
        offline: bool = False,
        max_cases: int | None = None,
        max_explained: int = 48,
        readings: Readings | None = None,
    ) -> None:
        self.store = store
        self.profile = profile
        self.offline = offline
        self.max_cases = max_cases
        self.max_explained = max_explained
        self.readings = readings
        self.failures: dict[object, AuditError] = {}
        self._datasets: dict[DatasetCard, Dataset | AuditError] = {}
        self._models: dict[tuple[ModelCard, int | None], AuditedModel] = {}
        self._model_digests: dict[tuple[ModelCard, int | None], str] = {}
        self._tables: dict[Request, ScoreTable] = {}

    def dataset(self, card: DatasetCard) -> Dataset:
        """The data set of a card, loaded once.

        Raises:
            AuditError: If it cannot be loaded; the same error each time it is asked for.
        """
        if card not in self._datasets:
            try:
                self._datasets[card] = load_dataset(card, self.max_cases)
            except AuditError as error:
                self._datasets[card] = error
        found = self._datasets[card]
        if isinstance(found, AuditError):
            raise found
        return found

    def model(self, card: ModelCard, fold: int | None) -> AuditedModel:
        """A model on the profile's device, loaded once.

        Raises:
            AuditError: If it cannot be loaded.
        """
        from audit_suite.models import load_model

        if (card, fold) not in self._models:
            self._models[card, fold] = load_model(card, fold, self.profile.device)
        return self._models[card, fold]

    def model_digest(self, card: ModelCard, fold: int | None) -> str:
        """SHA-256 of all that decides a model's scores, computed once.

        Raises:
            AuditError: If the weights cannot be read.
        """
        from audit_suite.models import model_digest

        if (card, fold) not in self._model_digests:
            self._model_digests[card, fold] = model_digest(card, fold)
        return self._model_digests[card, fold]

    def key(self, request: Request, shard: int) -> str:
        """The store key of one shard of a request's evidence."""
        return canonical_digest(
            {
                "engine": ENGINE_VERSION,
                "model": self.model_digest(request.model, request.fold),
                "dataset": self.dataset(request.dataset).digest,
                "masking": request.masking.digest,
                "profile": self.profile.digest(),
                "shard": [shard, SHARD, len(self.dataset(request.dataset).cases)],
            }
        )

    def shards(self, card: DatasetCard) -> range:
        """The numbers of a data set's shards."""
        return range(-(-len(self.dataset(card).cases) // SHARD))

    def table(self, request: Request) -> ScoreTable:
        """The evidence of a request; computed now if it was not planned.

        Raises:
            AuditError: If the evidence is missing and may not or cannot be computed.
        """
        if request not in self._tables:
            self._tables[request] = self._read(request)
        return self._tables[request]

    def stored_table(self, request: Request) -> ScoreTable | None:
        """The evidence of a request if all of it is stored, else None; computes nothing."""
        try:
            stored = self._stored(request)
        except AuditError:
            return None
        return None if stored is None else _join(stored)

    def _read(self, request: Request) -> ScoreTable:
        stored = self._stored(request)
        if stored is None:
            if self.offline:
                raise AuditError(
                    f"--audit-offline: the store {self.store.root} lacks the evidence of model "
                    f"'{request.model.name}' on data set '{request.dataset.name}' under masking "
                    f"'{request.masking.id}'",
                    "run once without --audit-offline, with the same cards and evidence profile",
                )
            from audit_suite.evidence.executor import compute

            compute([request], self)
            stored = self._stored(request)
        if stored is None:
            raise self._failure(request)
        return _join(stored)

    def _stored(self, request: Request) -> list[Arrays] | None:
        """All shards, or None if one is missing; damaged ones are dropped, to be computed again."""
        found: list[Arrays] = []
        for shard in self.shards(request.dataset):
            key = self.key(request, shard)
            arrays = self.store.read(key)
            if arrays is not None:
                found.append(arrays)
            elif self.store.has(key) and not self.offline:
                self.store.discard(key)
        return found if len(found) == len(self.shards(request.dataset)) else None

    def _failure(self, request: Request) -> AuditError:
        for scope in (request, request.pair, request.dataset):
            if scope in self.failures:
                return self.failures[scope]
        return AuditError(
            f"the evidence of model '{request.model.name}' on '{request.dataset.name}' is missing",
            "run the audit again; if it stays missing, empty the folder of --audit-evidence",
        )


def _join(shards: Sequence[Arrays]) -> ScoreTable:
    def column(name: str, kind: type[_Kind]) -> NDArray[_Kind]:
        return np.concatenate([shard[name] for shard in shards]).astype(kind, copy=False)

    def optional(name: str, kind: type[_Kind]) -> NDArray[_Kind] | None:
        return column(name, kind) if all(name in shard for shard in shards) else None

    return ScoreTable(
        scores=column("scores", np.float32),
        hidden_fraction=column("hidden_fraction", np.float32),
        covered_fraction=column("covered_fraction", np.float32),
        used=column("used", np.bool_),
        embeddings=optional("embeddings", np.float32),
        outlines=optional("outlines", np.uint8),
        properties=optional("properties", np.float32),
        excluded=tuple(line for shard in shards for line in unpack_lines(shard["excluded"])),
    )


def pack_lines(lines: Sequence[str]) -> NDArray[np.uint8]:
    """Lines of text as an array, so that a store of arrays can hold them."""
    return np.frombuffer(json.dumps(list(lines)).encode(), dtype=np.uint8)


def unpack_lines(array: NDArray[np.generic]) -> list[str]:
    """The inverse of `pack_lines`."""
    lines: list[str] = json.loads(array.tobytes())
    return lines

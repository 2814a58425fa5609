"""One image size on one device: a network, films in a cache on disk, and empty stores."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar
from unittest.mock import patch

import torch

from audit_suite.datasets.reading import Reading
from audit_suite.evidence import EvidenceSource
from audit_suite.evidence.arithmetic import fix_arithmetic
from audit_suite.evidence.pixels import cached
from audit_suite.evidence.profile import FASTEST_FIRST, Precision
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.evidence.scores.trial import batch_size
from audit_suite.models import compiling
from audit_suite.models.audited import AuditedModel
from engine.world import World

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes:
        device: ``cuda``, or ``cpu`` to try the benchmark itself.
        network: Its name in torchvision.
        images: Images of the data set, by their side in pixels: whole shards.
        films: Different ones; the data set repeats them, each in a file of its own in the cache.
        before: Images for the batches that were the default before.
        plain: Images for the paper's protocol.
        explained: Images that are explained.
        rate: Seconds for which a rate is measured.
    """

    device: str = "cuda"
    network: str = "densenet121"
    images: Mapping[int, int] = field(default_factory=lambda: {224: 1024, 512: 512})
    films: int = 16
    before: int = 96
    plain: int = 4
    explained: int = 4
    rate: float = 1.0

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """Those of the device."""
        return tuple(p for p in FASTEST_FIRST if self.device == "cuda" or p != "tf32")

    def seconds(self, work: Callable[[], _Result]) -> tuple[float, _Result]:
        """Seconds that some work takes until the device has done it, and what it returns."""
        self.wait()
        start = time.perf_counter()
        result = work()
        self.wait()
        return time.perf_counter() - start, result

    def wait(self) -> None:
        """Wait until the device has done what it was given."""
        if self.device == "cuda":
            torch.cuda.synchronize()


@dataclass(frozen=True)
class Bench:
    """What the parts measure on, at one image size.

    Attributes:
        made: Cards, weights and films.
        scale: How much is measured.
    """

    made: World
    scale: Scale

    @property
    def px(self) -> int:
        """Side of the images."""
        return self.made.px

    @property
    def images(self) -> int:
        """How many the data set has."""
        return self.scale.images[self.px]

    @cached_property
    def requests(self) -> list[ScoreRequest]:
        """Scores under all maskings."""
        return self.made.requests()

    @cached_property
    def chosen(self) -> EvidenceSource:
        """The source that chooses precision and batch, as an audit does by default."""
        return self.source("chosen")

    @property
    def precision(self) -> Precision:
        """The one that was chosen."""
        return self.chosen.precisions.of(self.requests[0].pair)

    @property
    def batch(self) -> int:
        """The batch that was chosen."""
        return self.batch_of(self.chosen)

    def batch_of(self, source: EvidenceSource) -> int:
        """The batch that a source chose."""
        return batch_size(self.requests[0], source)

    def model(self, source: EvidenceSource) -> AuditedModel:
        """The network as a source loaded it."""
        return source.model(self.requests[0].model, None)

    def source(
        self,
        name: str,
        precision: Precision | None = None,
        images: int | None = None,
        batch: int | None = None,
        *,
        cache: bool = True,
    ) -> EvidenceSource:
        """A source with an empty store, of a data set that repeats the films.

        Args:
            name: Of the store's folder.
            precision: None for the fastest; random weights say nothing of a change of verdicts.
            images: Of the data set; as many as the scale says by default.
            batch: Images per forward pass; None to let the engine choose.
            cache: Whether prepared images are kept on disk, for all such sources together.
        """
        source = self.made.source(
            name,
            precision,
            cache=self.made.folder / "cache" if cache else None,
            device=self.scale.device,
            batch_size=batch,
        )
        fix_arithmetic(source.profile)
        card, count = self.requests[0].dataset, self.scale.films
        films = source.dataset(card)
        assert isinstance(films.read, Reading)
        read, content = films.read, films.read.content
        cases = tuple(
            replace(films.cases[n % count], id=f"{n}", patient=f"p{n}")
            for n in range(self.images if images is None else images)
        )
        of_its_own = Reading(lambda n: read(n % count), lambda n: f"{content(n % count)}/{n}")
        repeated = replace(films, cases=cases, read=of_its_own)
        source._datasets[card] = cached(repeated, source._pixels)
        return source


def uncompiled():
    """A context in which the engine compiles nothing, however large the data set is."""
    return patch.object(compiling, "WORTH", float("inf"))

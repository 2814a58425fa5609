"""A search as evidence: what it is keyed by, and what was found."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import DatasetCard, ModelCard, canonical_digest
from audit_suite.discreet import Discreet
from audit_suite.evidence.keys import ENGINE_VERSION
from audit_suite.evidence.source import EvidenceSource, pair, place_rank
from audit_suite.evidence.store import unpack_lines
from audit_suite.search.patients import CONFIRMED, SEARCHED
from audit_suite.search.strategy import Strategy
from audit_suite.verdict import NotApplicable

SEARCH_VERSION = 1  # raise it when a shipped strategy, the roles or what is stored change
FRAME = 512  # pixels of the frame in which the card's margin is given

Toward = Literal["either", "positive", "negative"]
Floats = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Candidate(Discreet):
    """A change that was confirmed on other patients, whatever came of it.

    Attributes:
        change: As it prints.
        whole: Whether it is the largest change of its strategy.
        box: In pixels of the model's input.
        searched: Its effect in the search.
        effects: Shape (n,), change of the rank by image.
        scores: Shape (n, 2), after the change; with content of a patient with, then without the
            finding, or twice the same if it is painted.
        flips: Shape (n,), whether it changes the decision; None without an operating point.
        case: Which of the n images is shown.
        pictures: Shape (2 or 3, C, H, W), in [0, 1]: that image before and after; None if people
            may see none of them.
    """

    change: str
    whole: bool
    box: tuple[int, int, int, int]
    searched: float
    effects: Floats
    scores: Floats
    flips: NDArray[np.bool_] | None
    case: int
    pictures: NDArray[np.float32] | None


@dataclass(frozen=True, repr=False)
class SearchResult(Discreet):
    """What a search met, and what other patients said to it.

    Attributes:
        tries: Every change that was scored at first, as it prints.
        effects: Shape (tries,), their mean change of the rank; NaN where most images stayed the
            same.
        best: Largest effect of a change that can be made smaller; NaN if none counts.
        floor: What the smaller change had to keep.
        shrinking: Changes scored to make it smaller and to place it.
        searched_on: Images that were changed in the search.
        changed: Shape (n,), positions of the images that confirm.
        donors: Shape (n, 2), of those that lent them content; shape (n, 0) if it is painted.
        before: Shape (n,), their scores before the change.
        candidates: What was confirmed, largest effect first.
    """

    tries: tuple[str, ...]
    effects: Floats
    best: float
    floor: float
    shrinking: int
    searched_on: int
    changed: NDArray[np.int_]
    donors: NDArray[np.int_]
    before: Floats
    candidates: tuple[Candidate, ...]

    @property
    def idle(self) -> int:
        """Tries that left most images as they were."""
        return int(np.isnan(self.effects).sum())


@dataclass(frozen=True)
class SearchRequest:
    """One search, and the confirmation of what it found.

    Attributes:
        model: The model's card.
        fold: Which of its folds.
        dataset: The data set's card.
        target: Whose score is moved.
        region: Regions whose union is left as it is.
        margin: By which it is grown, pixels of a frame of 512.
        strategy: What is drawn.
        limit: Effect from which on a change is made smaller and confirmed.
        tries: Changes that are scored before.
        shrinking: Changes that are scored to make it smaller.
        toward: Which way painted changes push: the decision of true negatives or true positives.
        threshold: The score from which on the model calls an image positive; None if not declared.
    """

    executor: ClassVar[str] = "audit_suite.search.compute:compute_searches"
    kept: ClassVar[bool] = True

    model: ModelCard
    fold: int | None
    dataset: DatasetCard
    target: str
    region: tuple[str, ...]
    margin: int
    strategy: Strategy
    limit: float
    tries: int
    shrinking: int
    toward: Toward
    threshold: float | None

    @property
    def rank(self) -> tuple[Any, ...]:
        """Behind scores and attributions: by data set, model, target and strategy."""
        place = place_rank(self.dataset, self.model, self.fold)
        return 2, *place, self.target, str(self.strategy), self.toward, self.limit, self.tries

    @property
    def words(self) -> str:
        """Strategy and target."""
        return f"the search {self.strategy} for '{self.target}'"

    @property
    def scopes(self) -> tuple[Hashable, ...]:
        """None: each search fails on its own."""
        return ()

    @property
    def version(self) -> str:
        """What else than the request decides what is drawn."""
        extension = self.strategy.fingerprint
        drawn = importlib.metadata.version("hypothesis")
        return f"search {SEARCH_VERSION} {extension[:12]}".strip() + f", hypothesis {drawn}"

    def keys(self, source: EvidenceSource) -> list[str]:
        """One key: a search is one unit of work."""
        precision = source.precisions.of(pair(self))
        content = {
            "engine": [ENGINE_VERSION, self.version, self.strategy.fingerprint],
            "model": source.model_digest(self.model, self.fold),
            "dataset": source.dataset(self.dataset).digest,
            "target": [self.target, list(self.region), self.margin],
            "strategy": [str(self.strategy), self.toward],
            "budget": [self.limit, self.tries, self.shrinking, SEARCHED, CONFIRMED],
            "threshold": self.threshold,
            "profile": source.profile.digest(),
            **({"precision": precision} if precision != "fp32" else {}),
        }
        return [canonical_digest(content)]

    def table(self, stored: Sequence[Mapping[str, NDArray[Any]]]) -> SearchResult:
        """What was found.

        Raises:
            NotApplicable: If nothing could be searched.
        """
        (arrays,) = map(dict, stored)
        if "refused" in arrays:
            raise NotApplicable(unpack_lines(arrays["refused"])[0])
        best, floor, shrinking, searched_on = arrays["numbers"].tolist()
        flips = arrays.get("flips")
        return SearchResult(
            tries=tuple(unpack_lines(arrays["tries"])),
            effects=arrays["effects"],
            best=best,
            floor=floor,
            shrinking=int(shrinking),
            searched_on=int(searched_on),
            changed=arrays["changed"],
            donors=arrays["donors"],
            before=arrays["before"],
            candidates=tuple(
                Candidate(
                    change=change,
                    whole=bool(arrays["whole"][number]),
                    box=tuple(arrays["boxes"][number].tolist()),
                    searched=float(arrays["searched"][number]),
                    effects=arrays["held_out"][number],
                    scores=arrays["after"][number],
                    flips=None if flips is None else flips[number].astype(np.bool_),
                    case=int(arrays["case"][number]),
                    pictures=arrays["pictures"][number].astype(np.float32) / 255
                    if arrays["visible"][number]
                    else None,
                )
                for number, change in enumerate(unpack_lines(arrays["changes"]))
            ),
        )

    def passes(self, source: EvidenceSource) -> int:
        """Tries on the searched images; twice, for content with and without the finding."""
        each = 2 if self.strategy.swapped else 1
        confirmed = 2 * min(CONFIRMED, len(source.dataset(self.dataset).cases) // 4)
        return each * ((self.tries + self.shrinking) * SEARCHED + confirmed)

    @classmethod
    def describe(cls, group: Sequence[SearchRequest], source: EvidenceSource) -> list[str]:
        """One line per search, and whether it is stored."""
        return [
            f"{request.tries} tries of {request.strategy} for {request.target}, "
            f"{request.passes(source)} forward passes"
            + ("" if source.missing(request) else " (stored)")
            for request in group
        ]

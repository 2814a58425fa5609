"""Attributions as evidence: how they are requested, keyed and read."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import DatasetCard, ModelCard, canonical_digest, load_dataset_card
from audit_suite.evidence.budget import LEAST, Effort
from audit_suite.evidence.keys import ENGINE_VERSION
from audit_suite.evidence.source import EvidenceSource, place_rank
from audit_suite.evidence.store import unpack_lines
from audit_suite.registry import EXPLAINERS
from audit_suite.verdict import NotApplicable

REGION_SHAPLEY = "region-shapley"
"""Shapley values of the data set's regions."""
GRID_SHAPLEY = "grid-shapley"
"""Shapley values of the parts of the frame (`datasets.frame.CELLS`), which need no mask."""
OF_REGIONS = (REGION_SHAPLEY, GRID_SHAPLEY)
EXPLAINED_VERSION = 4  # raise it when explainers or what is stored of them change
_SHAPLEY = {REGION_SHAPLEY: 64, GRID_SHAPLEY: 128}  # passes per image: all subsets of 6 and 7 parts
_UNKNOWN = 100  # ... of a method that does not say how many it takes
_TESTED = 1.5  # the tests of a map (other weights, deletion, insertion) cost half as much again
NOTHING_DRAWN = "there is no image to explain"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Attributions:
    """Attributions of one output by one method, on the images of a sample.

    Attributes:
        index: Shape (n,), indices of the images in the data set.
        outputs: Shape (n,), f(x): the model's raw output; with softmax the log odds.
        expected: Shape (n,), mean output over the references; NaN if the method's attributions do
            not add up to the output.
        arrays: The other stored arrays. For regions: ``values``, ``inside`` and ``area``, each of
            shape (n, P): Shapley values, the share of a player's pixels that belong to the ROI, and
            its share of the frame; ``donor`` (n,), the reference that replaced hidden parts; and,
            if regions are reported separately, ``apart`` (n, P, R), the share of a player's pixels
            that belong to each of them. For pixels: ``maps`` (n, H, W) float32 and ``regions``
            (n, H, W) bool, the ROI; ``coarse`` (n, h, w), small absolute maps; for the images
            ``picked`` (m,): ``rough`` (m, h, w), the same from fewer samples, and ``shuffled``
            (stages, m, h, w), the same after more and more layers were shuffled, NaN where the
            method could not handle the shuffled model; ``deletion`` and ``insertion``
            (n, 2, steps), outputs in the map's order and in a random one.
        players: Names of the players, if regions are explained.
    """

    index: NDArray[np.int_]
    outputs: Floats
    expected: Floats
    arrays: Mapping[str, NDArray[Any]]
    players: tuple[str, ...]


@dataclass(frozen=True)
class AttributionRequest:
    """Attributions of one model's output for one target, on a sample of a data set's images.

    Attributes:
        model: The model's card.
        fold: Which of its folds.
        dataset: The data set's card.
        target: The target whose output is explained.
        region: The target's ROI, resolved.
        method: One of `OF_REGIONS`, or the name of a registered explainer.
        held_out: Use only images that the fold did not train on, by the data set's fold column.
        apart: Further regions, each reported separately.
    """

    executor: ClassVar[str] = "audit_suite.evidence.attributions.compute:compute_attributions"
    kept: ClassVar[bool] = False  # maps are large, and read once or twice

    model: ModelCard
    fold: int | None
    dataset: DatasetCard
    target: str
    region: tuple[str, ...]
    method: str
    held_out: bool = False
    apart: tuple[str, ...] = ()

    @property
    def rank(self) -> tuple[Any, ...]:
        """By data set, then model, target and method."""
        place = place_rank(self.dataset, self.model, self.fold)
        return 1, *place, self.target, self.method, self.region, self.apart, self.held_out

    @property
    def words(self) -> str:
        """Method and target."""
        return f"method '{self.method}' for '{self.target}'"

    @property
    def scopes(self) -> tuple[Hashable, ...]:
        """None: each request fails on its own."""
        return ()

    def keys(self, source: EvidenceSource) -> list[str]:
        """One key: a sample is one unit of work."""
        effort = self.effort(source)
        settings = {}
        if self.method not in OF_REGIONS:
            settings = asdict(self.explainer(effort))
        extension = "" if self.method in OF_REGIONS else EXPLAINERS.fingerprint(self.method)
        return [
            canonical_digest(
                {
                    "engine": [ENGINE_VERSION, EXPLAINED_VERSION],
                    "model": source.model_digest(self.model, self.fold),
                    "dataset": source.dataset(self.dataset).digest,
                    "references": source.dataset(reference_card(self.dataset)).digest,
                    "target": [self.target, list(self.region)],
                    "method": [self.method, settings],
                    "held_out": [self.held_out, self.fold],
                    "cases": effort.images,
                    "profile": source.profile.digest(),
                    **({"apart": list(self.apart)} if self.apart else {}),
                    **({"explainer": extension} if extension else {}),
                }
            )
        ]

    def table(self, stored: Sequence[Mapping[str, NDArray[Any]]]) -> Attributions:
        """The attributions.

        Raises:
            NotApplicable: If the method could not handle the model.
        """
        (arrays,) = stored
        if "refused" in arrays:
            raise NotApplicable(unpack_lines(arrays["refused"])[0])
        own = ("index", "outputs", "expected", "players")
        return Attributions(
            index=arrays["index"],
            outputs=arrays["outputs"],
            expected=arrays["expected"],
            arrays={name: array for name, array in arrays.items() if name not in own},
            players=tuple(unpack_lines(arrays["players"])) if "players" in arrays else (),
        )

    def effort(self, source: EvidenceSource) -> Effort:
        """How many images are explained, and how thoroughly.

        Raises:
            AuditError: If the data set cannot be read.
        """
        images = len(source.dataset(self.dataset).cases)
        return source.explaining.effort(images, len(self.dataset.targets))

    def explainer(self, effort: Effort) -> Any:
        """The registered explainer, with no more draws than the effort allows."""
        explainer: Any = EXPLAINERS.find(self.method)
        samples = getattr(explainer, "samples", 0)
        if effort.draws is None or samples <= effort.draws:
            return explainer
        return replace(explainer, samples=effort.draws)

    def passes(self, source: EvidenceSource) -> int:
        """As many per image as the method takes, about."""
        dataset = source.dataset(self.dataset)
        effort = self.effort(source)
        if self.method in OF_REGIONS:
            each = _SHAPLEY[self.method]
        else:
            each = round(_TESTED * getattr(self.explainer(effort), "passes", _UNKNOWN))
        return each * min(effort.images, len(dataset.cases))

    @classmethod
    def describe(cls, group: Sequence[AttributionRequest], source: EvidenceSource) -> list[str]:
        """One line per method and target, and whether it is stored; and what all of them take."""
        effort = group[0].effort(source)
        lines = [
            f"{request.method} of {request.target} on up to {effort.images} images"
            + ("" if source.missing(request) else " (stored)")
            for request in group
        ]
        passes = sum(request.passes(source) for request in group)
        return [*lines, f"explanations take about {passes:,} forward passes{_budgeted(source)}"]


def _budgeted(source: EvidenceSource) -> str:
    budget = source.explaining
    if budget.images is not None:
        return " (--audit-max-explained)"
    return f": a share of {budget.share:.0%} of all, but at least {LEAST} images"


def reference_card(card: DatasetCard) -> DatasetCard:
    """The card of the data set that provides references: the card itself by default.

    Raises:
        AuditError: If that card is missing or wrong.
    """
    return card if card.references is None else load_dataset_card(card.resolve(card.references))

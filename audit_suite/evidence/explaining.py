"""Compute missing attributions: explain the model, and put each method to its own tests."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from audit_suite.datasets import Sample
from audit_suite.datasets.regions import named_regions, region_names
from audit_suite.errors import AuditError
from audit_suite.evidence.executor import fix_arithmetic
from audit_suite.evidence.explanation import (
    NOTHING_DRAWN,
    REGION_SHAPLEY,
    explained,
    explanation_key,
    methods,
    references,
)
from audit_suite.evidence.request import Explanation
from audit_suite.evidence.source import EvidenceSource, pack_lines
from audit_suite.evidence.store import Arrays
from audit_suite.explainers import Explainer
from audit_suite.explainers.explainer import raw_outputs
from audit_suite.explainers.gradient import ExpectedGradients
from audit_suite.explainers.outputs import explained_outputs
from audit_suite.explainers.region_shapley import divide, region_values
from audit_suite.maskings.apply import Reference, inpaint
from audit_suite.models import fit_geometry, normalise
from audit_suite.regions import union
from audit_suite.verdict import NotApplicable

STAGES = (0.0, 0.5, 1.0)  # share of the layers, beyond the head, whose parameters are shuffled
COARSE = 28  # pixels of the side of the maps that are compared with each other
_SHUFFLED = 24  # images, of both labels, whose maps are drawn again at every stage
_ROUGH = 48  # gradients an image where maps are only compared
_TILES = 8  # a side: what deletion and insertion take away, or give, in turn
_STEPS = 8
_NOISE = 0.02  # standard deviation that the fill of deletion adds, of the image's range [0, 1]


def compute_explanations(
    requests: Iterable[Explanation],
    source: EvidenceSource,
    progress: Callable[[str], None] = lambda line: None,
) -> None:
    """Compute and store the attributions that are missing.

    As `executor.compute`, safe for several processes with one store: each claims what it computes.

    Args:
        requests: What is asked.
        source: Data sets, models, profile and store.
        progress: Called with one line of text after each request.
    """
    fix_arithmetic(source)
    wanted = list(dict.fromkeys(requests))
    for wait in (False, True):
        for request in wanted:
            if request in source.failures:
                continue
            try:
                key = explanation_key(request, source)
                if source.store.has(key):
                    continue
                with source.store.claim(key[:32], wait) as granted:
                    if granted and not source.store.has(key):
                        arrays = _compute(request, source)
                        source.store.write(key, arrays)
                        progress(
                            f"{request.dataset.name}: {request.method} of {request.model.name} on "
                            f"{len(arrays.get('index', ()))} images"
                        )
            except AuditError as error:
                source.failures[request] = error


@dataclass(frozen=True)
class _Batch:
    """The images of a sample, ready for the model.

    Attributes:
        index: Which they are.
        plain: Shape (N, C, H, W), in [0, 1].
        images: The same, normalised.
        regions: Every region of each image, by name.
        roi: Shape (N, H, W), bool.
    """

    index: list[int]
    plain: Tensor
    images: Tensor
    regions: list[dict[str, NDArray[np.bool_]]]
    roi: NDArray[np.bool_]


def _compute(request: Explanation, source: EvidenceSource) -> Arrays:
    spec, device = request.model.input, source.profile.device

    card = request.dataset
    named = {*region_names(card), *request.region, *request.apart}  # the same for every image

    def fit(samples: Sequence[Sample]) -> tuple[Tensor, list[dict[str, NDArray[np.bool_]]]]:
        fitted = [
            fit_geometry(sample.image, named_regions(sample, card, named), spec)
            for sample in samples
        ]
        pixels = torch.from_numpy(np.stack([image for image, _ in fitted])).to(device)
        return pixels, [regions for _, regions in fitted]

    drawn = list(explained(request, source))
    try:
        if not drawn:
            raise NotApplicable(NOTHING_DRAWN)
        plain, regions = fit([sample for _, sample in drawn])
        lent, _ = fit(references(request, source))
        roi = np.stack([union(each, request.region) for each in regions])
        index = [index for index, _ in drawn]
        batch = _Batch(index, plain, normalise(plain, spec), regions, roi)
        output = request.model.targets.index(request.target)
        model = source.model(request.model, request.fold)
        module = explained_outputs(model.module, model.card.activation, batch.images[:1])
        others = normalise(lent, spec)
        if request.method == REGION_SHAPLEY:
            return _explain_regions(batch, others, module, output, request.apart, source)
        explainer = _sized(methods()[request.method], source.profile.batch_size)
        found = _explain_pixels(batch, others, module, output, explainer, source)
        return found | _curves(batch, found["maps"], lent, request, module, output, source)
    except NotApplicable as refused:
        return {"refused": pack_lines([str(refused)])}
    except RuntimeError as error:  # of the machine, or of a network that does the unusual
        said = str(error).partition("\n")[0]
        if request.method != REGION_SHAPLEY and not _of_the_machine(error):
            return {"refused": pack_lines([f"{request.method} cannot handle this model: {said}"])}
        raise AuditError(
            f"{request.method} of '{request.model.name}' broke off: {said}",
            "where memory ran out use a smaller --audit-batch-size or --audit-device=cpu; "
            "what is stored so far is kept",
        ) from None


def _of_the_machine(error: Exception) -> bool:
    """Whether an error is of this machine now, and no word on the model to be kept."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return any(word in str(error).lower() for word in ("memory", "cuda", "cudnn", "cublas"))


def _sized(explainer: Any, batch_size: int | None) -> Explainer:
    """The same method with the profile's batches, where it takes any."""
    sized: Explainer = explainer
    if hasattr(explainer, "batch_size"):
        sized = replace(explainer, batch_size=batch_size)
    return sized


def _explain_regions(
    batch: _Batch,
    others: Tensor,
    module: nn.Module,
    output: int,
    apart: Sequence[str],
    source: EvidenceSource,
) -> Arrays:
    names, owners = divide(batch.regions)
    rng = np.random.default_rng(source.profile.seed)
    rounds = -(-len(batch.index) // len(others))  # each lends as often as the others, or once more
    dealt = np.concatenate([rng.permutation(len(others)) for _ in range(rounds)])
    donors = dealt[: len(batch.index)]
    values, outputs, expected = region_values(
        lambda images: raw_outputs(module, output, images, len(images)),
        batch.images,
        torch.from_numpy(owners).to(batch.images.device),
        len(names),
        others[torch.from_numpy(donors)[:, None].to(others.device)],
        source.profile.seed,
        2 * source.profile.batch_for((batch.images.shape[2], batch.images.shape[3])),
    )
    member = owners[:, None] == np.arange(len(names))[:, None, None]  # (N, P, H, W)
    size = member.sum(axis=(2, 3))

    def part(region: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Share of each player's pixels that belong to a region of shape (N, H, W)."""
        both = (member & region[:, None]).sum(axis=(2, 3))
        return np.asarray(both / np.maximum(size, 1), np.float64)

    told = [part(np.stack([regions[name] for regions in batch.regions])) for name in apart]
    return {
        "index": np.array(batch.index),
        "outputs": outputs,
        "expected": expected,
        "values": values,
        "donor": donors,
        "inside": part(batch.roi),
        "area": size / owners[0].size,
        **({"apart": np.stack(told, axis=2)} if told else {}),
        "players": pack_lines(names),
    }


def _explain_pixels(
    batch: _Batch,
    others: Tensor,
    module: nn.Module,
    output: int,
    explainer: Explainer,
    source: EvidenceSource,
) -> Arrays:
    seed = source.profile.seed
    found = explainer.explain(module, output, batch.images, others, seed)
    stages = []
    count = len(batch.index)
    picked = np.linspace(0, count - 1, min(_SHUFFLED, count)).round().astype(np.int_)
    images = batch.images[torch.from_numpy(picked).to(batch.images.device)]
    rough = _rough(explainer)
    coarse = _coarse(found.maps)
    own = coarse[picked]
    if rough is not explainer:  # else noise would make the maps of a shuffled model less alike
        own = _coarse(rough.explain(module, output, images, others, seed).maps)
    for share in STAGES:
        spoiled = shuffled(module, share, seed)
        try:
            stages.append(_coarse(rough.explain(spoiled, output, images, others, seed).maps))
        except NotApplicable:  # of the shuffled model: no word on this one
            stages.append(np.full_like(own, np.nan))
    return {
        "index": np.array(batch.index),
        "outputs": found.outputs.double().cpu().numpy(),
        "expected": found.expected.double().cpu().numpy(),
        "maps": found.maps.float().cpu().numpy(),
        "regions": batch.roi,
        "coarse": coarse,
        "picked": picked,
        "rough": own,
        "shuffled": np.stack(stages),
    }


def _rough(explainer: Explainer) -> Explainer:
    """The same method with as many samples as coarse maps need to be compared."""
    if isinstance(explainer, ExpectedGradients):
        return replace(explainer, samples=_ROUGH)
    return explainer


def shuffled(module: nn.Module, share: float, seed: int) -> nn.Module:
    """A copy of a model whose last layers know nothing: their parameters are shuffled.

    The cascading randomisation of Adebayo et al. (NeurIPS 2018), from the head down; shuffling
    keeps each parameter's distribution, and so the size of what passes through the network.

    Args:
        module: The model.
        share: Of the layers before the head, 0 to 1; the head is always shuffled.
        seed: Decides the order.

    Raises:
        NotApplicable: If the model cannot be copied, or has no parameters.
    """
    if not any(True for _ in module.parameters()):
        raise NotApplicable("the model shows no parameters that could be shuffled")
    try:
        spoiled = copy.deepcopy(module)
    except (RuntimeError, TypeError) as error:
        raise NotApplicable(f"the model cannot be copied to be randomised: {error}") from None
    layers: dict[str, list[nn.Parameter]] = {}
    for name, parameter in spoiled.named_parameters():
        layers.setdefault(name.rpartition(".")[0], []).append(parameter)
    ordered = list(layers.values())[::-1]
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameters in ordered[: 1 + round(share * (len(ordered) - 1))]:
            for parameter in parameters:
                order = torch.randperm(parameter.numel(), generator=rng).to(parameter.device)
                parameter.copy_(parameter.flatten()[order].view_as(parameter))
    return spoiled


def _coarse(maps: Tensor) -> NDArray[np.float32]:
    size = min(COARSE, maps.shape[1]), min(COARSE, maps.shape[2])
    small: NDArray[np.float32] = adaptive_avg_pool2d(maps.abs()[:, None], size)[:, 0].cpu().numpy()
    return small


def _curves(
    batch: _Batch,
    maps: NDArray[np.generic],
    lent: Tensor,
    request: Explanation,
    module: nn.Module,
    output: int,
    source: EvidenceSource,
) -> Arrays:
    """Outputs while tiles are taken from an image, or given to an empty one, the strongest first.

    Deletion and insertion (Petsiuk, Das and Saenko, BMVC 2018), with what is missing continued
    from what is left, and noise added, so that no hole can be read (after the noisy linear
    imputation of Rong et al., ICML 2022). Beside the map's order stands a random one.
    """
    rng = np.random.default_rng(source.profile.seed)
    mean = Reference(lent.mean(dim=(0, 2, 3)).cpu())
    strength = adaptive_avg_pool2d(torch.from_numpy(maps.astype(np.float32))[:, None], _TILES)
    by_map = strength.flatten(1).argsort(dim=1, descending=True, stable=True).numpy()
    found: dict[str, list[list[list[float]]]] = {"deletion": [], "insertion": []}
    steps = np.linspace(0, _TILES**2, _STEPS + 1).round().astype(int)
    for row, image in enumerate(batch.plain):
        noise = torch.from_numpy(rng.normal(0, _NOISE, image.shape).astype(np.float32)).to(image)
        for name, curves in found.items():
            both = []
            for order in (by_map[row], rng.permutation(_TILES**2)):
                gone = np.zeros((len(steps), _TILES**2), np.float32)
                for step, count in enumerate(steps):
                    gone[step, order[:count]] = 1
                gone = gone if name == "deletion" else 1 - gone
                tiles = torch.from_numpy(gone).view(-1, 1, _TILES, _TILES).to(image)
                hidden = interpolate(tiles, image.shape[1:], mode="nearest") > 0
                repeated = image.expand(len(steps), *image.shape)
                filled = (inpaint(repeated, hidden, mean) + noise).clamp(0, 1)
                shown = normalise(torch.where(hidden, filled, repeated), request.model.input)
                both.append(raw_outputs(module, output, shown, len(shown)).cpu().tolist())
            curves.append(both)
    return {name: np.array(curves) for name, curves in found.items()}

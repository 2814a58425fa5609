"""Pixel attributions of an output, and whether the maps change with the model."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from audit_suite.evidence.attributions.batch import ExplainedBatch
from audit_suite.evidence.store import Arrays
from audit_suite.explainers.explainer import Explainer, explain
from audit_suite.models.preprocessing import normalise
from audit_suite.out_of_memory import of_the_machine
from audit_suite.verdict import NotApplicable

STAGES = (0.0, 0.5, 1.0)  # share of the layers, beyond the head, whose parameters are shuffled
COARSE = 28  # side, in pixels, of the maps that are compared with each other
_SHUFFLED = 24  # images, of both labels, whose maps are computed again at every stage
_ROUGH = 48  # gradients per image for maps that are only compared


def explain_pixels(batch: ExplainedBatch, explainer: Explainer) -> Arrays:
    """Explain pixels by one method, and repeat its maps for increasingly shuffled models.

    Args:
        batch: The images.
        explainer: The method.

    Returns:
        The arrays of pixels that `Attributions` describes, without the curves.

    Raises:
        NotApplicable: If the method cannot handle the model.
    """
    module, output, seed = batch.module, batch.output, batch.profile.seed
    others = normalise(batch.references, batch.spec)
    answer = explain(explainer, module, output, batch.images, others, seed)
    stages = []
    count = len(batch.index)
    picked = np.linspace(0, count - 1, min(_SHUFFLED, count)).round().astype(np.int_)
    images = batch.images[torch.from_numpy(picked).to(batch.images.device)]
    rough = _rough(explainer)
    coarse = _coarse(answer.maps)
    own = coarse[picked]
    if rough is not explainer:  # else different sampling noise would make maps less similar
        own = _coarse(explain(rough, module, output, images, others, seed).maps)
    for share in STAGES:
        spoiled = shuffled(module, share, seed)
        try:
            stages.append(_coarse(explain(rough, spoiled, output, images, others, seed).maps))
        except NotApplicable:  # the shuffled model's, and not a fault of the audited one
            stages.append(np.full_like(own, np.nan))
    return {
        "index": np.array(batch.index),
        "outputs": answer.outputs.double().cpu().numpy(),
        "expected": answer.expected.double().cpu().numpy(),
        "maps": answer.maps.float().cpu().numpy(),
        "regions": batch.roi,
        "coarse": coarse,
        "picked": picked,
        "rough": own,
        "shuffled": np.stack(stages),
    }


def sized(explainer: Any, batch_size: int | None) -> Explainer:
    """The same method with the profile's batch size, if there is one and it has that setting."""
    fitting: Explainer = explainer
    if batch_size is not None and hasattr(explainer, "batch_size"):
        fitting = replace(explainer, batch_size=batch_size)
    return fitting


def _rough(explainer: Explainer) -> Explainer:
    """The same method with the number of samples that comparing coarse maps needs."""
    rough: Any = explainer
    return replace(rough, samples=_ROUGH) if hasattr(explainer, "samples") else explainer


def shuffled(module: nn.Module, share: float, seed: int) -> nn.Module:
    """Copy a model and shuffle the parameters of its last layers.

    The cascading randomisation of Adebayo et al. (NeurIPS 2018), from the head down. Shuffling
    keeps each parameter's distribution, and so the magnitude of the activations.

    Args:
        module: The model.
        share: Share of the layers before the head, 0 to 1; the head is always shuffled.
        seed: Decides the order.

    Raises:
        NotApplicable: If the model cannot be copied, or has no parameters.
    """
    if not any(True for _ in module.parameters()):
        raise NotApplicable("the model shows no parameters that could be shuffled")
    try:
        spoiled = copy.deepcopy(module)
    except (RuntimeError, TypeError) as error:
        if of_the_machine(error):
            raise
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

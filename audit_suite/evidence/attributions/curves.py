"""Whether the output follows a map: tiles deleted and inserted in the map's order."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from audit_suite.evidence.attributions.batch import ExplainedBatch
from audit_suite.evidence.store import Arrays
from audit_suite.explainers.explainer import raw_outputs
from audit_suite.maskings.fills.inpaint import inpaint
from audit_suite.models.preprocessing import normalise

_TILES = 8  # per side: deletion removes, and insertion adds, one tile after the other
_STEPS = 8
_NOISE = 0.02  # standard deviation of the noise added to filled tiles, for images in [0, 1]


def deletion_and_insertion(batch: ExplainedBatch, maps: NDArray[np.generic]) -> Arrays:
    """Outputs while tiles are deleted from an image or inserted into an empty one.

    Tiles go in the order of their attribution, the strongest first.

    Deletion and insertion (Petsiuk, Das and Saenko, BMVC 2018). Missing tiles are inpainted from
    the remaining ones, with added noise, so that the model cannot read their outline (after the
    noisy linear imputation of Rong et al., ICML 2022). A random order serves as control.

    Args:
        batch: The images.
        maps: Shape (N, H, W), signed attributions.

    Returns:
        ``deletion`` and ``insertion``, each of shape (N, 2, steps): in the map's order and in a
        random one.
    """
    module, output = batch.module, batch.output
    rng = np.random.default_rng(batch.profile.seed)
    mean = batch.references.mean(dim=(0, 2, 3)).cpu()
    strength = adaptive_avg_pool2d(torch.from_numpy(maps.astype(np.float32))[:, None], _TILES)
    by_map = strength.flatten(1).argsort(dim=1, descending=True, stable=True).numpy()
    curves: dict[str, list[list[list[float]]]] = {"deletion": [], "insertion": []}
    steps = np.linspace(0, _TILES**2, _STEPS + 1).round().astype(int)
    for row, image in enumerate(batch.plain):
        noise = torch.from_numpy(rng.normal(0, _NOISE, image.shape).astype(np.float32)).to(image)
        shown = []
        for name in curves:
            for order in (by_map[row], rng.permutation(_TILES**2)):
                gone = np.zeros((len(steps), _TILES**2), np.float32)
                for step, count in enumerate(steps):
                    gone[step, order[:count]] = 1
                gone = gone if name == "deletion" else 1 - gone
                tiles = torch.from_numpy(gone).view(-1, 1, _TILES, _TILES).to(image)
                hidden = interpolate(tiles, image.shape[1:], mode="nearest") > 0
                repeated = image.expand(len(steps), *image.shape)
                filled = (inpaint(repeated, hidden, mean) + noise).clamp(0, 1)
                shown.append(normalise(torch.where(hidden, filled, repeated), batch.spec))
        outputs = raw_outputs(module, output, torch.cat(shown), batch.profile.batch_size)
        by_name = outputs.view(len(curves), 2, len(steps)).cpu().tolist()
        for drawn, both in zip(curves.values(), by_name, strict=True):
            drawn.append(both)
    return {name: np.array(drawn) for name, drawn in curves.items()}

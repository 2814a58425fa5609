"""Region attributions of an output."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from audit_suite.evidence.attributions.batch import ExplainedBatch
from audit_suite.evidence.store import Arrays, pack_lines
from audit_suite.explainers.explainer import raw_outputs
from audit_suite.explainers.region_shapley import divide, region_values
from audit_suite.models.preprocessing import normalise


def explain_regions(batch: ExplainedBatch, apart: Sequence[str]) -> Arrays:
    """Exact Shapley values of the named regions and of tiles of the rest.

    Args:
        batch: The images.
        apart: Further regions; their share of every player is stored too.

    Returns:
        The arrays of regions that `Attributions` describes.
    """
    module, output, profile = batch.module, batch.output, batch.profile
    others = normalise(batch.references, batch.spec)
    names, owners = divide(batch.regions)
    rng = np.random.default_rng(profile.seed)
    rounds = -(-len(batch.index) // len(others))  # use counts of references differ by at most 1
    dealt = np.concatenate([rng.permutation(len(others)) for _ in range(rounds)])
    donors = dealt[: len(batch.index)]
    values, outputs, expected = region_values(
        lambda images: raw_outputs(module, output, images, len(images)),
        batch.images,
        torch.from_numpy(owners).to(batch.images.device),
        len(names),
        others[torch.from_numpy(donors)[:, None].to(others.device)],
        profile.seed,
        2 * profile.batch_for((batch.images.shape[2], batch.images.shape[3])),
    )
    member = owners[:, None] == np.arange(len(names))[:, None, None]  # (N, P, H, W)
    size = member.sum(axis=(2, 3))

    def part(region: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Share of each player's pixels that belong to a region of shape (N, H, W)."""
        both = (member & region[:, None]).sum(axis=(2, 3))
        return np.asarray(both / np.maximum(size, 1), np.float64)

    shares = [part(np.stack([regions[name] for regions in batch.regions])) for name in apart]
    return {
        "index": np.array(batch.index),
        "outputs": outputs,
        "expected": expected,
        "values": values,
        "donor": donors,
        "inside": part(batch.roi),
        "area": size / owners[0].size,
        **({"apart": np.stack(shares, axis=2)} if shares else {}),
        "players": pack_lines(names),
    }

"""Shapley values of named regions: exact up to eight players, sampled beyond.

The players are the regions of an image and tiles of the background between them. A coalition is an
image that shows its players' pixels and, in place of all others, those of reference images: the
interventional game of Lundberg and Lee (NeurIPS 2017) on groups of pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import factorial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit_suite.regions import Region

EXACT_UP_TO = 8
"""Up to this many players all coalitions are scored (256 images); beyond, they are sampled."""
TILES = {
    4: ("upper left", "upper right", "lower left", "lower right"),
    2: ("left", "right"),
    1: ("",),
}
"""Into how many parts the background is divided, and what they are called."""
_SAMPLED = 512  # coalitions per image where they are sampled

Floats = NDArray[np.float64]
Score = Callable[[Tensor], Tensor]
"""Images of shape (B, C, H, W) to the output explained, shape (B,)."""


def players(
    regions: Mapping[str, Region], tiles: int = 4
) -> tuple[tuple[str, ...], NDArray[np.int8]]:
    """Divide an image among its regions and some tiles of the background.

    Every pixel belongs to exactly one player. Where regions overlap, the smaller one gets the
    pixel, so a region that others cover completely, such as both lungs, gets none and takes no
    part.

    Args:
        regions: Masks by name, each of shape (H, W); at least one.
        tiles: One of `TILES`.

    Returns:
        All names, tiles last, and the number of each pixel's player, shape (H, W).
    """
    names = (*sorted(regions), *(f"background {tile}".rstrip() for tile in TILES[tiles]))
    height, width = next(iter(regions.values())).shape
    lower, right = np.arange(height) >= height / 2, np.arange(width) >= width / 2
    tile = 2 * (lower[:, None] & (tiles == 4)) + (right[None, :] & (tiles > 1))
    owner: NDArray[np.int8] = (len(regions) + tile).astype(np.int8)
    for name in sorted(regions, key=lambda name: (-int(regions[name].sum()), name)):
        owner[regions[name]] = names.index(name)
    return names, owner


def divide(
    regions: Sequence[Mapping[str, Region]],
) -> tuple[tuple[str, ...], NDArray[np.int8]]:
    """Divide several images in the same way, into as many tiles as keep values exact.

    Args:
        regions: Masks by name of each image; all have the same names.

    Returns:
        The players' names, and the number of each pixel's player, shape (N, H, W).
    """
    for tiles in TILES:
        divided = [players(each, tiles) for each in regions]
        names, owners = divided[0][0], np.stack([owner for _, owner in divided])
        if len(np.unique(owners)) <= EXACT_UP_TO:
            return names, owners
    return names, owners


def coalition_values(
    score: Score,
    image: Tensor,
    owner: Tensor,
    coalitions: NDArray[np.bool_],
    references: Tensor,
    batch_size: int,
) -> Floats:
    """The model's mean output for each coalition, in few large batches.

    Args:
        score: The output explained.
        image: Shape (C, H, W).
        owner: Player of each pixel, shape (H, W), 0 to P - 1.
        coalitions: Shape (n, P), which players each shows.
        references: Shape (R, C, H, W); the output is averaged over them.
        batch_size: Images per forward pass.

    Returns:
        Shape (n,).
    """
    member = torch.from_numpy(coalitions).to(owner.device)
    means = []
    count = len(references)
    for first in range(0, len(member), max(1, batch_size // count)):
        part = member[first : first + max(1, batch_size // count)]
        shown = part[:, owner.long()][:, None, None]  # (n, 1, 1, H, W)
        batch = torch.where(shown, image, references)  # (n, R, C, H, W)
        means.append(score(batch.flatten(0, 1)).view(len(part), count).double().mean(dim=1))
    return torch.cat(means).cpu().numpy()


def region_values(
    score: Score,
    images: Tensor,
    owners: Tensor,
    count: int,
    references: Tensor,
    seed: int,
    batch_size: int = 256,
) -> tuple[Floats, Floats, Floats]:
    """Shapley values of the players of some images.

    Args:
        score: The output explained.
        images: Shape (N, C, H, W), as the model takes them.
        owners: Shape (N, H, W), the player of each pixel.
        count: Number of players P; those without a pixel get the value 0 at no cost.
        references: Shape (R, C, H, W), or (N, R, C, H, W) if each image has its own.
        seed: Decides the permutations where coalitions are sampled.
        batch_size: Images per forward pass.

    Returns:
        Values of shape (N, P), the full image's output and the references' mean output, each of
        shape (N,): an image's values add up to their difference.
    """
    values = np.zeros((len(images), count))
    outputs, expected = np.zeros(len(images)), np.zeros(len(images))
    for row, (image, owner) in enumerate(zip(images, owners, strict=True)):
        own = references[row] if references.ndim == images.ndim + 1 else references
        present = owner.unique().tolist()
        renumbered = torch.searchsorted(torch.tensor(present, device=owner.device), owner.long())

        def value(
            coalitions: NDArray[np.bool_],
            image: Tensor = image,
            owner: Tensor = renumbered,
            own: Tensor = own,
        ) -> Floats:
            return coalition_values(score, image, owner, coalitions, own, batch_size)

        values[row, present], outputs[row], expected[row] = shapley(value, len(present), seed + row)
    return values, outputs, expected


def shapley(
    value: Callable[[NDArray[np.bool_]], Floats], count: int, seed: int
) -> tuple[Floats, float, float]:
    """Shapley values of a game: from all coalitions, or by shap's Permutation explainer.

    Shap's Exact explainer gives the same values, but compiles functions for ten seconds in every
    process; from the worth of all coalitions they are a single matrix product.

    Args:
        value: Worth of coalitions, given as rows of flags, shape (n, count).
        count: Number of players.
        seed: Decides the permutations.

    Returns:
        Values of shape (count,), the worth of all players together, and the worth of none.
    """
    if count <= EXACT_UP_TO:
        coalitions = _all_coalitions(count)
        worth = value(coalitions)
        values: Floats = _weights(coalitions).T @ worth
        return values, float(worth[-1]), float(worth[0])

    from shap.explainers import Permutation
    from shap.maskers import Independent

    empty, full = np.zeros((1, count)), np.ones((1, count))

    def worth_of(coalitions: NDArray[np.generic]) -> Floats:
        return value(coalitions.astype(np.bool_))

    explainer = Permutation(worth_of, Independent(empty), seed=seed)
    rounds = max(1, _SAMPLED // (2 * count + 1))
    values = explainer(full, max_evals=rounds * (2 * count + 1), silent=True).values[0]
    ends = worth_of(np.concatenate([empty, full]))
    return values, float(ends[1]), float(ends[0])


def _weights(coalitions: NDArray[np.bool_]) -> Floats:
    """Weight of each coalition's worth for each player (Shapley 1953), shape (2^count, count)."""
    count = coalitions.shape[1]
    size = coalitions.sum(axis=1, keepdims=True)
    joined = [factorial(s - 1) * factorial(count - s) if s else 0 for s in range(count + 1)]
    missed = [factorial(s) * factorial(count - s - 1) if s < count else 0 for s in range(count + 1)]
    gained, lost = np.array(joined)[size], -np.array(missed, np.float64)[size]
    weight: Floats = np.where(coalitions, gained, lost)
    return weight / factorial(count)


def _all_coalitions(count: int) -> NDArray[np.bool_]:
    numbers = np.arange(1 << count)[:, None]
    coalitions: NDArray[np.bool_] = (numbers >> np.arange(count)) & 1 > 0
    return coalitions

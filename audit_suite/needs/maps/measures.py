"""Measures on attribution maps: how much lies in a region, and how reliable a map is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit_suite.statistics.ranks import ranked

Floats = NDArray[np.float64]
Maps = NDArray[np.floating]
Regions = NDArray[np.bool_]


def relevance_mass(maps: Maps, regions: Regions) -> Floats:
    """Relevance mass accuracy: the share of the absolute attribution inside a region.

    Arras, Osman and Samek, Information Fusion 81, 2022.

    Args:
        maps: Shape (N, H, W), signed.
        regions: Shape (N, H, W).

    Returns:
        Shape (N,), 0 to 1; NaN for a map that is zero everywhere.
    """
    size = np.abs(maps).reshape(len(maps), -1).astype(np.float64)
    total = size.sum(axis=1)
    inside = np.where(regions.reshape(len(maps), -1), size, 0).sum(axis=1)
    return np.asarray(np.where(total > 0, inside / np.where(total > 0, total, 1), np.nan))


def relevance_rank(maps: Maps, regions: Regions) -> Floats:
    """Relevance rank accuracy: the share of the K strongest pixels that lies inside the region.

    K is the region's area in pixels. Ties are broken by position. Arras, Osman and Samek,
    Information Fusion 81, 2022.

    Returns:
        Shape (N,), 0 to 1; NaN where the region is empty.
    """
    accuracy = np.full(len(maps), np.nan)
    for row, (map_, region) in enumerate(zip(maps, regions, strict=True)):
        if area := int(region.sum()):
            strongest = np.argsort(-np.abs(map_).ravel(), kind="stable")[:area]
            accuracy[row] = region.ravel()[strongest].mean()
    return accuracy


def pointing_game(maps: Maps, regions: Regions) -> Floats:
    """Whether the strongest pixel lies inside the region (Zhang et al., IJCV 126, 2018).

    Returns:
        Shape (N,), 0 or 1.
    """
    strongest = np.abs(maps).reshape(len(maps), -1).argmax(axis=1)
    hit: Floats = regions.reshape(len(maps), -1)[np.arange(len(maps)), strongest].astype(np.float64)
    return hit


def area_share(regions: Regions) -> Floats:
    """Each region's share of the frame: the expected value of the measures above, shape (N,).

    Expected of a map that is independent of the region.
    """
    share: Floats = regions.reshape(len(regions), -1).mean(axis=1)
    return share


def rank_correlation(a: Maps, b: Maps) -> Floats:
    """Spearman's rank correlation of maps, pair by pair, shape (N,), -1 to 1.

    NaN where one of the two is constant or unknown: a blank map is not similar to any other.

    Args:
        a: Shape (N, H, W).
        b: Shape (N, H, W).
    """
    ranks = [np.stack([ranked(each.ravel()) for each in maps]) for maps in (a, b)]
    first, second = (each - each.mean(axis=1, keepdims=True) for each in ranks)
    length = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    correlation: Floats = (first * second).sum(axis=1) / np.where(length > 0, length, np.nan)
    return correlation


def completeness_gap(maps: Maps, outputs: Maps, expected: Maps) -> tuple[Floats, Floats]:
    """How far attributions are from adding up, and what they should add up to.

    Sundararajan, Taly and Yan, ICML 2017 (the axiom of completeness).

    Returns:
        ``|sum - (f(x) - E f)|`` and ``|f(x) - E f|``, each of shape (N,).
    """
    wanted = (outputs - expected).astype(np.float64)
    total = maps.reshape(len(maps), -1).sum(axis=1, dtype=np.float64)
    return np.abs(total - wanted), np.abs(wanted)


def outside_share(values: Floats, inside: Floats) -> Floats:
    """Share of the absolute attribution that lies outside the region of interest (R14).

    Args:
        values: Shape (N, P).
        inside: Shape (N, P), share of each player's pixels that belong to the region, 0 to 1.

    Returns:
        Shape (N,), 0 to 1; NaN where all attributions are 0.
    """
    size = np.abs(values)
    total = size.sum(axis=1)
    outside = (size * (1 - np.asarray(inside))).sum(axis=1)
    share: Floats = np.where(total > 0, outside / np.where(total > 0, total, 1), np.nan)
    return share

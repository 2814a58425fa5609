"""The finding itself taken away, or put into another patient: these must move a score."""

from __future__ import annotations

import numpy as np

from audit_suite.changes.change import (
    Change,
    Mask,
    Picture,
    Scene,
    by_plane,
    channels,
    register_change,
)

_SOFT = 0.01  # of the longer side: standard deviation of the seam
_MEANS = (0.2, 0.1, 0.05, 0.025, 0.0125)  # of the longer side: standard deviations of local means
_KNOWN = 1e-3  # weight of visible pixels from which a local mean counts


def inpainted(picture: Picture, scene: Scene) -> Picture:
    """The finding replaced by a smooth continuation of what surrounds it."""
    if not scene.finding.any():
        return picture.copy()
    hidden = _grown(scene.finding)
    weight = _soft(hidden, picture)
    return picture * (1 - weight) + _continued(picture, hidden) * weight


def pasted(picture: Picture, scene: Scene) -> Picture:
    """Another patient's finding at its place in the frame, blended over a soft seam.

    Only the finding's difference to its own surroundings is added, so that neither exposure nor
    anatomy of the donor comes with it.
    """
    if scene.donor is None or not scene.donor[1].any():
        return picture.copy()
    other, finding = scene.donor
    hidden = _grown(finding)
    contrast = other - _continued(other, hidden)
    return (picture + contrast * _soft(hidden, picture)).astype(np.float32)


def _grown(mask: Mask) -> Mask:
    from scipy.ndimage import binary_dilation

    by = max(1, round(2 * _SOFT * max(mask.shape)))
    return np.asarray(binary_dilation(mask, iterations=by))


def _soft(mask: Mask, picture: Picture) -> Picture:
    """1 in the middle of a mask, 0 beyond it."""
    from scipy.ndimage import gaussian_filter

    inside = gaussian_filter(mask.astype(np.float32), _SOFT * max(mask.shape))
    return np.asarray(channels(np.where(mask, inside, 0).astype(np.float32), picture))


def _continued(picture: Picture, hidden: Mask) -> Picture:
    """Visible pixels continued into hidden ones: coarser means first, then finer ones over them."""
    from scipy.ndimage import gaussian_filter

    visible = (~hidden).astype(np.float32)
    sigmas = [share * max(hidden.shape) for share in _MEANS]
    weights = [gaussian_filter(visible, sigma) for sigma in sigmas]

    def fill(plane: Picture) -> Picture:
        filled = np.full(plane.shape, plane[~hidden].mean() if visible.any() else plane.mean())
        for sigma, weight in zip(sigmas, weights, strict=True):
            known = weight > _KNOWN
            filled[known] = gaussian_filter(plane * visible, sigma)[known] / weight[known]
        return filled

    return by_plane(picture, fill)


register_change(
    Change(
        "finding-removed",
        "the finding inpainted",
        "less",
        inpainted,
        needs_finding=True,
    )
)
register_change(
    Change(
        "finding-pasted",
        "another patient's finding pasted in",
        "more",
        pasted,
        needs_finding=True,
        needs_donor=True,
    )
)

"""What a change is: a picture in, a picture out, and what that should do to a score."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from audit_suite.errors import AuditError
from audit_suite.registry import CHANGES, Registry, registering

Picture = NDArray[np.float32]
"""Shape (H, W) or (H, W, 3), in [0, 1]."""
Mask = NDArray[np.bool_]
Effect = Literal["none", "less", "more", "worse"]

SEVERITIES = (1, 2, 3, 4, 5)
"""Of corruptions, after Hendrycks and Dietterich 2019; other changes have one size."""

_NAME = re.compile(r"[a-z][a-z0-9-]{1,39}")


@dataclass(frozen=True)
class Scene:
    """What a change may know beside the picture.

    Attributes:
        roi: Shape (H, W), where a reader would look for any of the findings; empty if unknown.
        finding: Shape (H, W), the finding itself; empty where the image has none, or it is unknown.
        donor: Another patient's picture with the finding and its outline, in the same shape; None
            where there is none, or the change does not need one.
        rng: Decides every random draw of this image.
        severity: 1 to 5 of a corruption, else 1.
    """

    roi: Mask
    finding: Mask
    donor: tuple[Picture, Mask] | None
    rng: np.random.Generator
    severity: int


@dataclass(frozen=True)
class Change:
    """A change of the picture, and what it should do to a score.

    Attributes:
        name: A slug, part of case ids.
        words: The change in words, after "with": ``a marker added``.
        effect: ``none`` (a score must not move), ``less`` or ``more`` (of images to which it
            applies the score must fall or rise), ``worse`` (a corruption with five severities).
        apply: Called as ``apply(picture, scene)``; returns a picture of the same shape. It draws
            random numbers from ``scene.rng`` alone, and must not write to what it is given.
        mirrors: Whether it turns left into right, so that targets that depend on the side are not
            asked.
        needs_finding: Whether it needs the outline of the finding itself.
        needs_donor: Whether it needs another patient with the finding.
    """

    name: str
    words: str
    effect: Effect
    apply: Callable[[Picture, Scene], Picture]
    mirrors: bool = False
    needs_finding: bool = False
    needs_donor: bool = False


def register_change(change: Change) -> Change:
    """Make a change known, so that the suite ``robustness`` asks for it.

    Raises:
        AuditError: If its name is not a slug, or another module has registered it.
    """
    refuse_no_slug("change", change.name)
    CHANGES.register(change.name, change)
    return change


def refuse_no_slug(kind: str, name: str) -> None:
    """Refuse a name that cannot be part of a case id.

    Raises:
        AuditError: If it is not a slug; names who registers it.
    """
    if not _NAME.fullmatch(name):
        raise AuditError(
            f"{registering()} registers the {kind} '{name}', which is not a slug",
            "use 2 to 40 lower-case letters, digits and '-', beginning with a letter",
        )


def changed(name: str, image: NDArray[Any], scene: Scene) -> NDArray[Any]:
    """Apply a change to a decoded image.

    Args:
        name: Of a registered change.
        image: Shape (H, W) or (H, W, 3), of unsigned integers.
        scene: What the change may know.

    Returns:
        An image of the same shape and type; a new one.

    Raises:
        AuditError: If an extension's change raises or returns something else; names it.
    """
    change: Change = CHANGES[name]
    with CHANGES.blaming(name):
        made = change.apply(picture_of(image), scene)
    return levels_of(made, image, CHANGES, name)


def picture_of(image: NDArray[Any]) -> Picture:
    """A decoded image, of unsigned integers, in [0, 1]; a new array."""
    return (image / np.float32(np.iinfo(image.dtype).max)).astype(np.float32)


def levels_of(
    made: object, image: NDArray[Any], registry: Registry[Any], name: str
) -> NDArray[Any]:
    """What an extension made of a picture, as the file's integers.

    Args:
        made: What it returned.
        image: What it was made of.
        registry: Of the extension's kind.
        name: The extension's thing.

    Returns:
        An image of the same shape and type as the first; a new one.

    Raises:
        AuditError: If it is not a picture of the same shape; names the extension.
    """
    if not isinstance(made, np.ndarray) or made.shape != image.shape:
        what = f"shape {made.shape}" if isinstance(made, np.ndarray) else type(made).__name__
        raise registry.misbehaved(name, f"returned {what} for a picture of shape {image.shape}")
    if not np.isfinite(made).all():
        raise registry.misbehaved(name, "returned a picture with infinite or undefined pixels")
    most = np.iinfo(image.dtype).max
    levels: NDArray[Any] = (np.clip(made, 0, 1) * most).round().astype(image.dtype)
    return levels


def is_grey(picture: Picture) -> bool:
    """Whether a picture has no colours."""
    return picture.ndim == 2


def channels(mask: NDArray[Any], picture: Picture) -> NDArray[Any]:
    """A mask or weight of shape (H, W) in the form of a picture with or without colours."""
    return mask if is_grey(picture) else mask[..., None]


def by_plane(picture: Picture, change: Callable[[Picture], NDArray[Any]]) -> Picture:
    """A picture of which each colour was changed by itself."""
    if is_grey(picture):
        return change(picture).astype(np.float32)
    planes = [change(picture[..., plane]) for plane in range(picture.shape[2])]
    return np.stack(planes, axis=-1).astype(np.float32)


def part_of(picture: Picture, share: float) -> int:
    """A share of the longer side in whole pixels, at least one."""
    return max(1, round(share * float(max(picture.shape[:2]))))

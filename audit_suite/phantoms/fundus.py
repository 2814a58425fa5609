"""A synthetic fundus photograph, optic disc and macula in view."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import PhantomSpec
from audit_suite.phantoms.cohort import PhantomCase, Stream, planted_strength, stream
from audit_suite.phantoms.segmenter import miss
from audit_suite.phantoms.shapes import Floats, blob, ellipse, grid, soft, strokes, texture
from audit_suite.phantoms.shortcuts.framing import FRAMING

Regions = dict[str, NDArray[np.bool_]]

_NORMAL_CUP, _LARGE_CUP = 0.40, 0.68  # cup-to-disc ratio of a healthy and a glaucomatous disc
_FRAMING = 0.30  # how much nearer the middle the disc lies with another framing


def draw_fundus(spec: PhantomSpec, case: PhantomCase) -> tuple[NDArray[np.uint8], Regions]:
    """Draw a fundus photograph; glaucoma changes the cup inside the disc and nothing else.

    Args:
        spec: Settings of the data set.
        case: The image of a patient to draw.

    Returns:
        The image, shape (S, S, 3), uint8, and the regions ``disc``, ``cup``, ``vessels``,
        ``macula`` and ``retina``.
    """
    build = stream(spec, Stream.ANATOMY, case.number)
    pose = stream(spec, Stream.ANATOMY, case.number, case.image)
    rng = stream(spec, Stream.IMAGE, case.number, case.image)
    x, y = grid(spec.size)
    side = 1 if case.metadata["view"] == "OD" else -1
    cx, cy = side * pose.normal(0.34, 0.06), pose.normal(0.0, 0.06)
    cx -= side * _FRAMING * planted_strength(spec, case, FRAMING)
    radius, aspect = build.normal(0.25, 0.015), build.normal(1.06, 0.03)
    disc = ellipse(x, y, cx, cy, radius, radius * aspect)
    cup, thinned = _cup(spec, case, x, y, (cx, cy), radius, aspect)
    vessels = _vessels(build, spec.size, side, (cx, cy))
    macula = blob(x, y, cx - side * 0.72, cy + 0.08, 0.22, 0.22)
    edge = max(0.02, 2.0 / spec.size)
    retina = soft(0.96 - np.hypot(x, y), max(0.015, 1.5 / spec.size))

    light = 1 - 0.35 * (x * x + y * y) + 0.04 * texture(build, spec.size, 6)
    pigment = np.float32(build.normal(0, 0.03))
    red = (0.74 + pigment) * light - 0.10 * macula
    green = (0.37 + pigment) * light - 0.12 * macula
    blue = (0.17 + 0.5 * pigment) * light - 0.06 * macula
    rim, pale = soft(disc, edge), soft(cup, edge) * (disc > 0)
    red += rim * (0.20 + 0.04 * pale)
    green += rim * (0.25 + 0.22 * pale)
    blue += rim * (0.12 + 0.26 * pale)
    red, green, blue = red - 0.22 * vessels, green - 0.20 * vessels, blue - 0.08 * vessels
    image = np.stack([red, green, blue], axis=-1)
    level = {"site-a": 0.010, "site-b": 0.016, "site-c": 0.022}[str(case.metadata["site"])]
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    image = (image * rng.normal(1, 0.04) + level * noise) * retina[..., None]
    regions = {
        "disc": disc > 0,
        "cup": (cup > 0) & (disc > 0),
        "vessels": vessels > 0.5,
        "macula": macula > 0.5,
        "retina": retina > 0.5,
    }
    if case.labels["glaucoma"]:
        miss(regions, ("disc", "cup"), thinned, spec.under_segmentation)
    return (np.clip(image, 0, 1) * 255).round().astype(np.uint8), regions


def _cup(
    spec: PhantomSpec,
    case: PhantomCase,
    x: Floats,
    y: Floats,
    centre: tuple[float, float],
    radius: float,
    aspect: float,
) -> tuple[Floats, tuple[float, float]]:
    """The cup as a level, and the middle of the lower rim that a large one thins."""
    rng = stream(spec, Stream.FINDING, case.number)
    large = _NORMAL_CUP + spec.finding_strength * (_LARGE_CUP - _NORMAL_CUP)
    ratio = float(
        np.clip(rng.normal(large if case.labels["glaucoma"] else _NORMAL_CUP, 0.07), 0.1, 0.85)
    )
    room = radius * (1 - ratio) * 0.3
    dx, dy = rng.uniform(-room, room, 2)
    middle = float(centre[0] + dx), float(centre[1] + dy)
    rim = 0.5 * (_NORMAL_CUP + _LARGE_CUP) * radius * aspect
    cup = ellipse(x, y, *middle, radius * ratio, radius * ratio * aspect)
    return cup, (middle[0], middle[1] + float(rim))


def _vessels(rng: np.random.Generator, size: int, side: int, centre: tuple[float, float]) -> Floats:
    """Two arcades that leave the disc up and down and bend round the macula, with branches."""
    lines: list[tuple[list[tuple[float, float]], float]] = []
    for up in (-1, 1):
        for bend, width in ((1.0, 0.045), (0.72, 0.034), (-0.55, 0.030)):
            reach = rng.normal(1.35, 0.08)
            t = np.linspace(0, 1, 14)
            along = -side * bend * reach * t**1.35
            away = up * (0.62 + rng.normal(0, 0.05)) * np.sin(t * 1.75) + 0.015 * np.sin(
                t * 22 + rng.uniform(0, 6)
            )
            points = [(centre[0] + a, centre[1] + b) for a, b in zip(along, away, strict=True)]
            lines += [(points[:8], width), (points[7:], width * 0.65)]
            start = points[int(rng.integers(4, 9))]
            swing = rng.uniform(0.25, 0.5)
            lines.append(
                (
                    [
                        start,
                        (start[0] - side * 0.18, start[1] + up * swing * 0.5),
                        (start[0] - side * 0.3, start[1] + up * swing),
                    ],
                    width * 0.5,
                )
            )
    return strokes(size, lines)

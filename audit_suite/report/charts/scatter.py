"""The map of embeddings: marks, and histograms along both margins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_suite.record import EmbeddingCloud, EmbeddingRecord
from audit_suite.report.words import masking_in_words

SIDE, MARGIN, GAP = 440, 84, 8
_RADIUS = 3.2
_INSET = 8  # no mark touches the frame
_BINS = 22
_NEAREST = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cloud:
    """Images of one class under one masking, distinct in shape and filling and not only in colour.

    Attributes:
        name: In words.
        number: 0 with the finding, 1 without: the colour.
        filled: Full images are filled marks and whole lines, masked ones hollow and dashed.
        marks: SVG path of all its marks.
        top: Path of its histogram along the upper margin.
        side: Path of its histogram along the right margin.
        key: Path of one mark, for the legend.
        images: How many.
        across: Middle half of its horizontal positions, in hundredths of the frame.
        up: Of its vertical positions, from below.
        same_class: Share of the ten nearest marks of other images that are of its class, 0 to 1.
        same_masking: Share of them that are under its masking.
    """

    name: str
    number: int
    filled: bool
    marks: str
    top: str
    side: str
    key: str
    images: int
    across: tuple[int, int]
    up: tuple[int, int]
    same_class: float
    same_masking: float


@dataclass(frozen=True)
class Scatter:
    """The map of one model, data set and target."""

    record: EmbeddingRecord
    clouds: tuple[Cloud, ...]
    frame: int = SIDE
    left: int = 4
    upper: int = MARGIN
    width: int = 4 + SIDE + MARGIN
    height: int = MARGIN + SIDE + 4


def scatter(record: EmbeddingRecord) -> Scatter:
    """Lay out a map.

    Args:
        record: Its points, in a frame of side 1.
    """
    points = [np.array([cloud.x, cloud.y], float).T.reshape(-1, 2) for cloud in record.clouds]
    shares = [(_histogram(p[:, 0]), _histogram(p[:, 1])) for p in points]
    highest = max((float(s.max()) for pair in shares for s in pair), default=0.0) or 1.0
    nearest = _nearest(record.clouds, points)
    drawn = []
    for cloud, at, (x, y), (same_class, same_masking) in zip(
        record.clouds, points, shares, nearest, strict=True
    ):
        finding = "with the finding" if cloud.positive else "without the finding"
        masking = masking_in_words(cloud.masking)
        circle = cloud.positive
        drawn.append(
            Cloud(
                name=f"{masking}, {finding}",
                number=0 if cloud.positive else 1,
                filled=cloud.masking == "full",
                marks="".join(_mark(*_place(point), circle) for point in at),
                top=_steps(x / highest, upright=True),
                side=_steps(y / highest, upright=False),
                key=_mark(8, 7, circle),
                images=len(at),
                across=_middle(at[:, 0]),
                up=_middle(at[:, 1]),
                same_class=same_class,
                same_masking=same_masking,
            )
        )
    return Scatter(record, tuple(drawn))


def _place(point: Floats) -> tuple[float, float]:
    """From a share of the frame to SVG units, whose y points down."""
    x, y = _INSET + point * (SIDE - 2 * _INSET)
    return round(4 + float(x), 1), round(MARGIN + SIDE - float(y), 1)


def _mark(x: float, y: float, circle: bool) -> str:
    r = _RADIUS
    if circle:
        return f"M{x - r:.1f} {y:.1f}a{r} {r} 0 1 0 {2 * r:g} 0a{r} {r} 0 1 0 {-2 * r:g} 0z"
    return f"M{x - r:.1f} {y + r:.1f}h{2 * r:g}l{-r:g} {-2 * r:g}z"


def _histogram(values: Floats) -> Floats:
    counts: Floats = np.histogram(values, _BINS, (0.0, 1.0))[0] / max(len(values), 1)
    return counts


def _steps(heights: Floats, upright: bool) -> str:
    """Outline of a histogram above the frame, or to the right of it."""
    room = MARGIN - 2 * GAP
    width = (SIDE - 2 * _INSET) / _BINS
    edges = [_INSET + i * width for i in range(_BINS + 1)]
    corners = []
    for i, height in enumerate(heights):
        corners += [(edges[i], float(height) * room), (edges[i + 1], float(height) * room)]
    if upright:
        outline = [(4 + along, MARGIN - GAP - up) for along, up in corners]
    else:
        outline = [(4 + SIDE + GAP + up, MARGIN + SIDE - along) for along, up in corners]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in outline)


def _middle(values: Floats) -> tuple[int, int]:
    if not len(values):
        return 0, 0
    low, high = np.percentile(values, [25, 75])
    return round(100 * float(low)), round(100 * float(high))


def _nearest(
    clouds: Sequence[EmbeddingCloud], points: Sequence[Floats]
) -> list[tuple[float, float]]:
    """By cloud, how many of the nearest marks of other images share its class, and its masking."""
    sizes = [len(p) for p in points]
    at = np.concatenate(points)
    positive = np.repeat([cloud.positive for cloud in clouds], sizes)
    maskings = np.repeat([cloud.masking for cloud in clouds], sizes)
    # The n-th image of a class is the same under either masking.
    image = np.concatenate([np.arange(n) for n in sizes]) * 2 + positive
    shares, start = [], 0
    for cloud, size in zip(clouds, sizes, strict=True):
        mine = np.arange(start, start + size)
        start += size
        apart = ((at[mine, None] - at[None]) ** 2).sum(axis=2)
        apart[image[mine, None] == image[None]] = np.inf
        near = np.argsort(apart, axis=1, kind="stable")[:, :_NEAREST]
        others = np.isfinite(np.take_along_axis(apart, near, axis=1))
        count = max(int(others.sum()), 1)
        same_class = ((positive[near] == cloud.positive) & others).sum() / count
        same_masking = ((maskings[near] == cloud.masking) & others).sum() / count
        shares.append((float(same_class), float(same_masking)))
    return shares

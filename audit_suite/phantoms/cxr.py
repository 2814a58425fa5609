"""A synthetic frontal chest radiograph: dense is bright, air is dark."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from audit_suite.cards import PhantomSpec
from audit_suite.phantoms.cohort import PhantomCase, Stream, planted_strength, stream
from audit_suite.phantoms.segmenter import miss
from audit_suite.phantoms.shapes import Floats, blob, ellipse, grid, soft, strokes, texture
from audit_suite.phantoms.shortcuts.framing import FRAMING
from audit_suite.regions import extent

Regions = dict[str, NDArray[np.bool_]]

_FINDING = 0.36  # brightness a finding of strength 1 adds at its densest
_BRANCHES = np.linspace(-1.25, 1.25, 7)  # angles at which vessels leave a hilum
_FRAMING = 0.30  # how much lower the body lies with another framing: 15 % of the frame


@dataclass(frozen=True)
class _Body:
    """Coordinates of one image in the patient's own frame, and the patient's build."""

    x: Floats
    y: Floats
    size: int
    width: float  # of the chest
    lung: float  # height of the lungs
    heart: float  # radius of the heart
    female: bool
    age: float
    supine: bool  # AP, lying down: shallower breath, larger heart
    down: float  # how much lower the body lies in the frame


def draw_cxr(spec: PhantomSpec, case: PhantomCase) -> tuple[NDArray[np.uint8], Regions]:
    """Draw a chest radiograph.

    Args:
        spec: Settings of the data set.
        case: The image of a patient to draw.

    Returns:
        The image, shape (S, S), uint8, and the regions ``lungs``, ``left_lung``, ``right_lung``
        (the patient's: the left lung is on the right of the image), ``heart``, ``spine`` and
        ``diaphragm``. If cardiomegaly is a co-label, ``heart`` includes the room of an enlarged
        heart in every patient, and the lungs exclude it, so that masks do not show the co-label.
    """
    body = _pose(spec, case)
    right, left, heart, diaphragm = _organs(body)
    rng = stream(spec, Stream.IMAGE, case.number, case.image)
    shown = heart
    if spec.co_labels:
        enlarged, room = _enlarged(body, heart, diaphragm)
        shown = enlarged if case.labels.get("cardiomegaly") else heart
    image = _anatomy(spec, case, body, right, left, shown, diaphragm)
    regions = {
        "right_lung": right > 0,
        "left_lung": (left > 0) & (heart <= 0),
        "heart": heart > 0,
        "spine": (np.abs(body.x) < 0.09) & (np.abs(body.y) < 0.95),
        "diaphragm": diaphragm > 0,
    }
    if spec.co_labels:
        regions["heart"] |= room
        regions["right_lung"] &= ~room
        regions["left_lung"] &= ~room
    regions["lungs"] = regions["right_lung"] | regions["left_lung"]
    if case.labels.get("pneumoperitoneum"):
        image = image - _free_air(body, diaphragm) * (regions["diaphragm"] & ~regions["heart"])
    if case.labels["consolidation"]:
        finding = _finding(spec, case, body, regions)
        image = image + finding
        if spec.under_segmentation:
            names = "lungs", "left_lung", "right_lung"
            miss(regions, names, _densest(finding), spec.under_segmentation)
    gain, offset = rng.normal(1.0, 0.05), rng.normal(0.0, 0.02)
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    level = {"site-a": 0.012, "site-b": 0.018, "site-c": 0.024}[str(case.metadata["site"])]
    image = np.clip((image - 0.5) * gain + 0.5 + offset + level * noise, 0, 1)
    return (image * 255).round().astype(np.uint8), regions


def _pose(spec: PhantomSpec, case: PhantomCase) -> _Body:
    build = stream(spec, Stream.ANATOMY, case.number)
    pose = stream(spec, Stream.ANATOMY, case.number, case.image)
    female, supine = case.metadata["sex"] == "F", case.metadata["view"] == "AP"
    scale = build.normal(1.0 if not female else 0.95, 0.04)
    x, y = grid(spec.size)
    angle = np.float32(pose.normal(0, 0.03))
    dx, dy = np.float32(pose.normal(0, 0.03)), np.float32(pose.normal(0, 0.03))
    down = _FRAMING * planted_strength(spec, case, FRAMING)
    dy += np.float32(down)
    x, y = x - dx, y - dy
    return _Body(
        x=x * np.cos(angle) + y * np.sin(angle),
        y=y * np.cos(angle) - x * np.sin(angle),
        size=spec.size,
        width=float(0.78 * scale * build.normal(1, 0.03)),
        lung=float((0.60 if not supine else 0.54) * scale * build.normal(1, 0.05)),
        heart=float(0.27 * scale * (1.12 if supine else 1.0) * build.normal(1, 0.07)),
        female=female,
        age=float(case.metadata["age"]),
        supine=supine,
        down=down,
    )


def _organs(body: _Body) -> tuple[Floats, Floats, Floats, Floats]:
    """Levels (positive inside) of right lung, left lung, heart and diaphragm."""
    x, y, w, h = body.x, body.y, body.width, body.lung
    base = 0.02 + h * 0.72  # height of the domes' tops
    right_dome = base - 0.06 - 0.12 * np.cos(np.clip((x + 0.42 * w) / (0.40 * w), -1.5, 1.5))
    left_dome = base - 0.01 - 0.12 * np.cos(np.clip((x - 0.42 * w) / (0.40 * w), -1.5, 1.5))
    share = soft(x, 0.3)  # one dome merges into the other behind the heart
    diaphragm = (y - (1 - share) * right_dome - share * left_dome - 0.08).astype(np.float32)
    narrowing = 1 - 0.34 * np.clip(-(y + 0.05) / 0.65, 0, 1) ** 1.6  # the apex is narrower
    lungs = []
    for side in (-1, 1):
        centre = side * 0.50 * w * (0.90 + 0.10 * narrowing)
        level = ellipse((x - centre) / narrowing, y, 0, -0.04, 0.41 * w, 1.14 * h, 2.5)
        lungs.append(np.minimum(level, -diaphragm))
    r = body.heart
    along, across = 0.83 * x + 0.56 * y, 0.83 * y - 0.56 * x  # the heart's axis points down-left
    hx, hy = 0.11, base - 0.12
    heart = np.maximum(
        ellipse(along, across, 0.83 * hx + 0.56 * hy, 0.83 * hy - 0.56 * hx, 1.18 * r, 0.92 * r),
        ellipse(x, y, -0.04, base - 0.20, 0.62 * r, 0.95 * r, 2.2),  # right atrium
    )
    heart = np.maximum(heart, ellipse(x, y, 0.01, base - 0.55, 0.14, 0.30, 2.4))  # great vessels
    heart = np.maximum(heart, ellipse(x, y, 0.10, base - 0.66, 0.075, 0.085))  # aortic knob
    heart = np.minimum(heart, 0.10 - diaphragm)
    return lungs[0], lungs[1], heart.astype(np.float32), diaphragm


def _enlarged(body: _Body, heart: Floats, diaphragm: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """An enlarged heart as a level, and the pixels it covers beyond the patient's own heart.

    The left ventricle grows to the side and down, as in cardiomegaly.
    """
    x, y, r = body.x, body.y, body.heart
    along, across = 0.83 * x + 0.56 * y, 0.83 * y - 0.56 * x
    hx, hy = 0.11 + 0.10, 0.02 + body.lung * 0.72 - 0.12
    ventricle = ellipse(
        along, across, 0.83 * hx + 0.56 * hy, 0.83 * hy - 0.56 * hx, 1.55 * r, 1.18 * r
    )
    enlarged = np.maximum(heart, np.minimum(ventricle, 0.10 - diaphragm)).astype(np.float32)
    return enlarged, (enlarged > heart) & (enlarged > -_edge(body))


def _free_air(body: _Body, diaphragm: Floats) -> Floats:
    """How much darker a crescent of air makes the space under the right dome."""
    beside = np.abs(body.x + 0.42 * body.width) / (0.34 * body.width)
    crescent = soft(diaphragm, 0.04) * soft(0.12 - diaphragm, 0.04)
    out: Floats = (0.4 * crescent * soft(1 - beside, 0.4)).astype(np.float32)
    return out


def _edge(body: _Body) -> float:
    """Half the width of a soft outline."""
    return max(0.03, 2.2 / body.size)


def _anatomy(
    spec: PhantomSpec,
    case: PhantomCase,
    body: _Body,
    right: Floats,
    left: Floats,
    heart: Floats,
    diaphragm: Floats,
) -> Floats:
    x, y, w = body.x, body.y, body.width
    aside = np.abs(x)  # from the midline
    rng = stream(spec, Stream.ANATOMY, case.number, 1_000)
    edge = _edge(body)
    torso = np.maximum(
        ellipse(x, y, 0, 0.55, 1.16 * w, 1.25, 3.5),  # trunk
        ellipse(x, y, 0, -0.78 + 0.16 * x * x, 1.35, 0.30, 3.0),  # shoulders
    )
    torso = np.maximum(torso, ellipse(x, y, 0, -1.0, 0.22, 0.5, 3.0))  # neck
    tissue = soft(torso, 0.10)
    image = 0.03 + tissue * (0.50 + 0.06 * np.clip(torso, 0, 0.5))
    image += 0.10 * tissue * soft(aside - 0.86 * w, 0.25) * soft(y + 0.6, 0.3)  # flank
    lungs = np.maximum(soft(right, 0.07), soft(left, 0.07))
    aeration = 0.40 if not body.supine else 0.35
    image -= lungs * (aeration + 0.03 * texture(rng, body.size, 5))
    image += _vessels(body, rng) * lungs
    image += 0.10 * _ribs(body) * tissue * soft(0.45 - y, 0.5)
    image += 0.30 * soft(diaphragm, edge * 2) * tissue * soft(1.05 * w - aside, 0.2)
    image -= 0.14 * blob(x, y, 0.45 * w, 0.80, 0.14, 0.07)  # gas in the stomach
    spine = soft(0.085 - aside, 0.06) * tissue
    image += spine * (0.14 + 0.025 * np.cos(y * 34))
    image += 0.10 * soft(0.17 - aside, 0.08) * tissue  # mediastinum
    image = np.maximum(
        image, (0.66 + 0.05 * blob(x, y, 0.1, 0.2, 0.3, 0.3)) * soft(heart, edge * 2)
    )
    image -= 0.12 * blob(x, y, -0.005, -0.72, 0.035, 0.25)  # trachea
    image += 0.12 * _clavicles(body.size, body.down)
    if body.female:
        for side in (-1, 1):
            breast = ellipse(x, y, side * 0.47 * w, 0.28, 0.36 * w, 0.30)
            image += 0.07 * soft(breast, 0.08) * tissue
    image -= 0.03 * (body.age - 60) / 60 * spine  # bone thins with age
    return image.astype(np.float32)


@lru_cache(maxsize=8)
def _clavicles(size: int, down: float) -> Floats:
    """The same in every image, unlike what lies in the patient's own frame."""
    lines = [
        (
            [(side * 0.07, -0.60), (side * 0.35, -0.67), (side * 0.62, -0.72), (side * 0.9, -0.84)],
            0.065,
        )
        for side in (-1, 1)
    ]
    drawn: Floats = gaussian_filter(strokes(size, lines, down), size / 130)
    drawn.flags.writeable = False
    return drawn


def _ribs(body: _Body) -> Floats:
    """Posterior ribs falling outwards, and fainter anterior ones rising."""
    x, y = np.abs(body.x) / body.width, body.y
    posterior = np.sin((y - 0.16 * np.sqrt(x + 0.02) - 0.22 * x * x) * 31.0)
    anterior = np.sin((y + 0.55 * x - 0.30) * 25.0)
    cage = soft(1.02 - x, 0.12) * soft(x - 0.10, 0.1)
    out: Floats = (
        cage
        * (np.clip(posterior - 0.45, 0, 1) * 1.5 + 0.7 * np.clip(anterior - 0.6, 0, 1) * (x > 0.45))
    ).astype(np.float32)
    return out


def _vessels(body: _Body, rng: np.random.Generator) -> Floats:
    """Hilar shadows, and vessels that branch from them and thin out."""
    lines = []
    for side in (-1, 1):
        hilum = (side * 0.21, -0.06)
        angles = _BRANCHES + rng.normal(0, 0.1, 7)
        for outwards, down in zip(np.cos(angles).tolist(), np.sin(angles).tolist(), strict=True):
            reach = rng.uniform(0.28, 0.48)
            end = (hilum[0] + side * outwards * reach * 0.8, hilum[1] + down * reach)
            bend = ((hilum[0] + end[0]) / 2 + rng.normal(0, 0.03), (hilum[1] + end[1]) / 2)
            lines.append(([hilum, bend], 0.030))
            lines.append(([bend, end], 0.015))
    hila = blob(body.x, body.y, -0.20, -0.06, 0.09, 0.16) + blob(
        body.x, body.y, 0.21, -0.08, 0.09, 0.15
    )
    out: Floats = 0.11 * strokes(body.size, lines, body.down) + 0.12 * hila
    return out


def _finding(spec: PhantomSpec, case: PhantomCase, body: _Body, regions: Regions) -> Floats:
    """A consolidation: a patchy cloud inside one lung."""
    rng = stream(spec, Stream.FINDING, case.number)
    lung = regions["right_lung" if rng.random() < 0.5 else "left_lung"]
    box = _box(lung)  # nothing is drawn outside it
    x, y = (line[box] for line in grid(body.size))
    depth = distance_transform_edt(lung[box]).astype(np.float32) * (2 / body.size)
    deep = np.argwhere(depth > 0.45 * depth.max())
    row, column = deep[int(rng.random() * len(deep))]
    centre = x[row, column], y[row, column]
    radius = rng.uniform(0.16, 0.26)
    cloud = np.zeros_like(x)
    for _ in range(4):
        cx, cy = centre[0] + rng.normal(0, 0.35 * radius), centre[1] + rng.normal(0, 0.35 * radius)
        cloud = np.maximum(
            cloud, blob(x, y, cx, cy, radius * rng.uniform(0.6, 1), radius * rng.uniform(0.6, 1))
        )
    patchy = np.clip(0.7 + 0.7 * texture(rng, body.size, 22)[box], 0, 2.2)  # nodular, not smooth
    inside = soft(depth - 0.02, 0.05) * lung[box]
    out = np.zeros(lung.shape, np.float32)
    out[box] = spec.finding_strength * _FINDING * cloud * patchy * inside
    return out


def _box(region: NDArray[np.bool_]) -> tuple[slice, ...]:
    """A region's bounding box and one pixel more: it holds what is nearest outside the region."""
    parts = extent(region)
    assert parts is not None, "no organ of a phantom is empty"
    return tuple(slice(max(0, part.start - 1), part.stop + 1) for part in parts)


def _densest(finding: Floats) -> tuple[float, float]:
    """Where a finding is densest: x and y."""
    size = len(finding)
    row, column = divmod(int(gaussian_filter(finding, size / 48).argmax()), size)
    x, y = grid(size)
    return float(x[row, column]), float(y[row, column])

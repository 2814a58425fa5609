"""What an editor makes of a picture, and whether it counts.

Two filters decide. Inside the box the picture must have changed, and so must the answer of the
editor's own judge if it brings one; outside the box the picture must be left alone. Neither looks
at the model under audit, whose answer is what the edits are to test. The control is the same edit
at another place of the same picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from audit_suite.changes.change import Mask, Picture, Scene, levels_of, picture_of
from audit_suite.changes.editor import Box, Editor
from audit_suite.regions import extent
from audit_suite.registry import EDITORS

TOLERANCE = 2 / 255
"""Change of a pixel, of a picture in [0, 1], that counts as none."""
LEAST = 0.05
"""Share of the box's pixels that an edit must change."""
SPILLED = 0.001
"""Share of the pixels outside the box that an edit may change."""

_SEAM = 0.04  # of the longer side: by how much the box is wider than the outline in it

Reason = Literal["kept", "declined", "unchanged", "unanswered", "spilled", "no room", "control"]
REASONS: dict[Reason, str] = {
    "kept": "pass both filters",
    "declined": "the editor declined",
    "unchanged": "changed nothing inside the box",
    "unanswered": "did not change the answer of the editor's own judge",
    "spilled": "changed the picture outside the box",
    "no room": "left no room elsewhere for the control",
    "control": "changed the picture outside the box in the control",
}


@dataclass(frozen=True)
class Edit:
    """What came of one edit.

    Attributes:
        reason: Why it counts, or not.
        box: Where.
        elsewhere: Where the control is; the box itself unless the edit is kept.
        made: Shape (h, w) or (h, w, 3), what stands in the box then, as the file's integers; None
            unless the edit is kept.
        control: Likewise what stands elsewhere.
    """

    reason: Reason
    box: Box
    elsewhere: Box
    made: NDArray[Any] | None = None
    control: NDArray[Any] | None = None


def edited(name: str, image: NDArray[Any], scene: Scene) -> Edit | None:
    """Edit a decoded image, and apply both filters.

    Args:
        name: Of a registered editor.
        image: Shape (H, W) or (H, W, 3), of unsigned integers.
        scene: What the editor may know. Its generator gives the edit and its control the same
            draws.

    Returns:
        What came of it; None if there is nothing to edit.

    Raises:
        AuditError: If the editor raises, gives a box beyond the picture or returns something else
            than a picture; names it.
    """
    editor: Editor = EDITORS[name]
    picture = picture_of(image)
    box = _box(editor, picture, scene)
    if box is None:
        return None
    place, seed = scene.rng, int(scene.rng.integers(2**32))
    made = _made(editor, image, box, scene, seed)
    reason = _fault(editor, image, made, box)
    if made is None or reason != "kept":
        return Edit(reason, box, box)
    elsewhere = _elsewhere(editor, box, scene, place)
    if elsewhere is None:
        return Edit("no room", box, box)
    by = elsewhere[0] - box[0], elsewhere[1] - box[1]
    control = _made(editor, image, elsewhere, _moved(scene, by), seed)
    if control is None or _spilled(image, control, elsewhere):
        return Edit("control", box, box)
    return Edit("kept", box, elsewhere, inside(made, box), inside(control, elsewhere))


def inside(picture: NDArray[Any], box: Box) -> NDArray[Any]:
    """The part of a picture in a box."""
    x0, y0, x1, y1 = box
    return picture[y0:y1, x0:x1]


def put(image: NDArray[Any], box: Box, content: NDArray[Any]) -> NDArray[Any]:
    """A picture with other content in a box; a new one."""
    made = image.copy()
    inside(made, box)[...] = content
    return made


def _box(editor: Editor, picture: Picture, scene: Scene) -> Box | None:
    height, width = picture.shape[:2]
    if editor.where is None:
        return around(_outline(editor, scene), max(2, round(_SEAM * max(height, width))))
    with EDITORS.blaming(editor.name):
        box: Any = editor.where(picture.copy(), scene)
    if box is None:
        return None
    try:
        x0, y0, x1, y1 = (int(end) for end in box)
    except (TypeError, ValueError):
        raise EDITORS.misbehaved(
            editor.name, f"returned {box!r} as the place, not (x0, y0, x1, y1) or None"
        ) from None
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise EDITORS.misbehaved(
            editor.name,
            f"returned the box {(x0, y0, x1, y1)} for a picture {width} pixels wide and {height} "
            f"high: it must lie inside and hold a pixel",
        )
    return x0, y0, x1, y1


def _outline(editor: Editor, scene: Scene) -> Mask:
    if editor.does == "removes" or scene.donor is None:
        return scene.finding
    return scene.donor[1]


def around(outline: Mask, more: int = 0) -> Box | None:
    """The box around an outline, wider by some pixels as far as the frame reaches."""
    if (parts := extent(outline)) is None:
        return None
    rows, columns = parts
    height, width = outline.shape
    return (
        max(0, columns.start - more),
        max(0, rows.start - more),
        min(width, columns.stop + more),
        min(height, rows.stop + more),
    )


def _made(
    editor: Editor, image: NDArray[Any], box: Box, scene: Scene, seed: int
) -> NDArray[Any] | None:
    drawn = replace(scene, rng=np.random.default_rng(seed))
    with EDITORS.blaming(editor.name):
        made: Any = editor.edit(picture_of(image), box, drawn)
    return None if made is None else levels_of(made, image, EDITORS, editor.name)


def _fault(editor: Editor, image: NDArray[Any], made: NDArray[Any] | None, box: Box) -> Reason:
    """The first filter that an edit does not pass; ``kept`` if there is none."""
    if made is None:
        return "declined"
    if inside(_differs(image, made), box).mean() < LEAST:
        return "unchanged"
    if _spilled(image, made, box):
        return "spilled"
    if editor.answer is not None:
        with EDITORS.blaming(editor.name):
            before, after = (
                bool(editor.answer(inside(picture_of(each), box))) for each in (image, made)
            )
        if (before, after) != ((False, True) if editor.does == "adds" else (True, False)):
            return "unanswered"
    return "kept"


def _spilled(image: NDArray[Any], made: NDArray[Any], box: Box) -> bool:
    differs = _differs(image, made)
    inside(differs, box)[...] = False
    return bool(differs.mean() > SPILLED)


def _differs(image: NDArray[Any], made: NDArray[Any]) -> Mask:
    apart = np.abs(picture_of(image) - picture_of(made)) > TOLERANCE
    return np.asarray(apart if apart.ndim == 2 else apart.any(axis=2))


def _elsewhere(editor: Editor, box: Box, scene: Scene, rng: np.random.Generator) -> Box | None:
    """A box of the same size apart from the first and from the finding.

    An added finding would be a finding anywhere in the region, so its control lies outside it.
    """
    taken = scene.finding.copy()
    inside(taken, box)[...] = True
    if editor.does == "adds" and editor.thing == "finding":
        taken |= scene.roi
    width, height = box[2] - box[0], box[3] - box[1]
    sums = np.zeros((taken.shape[0] + 1, taken.shape[1] + 1), np.int64)
    sums[1:, 1:] = taken.cumsum(axis=0).cumsum(axis=1)
    covered = sums[height:, width:] - sums[:-height, width:]
    covered = covered - sums[height:, :-width] + sums[:-height, :-width]
    free = np.argwhere(covered == 0)
    if not len(free):
        return None
    y0, x0 = free[rng.integers(len(free))].tolist()
    return x0, y0, x0 + width, y0 + height


def _moved(scene: Scene, by: tuple[int, int]) -> Scene:
    """A scene whose outlines, and what a donor lends, lie elsewhere."""

    def shifted(array: NDArray[Any]) -> NDArray[Any]:
        return np.roll(array, by[::-1], axis=(0, 1))

    donor = scene.donor
    lent = None if donor is None else (shifted(donor[0]), shifted(donor[1]))
    return replace(scene, finding=shifted(scene.finding), donor=lent)

"""An editor adds or removes one thing at one place of a picture: a user's own counterfactual."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from audit_suite.changes.change import Picture, Scene, refuse_no_slug
from audit_suite.errors import AuditError
from audit_suite.registry import EDITORS, registering

Box = tuple[int, int, int, int]
"""(x0, y0, x1, y1) in pixels of the file; x1 and y1 are not part of it."""
Does = Literal["adds", "removes"]
Thing = Literal["finding", "device"]


@dataclass(frozen=True)
class Editor:
    """Adds or removes a finding or a device.

    Attributes:
        name: A slug, part of case ids.
        words: The edit in words, after "with": ``an opacity added``.
        does: Whether it adds the thing or removes it.
        edit: Called as ``edit(picture, box, scene)``; returns a picture of the same shape, or None
            if it cannot edit this one. It draws random numbers from ``scene.rng`` alone, and is
            called again for the control, with another box of the same size and the outlines of
            the scene moved along.
        thing: ``finding``: the score of the target must fall where it is removed and rise where it
            is added. ``device``: no score may move.
        where: Called as ``where(picture, scene)``; returns the box, or None if there is nothing to
            edit. By default the box around the outline of the finding, which the data set's card
            names under ``targets.NAME.finding``: the image's own, or, to add one, another
            patient's.
        answer: Called with what is inside the box; returns whether the thing is there. It must not
            be the model under audit. Without one an edit counts if it changed pixels.
        most: Edits that are tried per target, one image per patient.
    """

    name: str
    words: str
    does: Does
    edit: Callable[[Picture, Box, Scene], Picture | None]
    thing: Thing = "finding"
    where: Callable[[Picture, Scene], Box | None] | None = None
    answer: Callable[[Picture], bool] | None = None
    most: int = 200


def register_editor(editor: Editor) -> Editor:
    """Make an editor known, so that the suite ``edits`` asks for it.

    Raises:
        AuditError: If its name is not a slug, it does something else than add or remove, or another
            module has registered it.
    """
    refuse_no_slug("editor", editor.name)
    if editor.does not in ("adds", "removes") or editor.thing not in ("finding", "device"):
        raise AuditError(
            f"{registering()} registers the editor '{editor.name}', which {editor.does} a "
            f"{editor.thing}",
            "give does='adds' or 'removes', and thing='finding' or 'device'",
        )
    EDITORS.register(editor.name, editor)
    return editor

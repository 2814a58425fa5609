"""The region of a chest radiograph: lungs are proposed together with what lies between them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audit_suite.cards.chest import LUNGS_MEDIASTINUM, WHY_HULL, are_lungs
from audit_suite.starting.answers import Answers
from audit_suite.starting.toml_lines import Guess

UNNAMED = "region"
"""What a region is called that nobody named."""
_CLASS = ("category", "label", "finding", "column")  # keys that say what a mask shows


def regions_and_roi(
    name: str, keys: Mapping[str, Any], masks: Path, answers: Answers
) -> tuple[dict[str, Any], Any]:
    """The tables of a card's regions, and the value of a target's ``roi``.

    Args:
        name: Of the region that the masks show.
        keys: The keys that find its masks.
        masks: Their folder or file.
        answers: Asks which region is meant where the masks are lungs.
    """
    if not _show_lungs(name, keys, masks):
        return {name: dict(keys)}, [name]
    name = "lungs" if name == UNNAMED else name
    question = f"Which region is to be hidden ({name}, or {LUNGS_MEDIASTINUM}: their convex hull)"
    if answers.ask(question, LUNGS_MEDIASTINUM, WHY_HULL) == name:
        return {name: dict(keys)}, [name]
    hull = {"format": "hull", "of": [name]}
    return {name: dict(keys), LUNGS_MEDIASTINUM: hull}, Guess([LUNGS_MEDIASTINUM], WHY_HULL)


def _show_lungs(name: str, keys: Mapping[str, Any], masks: Path) -> bool:
    classes = [keys[key] for key in _CLASS if key in keys]
    said = [[each] if isinstance(each, str) else each for each in (name, masks.stem, *classes)]
    return any(map(are_lungs, said))

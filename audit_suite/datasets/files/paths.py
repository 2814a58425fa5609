"""The files and folders that a card names."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from audit_suite.cards import DatasetCard
from audit_suite.errors import AuditError


def file_of(card: DatasetCard, role: str) -> Path:
    """The file or folder that a card names under ``files``.

    Raises:
        AuditError: If it does not exist.
    """
    path = card.resolve(card.root) / card.files[role]
    if not is_there(path) and not path.is_dir():
        raise AuditError(f"{path} does not exist", f"correct 'files.{role}' of {card.path}")
    return path


def folder_of(card: DatasetCard, role: str) -> Path:
    """The folder that a card names under ``files``.

    Raises:
        AuditError: If it does not exist or is a file, such as an archive that is still packed.
    """
    path = file_of(card, role)
    if not path.is_dir():
        raise AuditError(
            f"{path} is not a folder", f"unpack it, or correct 'files.{role}' of {card.path}"
        )
    return path


def homes(card: DatasetCard) -> tuple[Path, ...]:
    """The folders in which a card's files must lie, links followed; none where any may."""
    if card.follow_links:
        return ()
    root = card.resolve(card.root)
    places = [place for region in card.regions.values() for place in region.places]
    return (root, *((root / place).resolve() for place in (*card.files.values(), *places)))


def below(root: Path, name: str) -> str | None:
    """The path below a folder of a file that a table names; None if the name leads out of it.

    It is the name itself, not a copy, where that is such a path already.
    """
    home = os.path.join(root, "")  # noqa: PTH118 - with a slash at its end
    file = os.path.normpath(os.path.join(home, name))  # noqa: PTH118 - half the time
    if file == str(root):
        return "."
    rest = file.removeprefix(home)
    return (name if rest == name else rest) if rest != file else None


def leaving(homes: Sequence[Path]) -> Callable[[Path], bool]:
    """What tells whether a link leads a file out of all folders in which it may lie.

    It follows the links of each folder once, and those of a file only where there are any.
    """

    def inside(real: Path) -> bool:
        return any(real.is_relative_to(home) for home in homes)

    @cache
    def holds(folder: Path) -> bool:
        return inside(folder.resolve())

    def leaves(path: Path) -> bool:
        stays = not path.is_symlink() and holds(path.parent)
        return not (stays or inside(path.resolve()))

    return leaves if homes else lambda path: False


def is_there(path: Path) -> bool:
    """Whether a file exists; False too for text that cannot be a file's name, such as a report."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False

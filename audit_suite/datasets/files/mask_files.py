"""Formats whose masks are files of their own, one or several for each image: how they are found."""

from __future__ import annotations

import glob
import os
import re
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import model_validator

from audit_suite.cards import DatasetCard
from audit_suite.cards.common import Once
from audit_suite.cards.regions import MaskSpec
from audit_suite.datasets.files.entry import Entry, Mask, RegionSource
from audit_suite.datasets.files.mask_format import Find, MaskFormat
from audit_suite.datasets.files.masks import MaskFile, united
from audit_suite.datasets.files.matching import filled
from audit_suite.datasets.files.paths import below, is_there
from audit_suite.errors import AuditError

_Files = list[tuple[Path, str]]  # each with the folder that it lies below
Several = str | Annotated[tuple[str, ...], Once]


class FileSpec(MaskSpec):
    """Mask files, found in one of three ways; several of an image are united."""

    column: Several | None = None
    """The manifest column (or columns) that name the mask file."""
    files: Several | None = None
    """Path template (or templates) relative to the root, such as ``masks/{stem}_lung.png``:
    ``{stem}`` is the image file's name without its ending, ``{name}`` its name, ``{folder}`` its
    folder, ``{id}`` the image's id, and ``{COLUMN}`` a column of its row; ``*`` stands for any
    text."""
    folder: Several | None = None
    """Folder (or folders), relative to the root, that hold a file with the stem of the image's."""

    @property
    def manifest_columns(self) -> tuple[str, ...]:
        """The columns that name files."""
        return several(self.column)

    @property
    def places(self) -> tuple[str, ...]:
        """The folders, and what templates say before their first field."""
        return (*several(self.folder), *map(_fixed, several(self.files)))

    @model_validator(mode="after")
    def _found_in_one_way(self) -> FileSpec:
        given = [key for key in ("column", "files", "folder") if several(getattr(self, key))]
        if len(given) != 1:
            raise ValueError(
                f"needs one of column, files and folder to find its files; it has "
                f"{' and '.join(given) or 'none'}"
            )
        return self


class FileFormat(MaskFormat):
    """A format whose masks are files; it says how to decode one."""

    @abstractmethod
    def decoder(self, spec: FileSpec) -> Callable[[Path], Mask]:
        """What decodes a file for a region's keys; raises ValueError without the file's name."""
        ...

    def open(self, card: DatasetCard, region: str, spec: FileSpec) -> Find:
        """What finds an image's files.

        Raises:
            AuditError: If a folder does not exist.
        """
        decode = self.decoder(spec)
        if spec.column is not None:
            return _by_column(card, several(spec.column), decode)
        ways = [_in_folder(card, region, name) for name in several(spec.folder)]
        ways += [_by_template(card, template) for template in several(spec.files)]

        def find(entry: Entry) -> RegionSource | str:
            by_way = [way(entry) for way in ways]
            if not all(by_way):
                return f"{entry.where}: there is no file for 'regions.{region}'"
            files = [file for some in by_way for file in some]
            parts = [MaskFile(name, entry.where, decode, folder) for folder, name in files]
            if entry.image in (part.path for part in parts):
                raise ValueError("finds the image itself: its masks need another folder or name")
            return united(entry.where, parts)

        return find


def several(given: Several | None) -> tuple[str, ...]:
    """One, several or no texts as a tuple."""
    return (given,) if isinstance(given, str) else given or ()


def _by_column(card: DatasetCard, columns: tuple[str, ...], decode: Callable[[Path], Mask]) -> Find:
    root = card.resolve(card.root)

    def find(entry: Entry) -> RegionSource | str:
        parts = []
        for column in columns:
            where = f"row {entry.row}, column '{column}'"
            if column not in entry.columns:
                raise _no_column(card, column, entry)
            if not entry.columns[column]:
                return f"{where}: no file is named"
            file = below(root, entry.columns[column])
            if file is None:
                raise ValueError(f"names a file outside the data set's root (column '{column}')")
            parts.append(MaskFile(file, where, decode, root))
        whole = parts[0].where if len(parts) == 1 else entry.where
        return united(whole, parts)

    return find


def _no_column(card: DatasetCard, column: str, entry: Entry) -> AuditError:
    there = ", ".join(entry.columns) or f"none (reader '{card.reader}' lists no columns)"
    return AuditError(
        f"{card.path}: a region names the column '{column}', which images do not have",
        f"columns there: {there}",
    )


def _by_template(card: DatasetCard, template: str) -> Callable[[Entry], _Files]:
    home = Path(os.path.normpath(card.resolve(card.root) / _fixed(template)))
    rest = template.removeprefix(_fixed(template)).lstrip("/")
    any_text = "*" in rest

    def files(entry: Entry) -> _Files:
        name = filled(rest, card, entry, glob.escape if any_text else str)
        file = below(home, name)
        if file is None:
            raise ValueError("names a file outside the folder that its template begins with")
        if not any_text:
            return [(home, file)] if is_there(home / file) else []
        found = sorted(one for one in home.glob(name) if one.is_file() and one != entry.image)
        return [(home, str(one.relative_to(home))) for one in found]

    return files


def _fixed(template: str) -> str:
    """The folders with which a template begins, up to its first field or star."""
    fixed = re.split(r"[{*]", template, maxsplit=1)[0]
    return fixed[: fixed.rfind("/") + 1]


def _in_folder(card: DatasetCard, region: str, name: str) -> Callable[[Entry], _Files]:
    folder = card.resolve(card.root) / name
    if not folder.is_dir():
        raise AuditError(
            f"{folder} is not a folder", f"correct 'regions.{region}.folder' of {card.path}"
        )
    by_stem: dict[str, list[str]] = {}
    for file in sorted(folder.iterdir()):
        if file.is_file():
            by_stem.setdefault(_stem(file), []).append(file.name)
    taken: dict[str, Entry] = {}

    def files(entry: Entry) -> _Files:
        image, stem = entry.image, _stem(entry.image)
        masks = [(folder, mask) for mask in by_stem.get(stem, ()) if folder / mask != image]
        if len(masks) > 1:
            raise ValueError(f"finds {len(masks)} files with the stem of the image in '{name}'")
        first = taken.setdefault(stem, entry)
        if masks and first.image != entry.image:
            raise ValueError(
                f"finds one mask for the images of rows {first.row} and {entry.row}, whose files "
                f"have the same stem: use a column, or a template with {{folder}}"
            )
        return masks

    return files


def _stem(file: Path) -> str:
    name = file.name.removesuffix(".gz")
    return Path(name).stem

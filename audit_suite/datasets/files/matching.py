"""Which image a name in a table or annotation file means, and file names made of an image's row."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Generic, TypeVar

from audit_suite.cards import DatasetCard
from audit_suite.datasets.files.entry import Entry
from audit_suite.errors import AuditError

Content = TypeVar("Content")
_FIELD = re.compile(r"\{([^{}]*)\}")


class Matcher(Generic[Content]):
    """What a file says of an image, by the name under which the file knows it.

    Names are compared as paths below the data set's root, then as the image's id, as file names,
    and as file names without their endings. The first way under which the file has the image
    counts; where several names or several images then agree, nothing is guessed.

    Args:
        card: The data set's card.
        listed: Content by name.
        match: The name of an image, as a template (`filled`); empty for the ways above.
        joined: Whether names may also be the end of a path joined by ``_``, without its ending.
    """

    def __init__(
        self,
        card: DatasetCard,
        listed: Mapping[str, Content],
        match: str = "",
        *,
        joined: bool = False,
    ) -> None:
        self._card, self._listed, self._match, self._joined = card, listed, match, joined
        self._root = card.resolve(card.root)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for name in listed:
            path = PurePosixPath(name.replace("\\", "/"))
            self._by_name[path.name].append(name)
            self._by_stem[path.stem].append(name)
            if path.stem != path.name:
                self._by_stem[path.name].append(name)
        self._taken: dict[str, Entry] = {}

    def __call__(self, entry: Entry) -> Content | None:
        """What the file says of an image; None if it does not name it.

        Raises:
            ValueError: If several names of the file, or several images, are alike.
        """
        name = self._name(entry)
        if name is None:
            return None
        first = self._taken.setdefault(name, entry)
        if first.image != entry.image:
            raise ValueError(
                f"has one mask for the images of rows {first.row} and {entry.row}, whose names are "
                f"alike: write them with their folders, or name a column with match"
            )
        return self._listed[name]

    def _name(self, entry: Entry) -> str | None:
        if self._match:
            name = filled(self._match, self._card, entry)
            return name if name in self._listed else None
        below = _below(entry.image, self._root)
        wholes = [below, entry.id, *_joined_ends(below)] if self._joined else [below, entry.id]
        for whole in wholes:
            if whole in self._listed:
                return whole
        for names in (self._by_name.get(entry.image.name), self._by_stem.get(entry.image.stem)):
            alike = names or []
            if len(alike) > 1:
                alike = [name for name in alike if _same_end(name, below)] or alike
            if len(alike) > 1:
                raise ValueError(
                    f"finds {len(alike)} names in its file that could mean this image: write them "
                    f"with their folders, or name a column with match"
                )
            if alike:
                return alike[0]
        return None


def filled(
    template: str, card: DatasetCard, entry: Entry, quote: Callable[[str], str] = str
) -> str:
    """Fill the fields of a template, such as ``masks/{stem}.png``, for an image.

    Fields are the columns of the image's row, ``id``, and of its file ``stem`` (its name without
    the ending), ``name`` and ``folder`` (below the root). Columns come first.

    Args:
        template: The template.
        card: The data set's card.
        entry: The image.
        quote: What to do to each value.

    Raises:
        AuditError: If a field is none of these; lists them.
    """
    folder = PurePosixPath(_below(entry.image, card.resolve(card.root))).parent.as_posix()
    known = {
        "stem": entry.image.stem,
        "name": entry.image.name,
        "folder": folder,
        "id": entry.id,
        **entry.columns,
    }
    if unknown := [name for name in _FIELD.findall(template) if name not in known]:
        raise AuditError(
            f"{card.path}: the template '{template}' names {{{unknown[0]}}}, which images do not "
            f"have",
            f"fields there: {', '.join(known)}",
        )
    return _FIELD.sub(lambda field: quote(known[field[1]]), template)


def _below(image: Path, root: Path) -> str:
    """An image's path below the root; its whole path where it lies elsewhere."""
    return (image.relative_to(root) if image.is_relative_to(root) else image).as_posix()


def _same_end(name: str, below: str) -> bool:
    """Whether one of two paths is the end of the other, endings apart."""
    one = PurePosixPath(name.replace("\\", "/")).with_suffix("").parts
    two = PurePosixPath(below).with_suffix("").parts
    shared = min(len(one), len(two))
    return one[-shared:] == two[-shared:]


def _joined_ends(below: str) -> Iterator[str]:
    """The ends of a path without its ending, the longest first: ``study_view``, ``view``."""
    parts = PurePosixPath(below).with_suffix("").parts
    for first in range(len(parts)):
        yield "_".join(parts[first:])

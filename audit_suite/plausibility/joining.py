"""Several packs as one study: other readers, other images, the same questions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from audit_suite.errors import AuditError
from audit_suite.readings import Key

Names = dict[tuple[Path, str], str]
"""By key and name in its pack, the name of a reader in the study."""


def merged_keys(keys: Mapping[Path, Key]) -> tuple[Key, Names]:
    """The key of the study, and what its readers are called.

    Readers of several packs are named by pack: ``north-reader-1``, from ``north.key.json``. Each
    reader is asked for the items of the own pack alone, so that groups of readers may read
    different images (a split-plot design).

    Args:
        keys: The key of each pack; at least one.

    Raises:
        AuditError: If the packs are of different data sets or questions, or share a name.
    """
    (first_path, first), *others = keys.items()
    if not others:
        return first, {(first_path, reader): reader for reader in first.packs}
    names: Names = {}
    for path, key in keys.items():
        _check_together(first_path, first, path, key)
        pack = re.sub("[^a-z0-9]+", "-", path.name.split(".")[0].lower()).strip("-") or "pack"
        names |= {(path, reader): f"{pack}-{reader}"[:32] for reader in key.packs}
    if len(set(names.values())) < len(names):
        raise AuditError(
            f"the packs {', '.join(map(str, keys))} have the same name, so their readers would too",
            "rename the folder of one of them, and its key, and import again",
        )
    items = {code: item for key in keys.values() for code, item in key.items.items()}
    return first.model_copy(
        update={
            "model": ", ".join(dict.fromkeys(key.model for key in keys.values())),
            "precision": max(key.precision for key in keys.values()),
            "washout_days": min(key.washout_days for key in keys.values()),
            "items": items,
            "packs": {
                names[p, r]: digest for p, k in keys.items() for r, digest in k.packs.items()
            },
            "asked": {
                names[path, reader]: tuple(sorted(key.items_of(reader)))
                for path, key in keys.items()
                for reader in key.packs
            },
        }
    ), names


def _check_together(first_path: Path, first: Key, path: Path, key: Key) -> None:
    """Refuse a pack that is of something else than the first."""
    for what, one, other in (
        ("another data set", first.dataset_digest, key.dataset_digest),
        ("other questions", _targets(first), _targets(key)),
    ):
        if one != other:
            raise AuditError(
                f"{path} is of {what} than {first_path}, so their readings cannot be merged",
                "import them into files of their own: --out PATH",
            )
    if key is not first and (shared := first.items.keys() & key.items.keys()):
        raise AuditError(
            f"{path} has the item '{min(shared)}' of {first_path}, so it is a copy of that pack",
            "name each pack once",
        )


def _targets(key: Key) -> list[str]:
    return sorted(question.target for question in key.questions)

"""Cards as people write them: one key per line, with a remark on what was assumed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_INLINE = ("values", "arguments", "where", "masks", "holdout")  # tables that take one line


@dataclass(frozen=True)
class Guess:
    """A value that was assumed, and why."""

    value: Any
    why: str


def toml_text(head: str, keys: Mapping[str, Any]) -> str:
    """A card's text: plain keys first, then its tables.

    Args:
        head: A remark above all.
        keys: Values; `Guess` where one was assumed; mappings become tables.
    """
    lines = [f"# {line}" for line in head.splitlines()]
    lines += _lines(keys)
    lines += _tables(keys, ())
    return "\n".join(lines) + "\n"


def slug(text: str) -> str:
    """A text as a name that cards allow."""
    plain = re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")
    return plain[:64] or "unnamed"


def card_path(path: Path, folder: Path) -> str:
    """A path as a card in a folder, or with that root, writes it."""
    return os.path.relpath(path.resolve(), folder.resolve()).replace(os.sep, "/")


def _tables(keys: Mapping[str, Any], above: tuple[str, ...]) -> list[str]:
    lines = []
    for key, value in keys.items():
        if isinstance(value, Mapping) and key not in _INLINE:
            path = (*above, key)
            own = _lines(value)
            if own or not value:
                lines += ["", f"[{'.'.join(map(_key, path))}]", *own]
            lines += _tables(value, path)
    return lines


def _lines(keys: Mapping[str, Any]) -> list[str]:
    lines = []
    for key, value in keys.items():
        if isinstance(value, Mapping) and key not in _INLINE:
            continue
        why = f"  # assumed: {value.why}" if isinstance(value, Guess) else ""
        plain = value.value if isinstance(value, Guess) else value
        lines.append(f"{_key(key)} = {_value(plain)}{why}")
    return lines


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(str(key))} = {_value(each)}" for key, each in value.items())
        return f"{{ {inside} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)

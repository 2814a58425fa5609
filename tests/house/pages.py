"""The pages that people read, and what is shown in them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(DOCS.glob("*.md")),
    *sorted((DOCS / "howto").glob("*.md")),
]


_FENCED = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


def blocks(page: Path, language: str | None = None) -> list[str]:
    """The code blocks of a page: all, or those in a language; "" is none."""
    found = _FENCED.findall(page.read_text(encoding="utf-8"))
    return [code for said, code in found if language in (None, said)]


def command_lines(page: Path) -> list[str]:
    """Every command that a page shows, in a block or in backticks, continued lines joined."""
    lines = "\n".join(blocks(page)).replace("\\\n", " ").splitlines()
    prose = _FENCED.sub("", page.read_text(encoding="utf-8"))
    return [*lines, *(" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose))]

"""Links of Markdown pages that work in the repository and on the site.

Pages link files of the repository by relative paths, as GitHub follows them. The site has the pages
of `docs/` and some of the root; what else a link leads to is named there without a link.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

INCLUDED = {
    "ARCHITECTURE.md": "architecture",
    "CONTRIBUTING.md": "contributing",
    "SECURITY.md": "reporting",
    "CHANGELOG.md": "changelog",
}
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#:\s]+)(#[^)\s]*)?\)")


def included(root: Path) -> dict[str, str]:
    """The pages of the repository's root that the site has too, by their names there."""
    there = root / "docs" / "_generated" / "page.md"
    return {
        name: on_the_site((root / file).read_text(encoding="utf-8"), root / file, there, root)
        for file, name in INCLUDED.items()
    }


def on_the_site(text: str, page: Path, there: Path, root: Path) -> str:
    """A page whose links lead where the site has the page, or name the file.

    Args:
        text: The page.
        page: Its file, from which its links are relative.
        there: The file that the site makes a page of.
        root: The repository.
    """

    def link(match: re.Match[str]) -> str:
        words, target, part = match[1], (page.parent / match[2]).resolve(), match[3] or ""
        docs = root / "docs"
        if target.parent == root and target.name in INCLUDED:
            target = docs / "_generated" / f"{INCLUDED[target.name]}.md"
        elif not (target.suffix == ".md" and target.is_relative_to(docs)):
            name = target.relative_to(root).as_posix()
            return words if words.strip("`").rstrip("/") == name else f"{words} (`{name}`)"
        return f"[{words}]({Path(os.path.relpath(target, there.parent)).as_posix()}{part})"

    return _LINK.sub(link, text)

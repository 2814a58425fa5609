"""The reference, made from the package itself when the documentation is built.

Nothing in it is written by hand: keys come from the models that validate cards, checks from the
shipped suites, options from pytest's and the command line's own parsers.
"""

from __future__ import annotations

from pathlib import Path

from generate.checks import causes_page, checks_page
from generate.keys import keys_pages
from generate.links import included
from generate.options import commands_page, exit_codes_page, options_page

__all__ = ["write_pages"]


def write_pages(docs: Path) -> None:
    """Write every generated page into ``_generated``.

    Args:
        docs: The folder of the documentation, below the root of the repository.
    """
    docs = docs.resolve()
    pages = {
        **keys_pages(),
        "checks": checks_page(),
        "causes": causes_page(),
        "exit-codes": exit_codes_page(),
        "options": options_page(),
        "commands": commands_page(),
        **included(docs.parent),
    }
    folder = docs / "_generated"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.md"):
        if old.stem not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")

"""Configuration of the documentation: `make docs` builds it, with warnings as errors."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS), str(DOCS.parent / "plugins")]

from generate import write_pages  # noqa: E402 - it lies beside this file
from generate.links import on_the_site  # noqa: E402

project = "audit-suite"
author = copyright = "audit-suite maintainers"
release = version = version_of("audit-suite")

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "generate"]
html_theme = "furo"
html_title = "audit-suite"
html_show_copyright = False
html_copy_source = False
highlight_language = "none"


def _links(app: Any, page: str, source: list[str]) -> None:
    file = Path(app.env.doc2path(page))
    if file.parent.name != "_generated":  # there they are right already
        source[0] = on_the_site(source[0], file, file, DOCS.parent)


def setup(app: Any) -> None:
    """Write the generated pages before Sphinx looks for pages."""
    write_pages(DOCS)
    app.connect("source-read", _links)

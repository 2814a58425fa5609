"""The table of exit codes in README.md: `make schema` writes it again."""

from __future__ import annotations

import re
from pathlib import Path

from audit_suite.audit.gate import Exit

README = Path(__file__).parents[2] / "README.md"
_TABLE = re.compile(r"\| exit code \| meaning \|\n(\|.*\n)+")


def table() -> str:
    """The exit codes and their meanings in Markdown."""
    rows = [f"| {code:d} | {code.meaning} |" for code in Exit]
    return "\n".join(["| exit code | meaning |", "|---|---|", *rows]) + "\n"


def with_table(readme: str) -> str:
    """A README with its table up to date."""
    new, number = _TABLE.subn(lambda _: table(), readme)
    assert number == 1, "README.md needs one table of exit codes"
    return new


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")

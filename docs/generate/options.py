"""Exit codes, options of `pytest --audit` with their ini keys, commands of `audit-suite`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from audit_suite.audit.gate import Exit
from audit_suite.cli import app
from pytest_audit.options import add_options


class _Listing:
    """Takes the place of pytest's parser, and keeps what it is told."""

    def __init__(self) -> None:
        self.options: list[tuple[str, dict[str, Any]]] = []
        self.keys: list[tuple[str, str]] = []

    def getgroup(self, name: str, description: str = "") -> _Listing:
        return self

    def addoption(self, name: str, **more: Any) -> None:
        self.options.append((name, more))

    def addini(self, name: str, help: str, type: str = "string", default: object = None) -> None:
        self.keys.append((name, help))


def pytest_options() -> list[tuple[str, dict[str, Any], str]]:
    """Every option of the plugin, what it was declared with, and its ini key or an empty text."""
    listing = _Listing()
    add_options(listing)  # type: ignore[arg-type]  # it needs these three functions only
    keys = {help.rpartition("(as ")[2].rstrip(")"): key for key, help in listing.keys}
    return [(name, more, keys.get(name, "")) for name, more in listing.options]


def commands(command: Any = None, name: str = "audit-suite") -> Iterator[tuple[str, Any]]:
    """Every command, as click declares it, with its whole name."""
    command = command or typer.main.get_command(app)
    groups = getattr(command, "commands", {})
    for inner in groups.values():
        yield from commands(inner, f"{name} {inner.name}")
    if not groups or getattr(command, "invoke_without_command", False):
        yield name, command


def exit_codes_page() -> str:
    """The exit codes of an audit and of the commands."""
    rows = "\n".join(f"| {code:d} | `{code.name}` | {code.meaning} |" for code in Exit)
    others = {int(code): code.name for code in pytest.ExitCode if code not in (0, 1)}
    return (
        "# Exit codes\n\n`pytest --audit` ends in one of these.\n\n"
        f"| exit code | name | meaning |\n|---|---|---|\n{rows}\n\n"
        "The others are pytest's own: "
        + ", ".join(f"{code} (`{name}`)" for code, name in others.items())
        + ". Code 4 means that an option or a card is wrong; the message names it.\n\n"
        "Commands of `audit-suite` end in 0, in 2 where an argument or a file is wrong, and in 1 "
        "where their help says so.\n"
    )


def options_page() -> str:
    """The options of the plugin."""
    text = (
        "# Options of pytest\n\nEach can also be set in your ini file (`pytest.ini`, or "
        "`[tool.pytest.ini_options]` of `pyproject.toml`) by its ini key; the command line goes "
        "first. Paths in an ini file are relative to its folder.\n\n"
    )
    for name, more, key in pytest_options():
        choices = more.get("choices")
        value = "|".join(choices) if isinstance(choices, tuple) else more.get("metavar", "")
        if not value and "type" in more:
            value = "NUMBER"
        ini = f"\n: ini key `{key}`" if key else ""
        shown = f"{name} {value}".rstrip()
        text += f"`{shown}`\n: {_sentence(str(more['help']))}{ini}\n\n"
    return text


def commands_page() -> str:
    """The commands of `audit-suite` with arguments and options."""
    text = "# Commands of audit-suite\n\nThe audit itself is `pytest --audit`.\n\n"
    for name, command in commands():
        context = typer.Context(command, info_name=name)
        words = "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n"))
        usage = " ".join(command.collect_usage_pieces(context))
        text += f"## `{name}`\n\n{words}\n\n```text\n{name} {usage}\n```\n\n"
        for parameter in command.get_params(context):
            record = parameter.get_help_record(context)
            if record and "--help" not in record[0]:
                text += f"`{record[0]}`\n: {record[1] or parameter.name}\n\n"
    return text


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."

"""From docstrings to Markdown, and types in words."""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
from typing import Any

_ITEMS = {"string": "texts", "number": "numbers", "integer": "whole numbers"}


def markdown(docstring: str | None) -> str:
    """A docstring in Markdown: its code in single backticks."""
    text = inspect.cleandoc(docstring or "")
    return re.sub(r"``(.+?)``", r"`\1`", text, flags=re.DOTALL)


def first_paragraph(thing: Any) -> str:
    """What a docstring says first, on one line."""
    return " ".join(markdown(inspect.getdoc(thing)).split("\n\n")[0].split())


def summary(thing: Any) -> str:
    """A docstring without its sections of arguments and errors, a paragraph a line."""
    text = re.split(r"\n\n?(?:Args|Raises|Returns|Attributes):\n", markdown(inspect.getdoc(thing)))
    return "\n\n".join(" ".join(each.split()) for each in text[0].split("\n\n"))


def sentences(model: type) -> dict[str, str]:
    """The docstrings below the fields of a class and of those it inherits from, by field."""
    by_field: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if kind.__module__.partition(".")[0] == "audit_suite":
            by_field |= _below_fields(kind)
    return by_field


def _below_fields(kind: type) -> dict[str, str]:
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(node, ast.ClassDef)
    return {
        field.target.id: " ".join(markdown(below.value.value).split())
        for field, below in zip(node.body, node.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
    }


def kind_of(schema: dict[str, Any]) -> str:
    """What a JSON schema allows, in words: choices, numbers with their range, lists, tables."""
    if "$ref" in schema:
        return "a table (below)"
    if "anyOf" in schema or "oneOf" in schema:
        several = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
        words = [kind_of(each) for each in several if each.get("type") != "null"]
        return ", or ".join(dict.fromkeys(words))
    if "enum" in schema or "const" in schema:
        choices = [f"`{json.dumps(one)}`" for one in schema.get("enum", [schema.get("const")])]
        return " or ".join([", ".join(choices[:-1]), choices[-1]] if choices[1:] else choices)
    match schema.get("type"):
        case "array":
            return _list(schema)
        case "object":
            inner = schema.get("additionalProperties")
            return f"a table, each value {kind_of(inner)}" if isinstance(inner, dict) else "a table"
        case "string":
            return "a date" if schema.get("format") == "date" else "text"
        case "boolean":
            return "`true` or `false`"
        case "integer" | "number" as number:
            words = "a whole number" if number == "integer" else "a number"
            return f"{words}{_range(schema)}"
    return "any value"


def _list(schema: dict[str, Any]) -> str:
    if "prefixItems" in schema:
        inner = [kind_of(each) for each in schema["prefixItems"]]
        if len(set(inner)) == 1:
            return f"a list of {len(inner)}: each {inner[0]}"
        return f"a list: {'; '.join(inner)}"
    items = schema.get("items", {})
    plain = set(items) <= {"type", "pattern", "maxLength", "minLength"}
    if plain and items.get("type") in _ITEMS:
        return f"a list of {_ITEMS[items['type']]}"
    return f"a list, each {kind_of(items)}"


def _range(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    ends = {
        "at least": low,
        "at most": high,
        "above": schema.get("exclusiveMinimum"),
        "below": schema.get("exclusiveMaximum"),
    }
    words = [f"{word} {end:g}" for word, end in ends.items() if end is not None]
    return f" {' and '.join(words)}" if words else ""

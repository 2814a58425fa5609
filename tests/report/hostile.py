"""Records whose every text is hostile, or as long as a text may be."""

from __future__ import annotations

import json

from audit_suite.record import Record

EVIL = (
    "</style><script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7 * 7 }}\x00\x1b[31m\u202e"
)
LONG = "n" * 300
FIXED = {  # what is one of a few words, or no text
    *("schema_version", "decision", "verdict", "alone", "role", "relation", "jointly", "form"),
    *("holds", "state", "png", "pngs", "pictures", "kind", "multiplicity", "risk", "section"),
    *("profile", "folds", "statistic", "measure", "masking", "reader", "before"),
    "now",
}


def with_text(record, text):
    """The record with this text, and a number, in place of every text that it has."""
    count = iter(range(1_000_000))

    def replaced(value, key=""):
        if isinstance(value, dict):
            return {name: replaced(each, name) for name, each in value.items()}
        if isinstance(value, list):
            return [replaced(each, key) for each in value]
        if isinstance(value, str) and key not in FIXED and value:
            return f"{text}{next(count)}"
        return value

    content = json.loads(record.to_json())
    kept = {key: content.pop(key) for key in ("sections", "counts")}
    return Record.model_validate(replaced(content) | kept)

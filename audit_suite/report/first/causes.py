"""The causes in the decision: those that are named, and those that are still open."""

from __future__ import annotations

from collections.abc import Iterator

from audit_suite.record import Record

_NAMED = 3  # causes of a kind
_REMAINDER = "undetermined"  # the flag of what no cause explains
_REST = "what the model reads outside the region"


def causes(record: Record) -> tuple[tuple[str, str], ...]:
    """Labels with the causes, most often named first; nothing where none was looked for.

    Args:
        record: The record.
    """
    return tuple(_causes(record))


def in_words(cause: str) -> str:
    """A cause's name as people read it: ``background shortcut``."""
    return cause if cause == "co-label" else cause.replace("-", " ")


def open_in_words(cause: str) -> str:
    """A cause that is not known, as what is to be found out."""
    return _REST if cause == _REMAINDER else f"whether it is {in_words(cause)}"


def _causes(record: Record) -> Iterator[tuple[str, str]]:
    if not record.causes:
        return
    named = _listed(record, "yes")
    if named and len(record.causes) == 1:
        named = f"{named}. {record.causes[0].sentence.rstrip('.')}"
    yield "Cause named", named or "none"
    if unknown := _listed(record, "unknown"):
        yield "Could not be settled", unknown


def _listed(record: Record, holds: str) -> str:
    words = {_REMAINDER: _REST} if holds == "unknown" else {}
    places: dict[str, int] = {}
    for one in record.causes:
        for flag in one.flags:
            if flag.holds == holds:
                places[flag.cause] = places.get(flag.cause, 0) + 1
    known, more = len(record.causes), len(places) - _NAMED
    told = [
        words.get(cause, in_words(cause)) + (f" (in {count} of {known})" if known > 1 else "")
        for cause, count in sorted(places.items(), key=lambda item: -item[1])[:_NAMED]
    ]
    return ", ".join(told) + (f" and {more} more" if more > 0 else "")

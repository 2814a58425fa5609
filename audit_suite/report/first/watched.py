"""The decision where new cases were watched: drift alone is not a fault of the model."""

from __future__ import annotations

from audit_suite.record import Record

TITLES = {
    "open": "No drift beyond the margins",
    "closed": "Something changed since the audit",
    "undecided": "Not decided: too few new cases",
    "partial": "Not a full watch",
}

MEANINGS = {
    "open": "Scores of these cases lie where those of the audit lay. Whether the model is right "
    "about them is shown by labels alone.",
    "closed": "The audit need not hold for these cases. Drift alone is not a fault of the model: "
    "look at what changed, and label some of these cases.",
    "undecided": "No drift was shown, but these cases cannot show that there is none.",
    "partial": "Something was not asked or not judged, so nothing rests on this report.",
}


def is_watch(record: Record) -> bool:
    """Whether the record compares new cases with an audit (`audit-suite watch`)."""
    return "baseline" in (record.sections.get("drift") or {})

"""Three-valued logic (Kleene): yes, no or unknown, as the verdicts that causes rest on."""

from __future__ import annotations

from typing import Literal

Holds = Literal["yes", "no", "unknown"]


def all_of(*holds: Holds) -> Holds:
    """``yes`` if all are, ``no`` if any is."""
    if "no" in holds:
        return "no"
    return "yes" if all(hold == "yes" for hold in holds) else "unknown"


def any_of(*holds: Holds) -> Holds:
    """``yes`` if any is, ``no`` if all are."""
    if "yes" in holds:
        return "yes"
    return "no" if all(hold == "no" for hold in holds) else "unknown"


def not_(holds: Holds) -> Holds:
    """``yes`` for ``no``, and ``no`` for ``yes``."""
    turned: dict[Holds, Holds] = {"yes": "no", "no": "yes", "unknown": "unknown"}
    return turned[holds]

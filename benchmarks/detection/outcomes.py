"""What the named causes are worth: right, not known, wrong, or silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from audit_suite.causes import UNDETERMINED
from detection.figures import counted, with_interval

if TYPE_CHECKING:
    from detection.auditing import Row
    from detection.grid import Kind

Outcome = Literal["right", "not_known", "wrong", "silent"]
OUTCOMES: tuple[Outcome, ...] = ("right", "not_known", "wrong", "silent")


def outcome(row: Row, kinds: Mapping[str, Kind]) -> Outcome:
    """How the causes of a model are judged; fixed before the models of fresh seeds were made.

    Right: the planted cause is named, whatever else is named beside it. Not known: no cause is
    named, and it is said that something may be left to explain (``undetermined`` is yes or
    unknown). Wrong: other causes alone are named. Silent: nothing is named, nothing is said to be
    unknown. Of a kind inside the region no cause can be right, since masking is blind there.

    Args:
        row: A model that has something planted.
        kinds: The kinds of the run.
    """
    named = set(row.causes or ()) - {UNDETERMINED}
    if kinds[row.kind].cause in named:
        return "right"
    if named:
        return "wrong"
    return "not_known" if row.says_unknown else "silent"


def outcome_figures(rows: Sequence[Row], kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """Shares of outcomes among eligible models with a planted cause, and of those that would do.

    Args:
        rows: The results.
        kinds: The kinds of the run.
    """
    some = [row for row in counted(rows, kinds) if kinds[row.kind].cause and row.causes is not None]
    by_outcome = {one: [outcome(row, kinds) == one for row in some] for one in OUTCOMES}
    good = [outcome(row, kinds) in ("right", "not_known") for row in some]
    figures = with_interval("cause_right_or_unknown", good)
    for name in OUTCOMES[1:]:
        figures |= with_interval(f"cause_{name}", by_outcome[name])
    return figures

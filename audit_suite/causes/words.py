"""What the flags mean to a clinician, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from audit_suite.causes.logic import Holds
from audit_suite.causes.undetermined import UNDETERMINED
from audit_suite.record import CauseFlag
from audit_suite.registry import CAUSES

_UNDETERMINED = "the model uses a cue that hiding a region can neither reveal nor locate"


def sentence(target: str, signal: Holds, flags: Sequence[CauseFlag]) -> str:
    """One sentence for a clinician.

    Args:
        target: What the model detects.
        signal: Whether it detects the target without the region.
        flags: The flags of all causes, whether they hold or not.
    """
    clauses = [
        _UNDETERMINED if flag.cause == UNDETERMINED else CAUSES[flag.cause].words
        for flag in flags
        if flag.holds == "yes"
    ]
    if clauses:
        return f"On {target}: {'; and '.join(clauses)}."
    if signal == "no":
        return (
            f"On {target}: with the region of interest hidden the model is at chance, and no check "
            f"points to another cue."
        )
    return f"On {target}: these data cannot show what the model reads outside the region."

"""Waivers: fails and inconclusive results that a named owner accepts until a date."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from audit_suite.errors import AuditError
from audit_suite.record import Finding, WaiverState
from audit_suite.toml_files import read_toml
from audit_suite.verdict import Verdict

_ADVICE = (
    "each [[waiver]] needs check, owner, reason and expires (YYYY-MM-DD), and may name model, "
    "dataset and target"
)
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Waiver(BaseModel):
    """One entry ``[[waiver]]``; an omitted key covers every model, data set or target."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    check: _Text
    """Id of the check whose fail or inconclusive result is accepted."""
    model: _Text | None = None
    """The model's name; without it, every model."""
    dataset: _Text | None = None
    """The data set's name; without it, every data set."""
    target: _Text | None = None
    """The target's name; without it, every target."""
    owner: _Text
    """Who takes responsibility."""
    reason: _Text
    """Why it is accepted."""
    expires: date
    """Last day of the waiver, at most the policy's ``waiver_days`` ahead."""

    def covers(self, check: str, model: str, dataset: str, target: str) -> bool:
        """Whether this waiver covers the finding with that identity."""
        return self.check == check and all(
            mine in (None, theirs)
            for mine, theirs in (
                (self.model, model),
                (self.dataset, dataset),
                (self.target, target),
            )
        )

    def expired(self, today: date) -> bool:
        """Whether the last day of the waiver is over."""
        return today > self.expires


class _WaiverFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    waiver: tuple[Waiver, ...] = ()
    """One table ``[[waiver]]`` for each."""


def load_waivers(path: Path, longest: int, today: date) -> tuple[Waiver, ...]:
    """Read a waiver file (TOML, one ``[[waiver]]`` table per waiver).

    Args:
        path: The file.
        longest: Days that a waiver may still run (the policy's ``waiver_days``).
        today: The date of the audit.

    Raises:
        AuditError: If it is missing, is not TOML, an entry lacks check, owner, reason or expiry, or
            runs too long.
    """
    waivers = read_toml(path, _WaiverFile, "--audit-waivers:", _ADVICE).waiver
    last = today + timedelta(days=longest)
    for waiver in waivers:
        if waiver.expires > last:
            raise AuditError(
                f"--audit-waivers: {path}: the waiver of {waiver.check} by {waiver.owner} runs "
                f"until {waiver.expires}, but the policy allows {longest} days",
                f"let it expire on {last} or earlier, and decide again then",
            )
    return waivers


def today() -> date:
    """The date by which waivers expire (UTC)."""
    return datetime.now(UTC).date()


def waiver_states(waivers: Sequence[Waiver], findings: Iterable[Finding]) -> list[WaiverState]:
    """What became of each waiver: used, needless because it covered nothing, or expired.

    An expired waiver closes the gate: its owner has to decide again. A needless one does not: the
    model may have been corrected.
    """
    waived = [
        (f.check, f.model, f.dataset, f.target) for f in findings if f.verdict is Verdict.WAIVED
    ]
    now = today()
    return [
        WaiverState(
            **waiver.model_dump(mode="json"),
            state="expired"
            if waiver.expired(now)
            else "used"
            if any(waiver.covers(*which) for which in waived)
            else "needless",
        )
        for waiver in waivers
    ]


def expired_waivers(states: Iterable[WaiverState]) -> list[str]:
    """One sentence for each expired waiver."""
    return [
        f"the waiver of {state.check} by {state.owner} expired on {state.expires}"
        for state in states
        if state.state == "expired"
    ]

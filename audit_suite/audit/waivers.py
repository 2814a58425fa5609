"""Waivers: fails and inconclusive results that a named owner accepts until a date."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from audit_suite.toml_files import read_toml

_ADVICE = (
    "each [[waiver]] needs check, owner, reason and expires (YYYY-MM-DD), and may name model, "
    "dataset and target"
)


class Waiver(BaseModel):
    """One entry ``[[waiver]]``; an omitted key covers every model, data set or target."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    check: str
    model: str | None = None
    dataset: str | None = None
    target: str | None = None
    owner: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    expires: date

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


def load_waivers(path: Path) -> tuple[Waiver, ...]:
    """Read a waiver file (TOML, one ``[[waiver]]`` table per waiver).

    Raises:
        AuditError: If it is missing, is not TOML, or an entry lacks check, owner, reason or expiry.
    """
    return read_toml(path, _WaiverFile, "--audit-waivers:", _ADVICE).waiver


def needless(
    waivers: Iterable[Waiver], waived: Iterable[tuple[str, str, str, str]]
) -> list[Waiver]:
    """Waivers that covered nothing because they expired or the problem is gone: remove them.

    Args:
        waivers: All entries of the file.
        waived: Check, model, data set and target of each finding that was waived.
    """
    spent = list(waived)
    return [waiver for waiver in waivers if not any(waiver.covers(*which) for which in spent)]

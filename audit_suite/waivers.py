"""Waivers: fails and inconclusives that somebody has answered for, until a date."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from audit_suite.errors import AuditError


class Waiver(BaseModel):
    """One entry ``[[waiver]]``; a key left out covers every model, data set or target."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    check: str
    model: str | None = None
    dataset: str | None = None
    target: str | None = None
    owner: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    expires: date

    def covers(self, check: str, model: str, dataset: str, target: str) -> bool:
        """Whether this waiver is about the finding with that identity."""
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
    """Read a waiver file (TOML, a ``[[waiver]]`` table each).

    Raises:
        AuditError: If it is missing, no TOML, or an entry lacks check, owner, reason or expiry.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return _WaiverFile.model_validate(content).waiver
    except OSError as error:
        raise AuditError(
            f"--audit-waivers: {path} cannot be read: {error.strerror}", "check the path"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AuditError(f"--audit-waivers: {path} is not valid TOML: {error}", "mend it") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise AuditError(
            f"--audit-waivers: {path}: key '{key}': {first['msg']}",
            "each [[waiver]] needs check, owner, reason and expires (YYYY-MM-DD), and may name "
            "model, dataset and target",
        ) from None


def needless(
    waivers: Iterable[Waiver], waived: Iterable[tuple[str, str, str, str]]
) -> list[Waiver]:
    """Waivers that covered nothing: expired, or the problem is gone; they must be removed.

    Args:
        waivers: All entries of the file.
        waived: Check, model, data set and target of each finding that was waived.
    """
    spent = list(waived)
    return [waiver for waiver in waivers if not any(waiver.covers(*which) for which in spent)]

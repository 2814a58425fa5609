"""`signoff.json`: a reviewer's decision on one record, bound to its bytes by a hash."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from audit_suite.errors import AuditError
from audit_suite.files import write_whole

Decision = Literal["accepted", "accepted with conditions", "rejected"]
NAME = "signoff.json"


class SignOff(BaseModel):
    """A reviewer's decision on a record."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = Field(default=1, alias="schema")
    record: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the bytes of audit.json")
    name: Annotated[str, Field(min_length=1, max_length=200)]
    role: Annotated[str, Field(min_length=1, max_length=200)]
    decision: Decision
    remarks: str = ""
    date: date


def sign(record: Path, name: str, role: str, decision: str, remarks: str, on: date) -> Path:
    """Write a sign-off beside a record.

    Args:
        record: The ``audit.json``.
        name: The reviewer's name.
        role: The reviewer's role.
        decision: One of `Decision`.
        remarks: Conditions or reasons.
        on: The date.

    Returns:
        The file written.

    Raises:
        AuditError: If the decision is unknown, the name or role is empty, the record was signed
            before, or the file cannot be written.
    """
    if decision not in get_args(Decision):
        raise AuditError(
            f"--decision={decision}: there is no such decision",
            f"one of: {', '.join(get_args(Decision))}",
        )
    path, digest = record.with_name(NAME), record_digest(record)
    if path.exists() and _read(path).record == digest:
        raise AuditError(
            f"{path} already signs this record", "remove that file to sign the record again"
        )
    try:
        signed = SignOff.model_validate(
            {
                "record": digest,
                "name": name.strip(),
                "role": role.strip(),
                "decision": decision,
                "remarks": remarks.strip(),
                "date": on,
            }
        )
    except ValidationError as error:
        key = error.errors()[0]["loc"][0]
        raise AuditError(
            f"--{key} must have 1 to 200 characters", "name the reviewer and their role"
        ) from None
    try:
        write_whole(path, (signed.model_dump_json(by_alias=True, indent=1) + "\n").encode())
    except OSError as error:
        raise AuditError(
            f"{path} cannot be written: {error.strerror}",
            "copy the record to a folder that you may write to, and sign it there",
        ) from None
    return path


def sign_off_of(record: Path, path: Path | None = None) -> SignOff | None:
    """The sign-off of a record: the file ``path``, or else the one beside it; None without one.

    Raises:
        AuditError: If the file is not a sign-off, or signs another record.
    """
    chosen = path or record.with_name(NAME)
    if path is None and not chosen.exists():
        return None
    sign_off = _read(chosen)
    if sign_off.record != record_digest(record):
        raise AuditError(
            f"{chosen} signs a record other than {record}: the audit was run again, or the record "
            f"was changed after it was signed",
            "have the reviewer sign this record (audit-suite sign), or move that file away",
        )
    return sign_off


def record_digest(record: Path) -> str:
    """SHA-256 of a record's bytes.

    Raises:
        AuditError: If it does not exist.
    """
    try:
        return hashlib.sha256(record.read_bytes()).hexdigest()
    except OSError:
        raise AuditError(f"{record} does not exist", "give the path of an audit.json") from None


def _read(path: Path) -> SignOff:
    try:
        return SignOff.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        raise AuditError(
            f"{path} is not a sign-off file", "write one with `audit-suite sign`"
        ) from None

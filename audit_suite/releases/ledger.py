"""The ledger: a line for each audit, each chained to the one before by its hash."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from audit_suite.cards import canonical_digest
from audit_suite.errors import AuditError
from audit_suite.releases.patients import Patients

START = "0" * 64
_WAIT = 30  # seconds for another run that writes a line


class Judged(BaseModel):
    """A model or a data set in an entry.

    Attributes:
        name: As of its card.
        digest: Of all that decides what it gives.
        patients: Of a data set, where they could be counted.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    digest: str
    patients: Patients | None = None


class Line(BaseModel):
    """One audit.

    Attributes:
        number: Its line, from 1.
        time: When it ended (UTC, ISO 8601).
        models: What was judged.
        datasets: On which data.
        policy: Digest of the policy.
        margins: Digest of policy, margins and claims together (`releases.freeze`).
        looks: How many looks the policy declared; null in entries of before they were noted.
        decision: What came of it.
        record: Digest of the record.
        previous: Hash of the entry before.
        hash: Of all of this.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: int
    time: str
    models: tuple[Judged, ...]
    datasets: tuple[Judged, ...]
    policy: str
    margins: str
    looks: int | None = None
    decision: str
    record: str
    previous: str
    hash: str = ""

    def hashed(self) -> Line:
        """The same entry with its hash."""
        unknown = {"looks"} if self.looks is None else set()
        content = self.model_dump(mode="json", exclude={"hash", *unknown})
        return self.model_copy(update={"hash": canonical_digest(content)})


@dataclass(frozen=True)
class Ledger:
    """What a ledger holds.

    Attributes:
        path: The file.
        entries: Those that could be read, in order.
        problems: What is wrong with it, a sentence each; none if the chain is whole.
    """

    path: Path
    entries: Sequence[Line]
    problems: Sequence[str]

    @property
    def head(self) -> str:
        """The hash that the next entry continues."""
        return self.entries[-1].hash if self.entries else START


def read_ledger(path: Path) -> Ledger:
    """Read a ledger and check its chain; one that does not exist yet is empty.

    Raises:
        AuditError: If the file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    except FileNotFoundError:
        return Ledger(path, [], [])
    except OSError as error:
        raise AuditError(
            f"the ledger {path} cannot be read: {error.strerror}", "name a file that you may read"
        ) from None
    entries: list[Line] = []
    problems: list[str] = []
    lines_of: dict[str, int] = {START: 0}
    before = START
    for number, line in enumerate(lines, start=1):
        try:
            entry = Line.model_validate_json(line)
        except ValidationError:
            torn = number == len(lines) and not line.endswith("\n")
            problems.append(
                f"line {number} is {'incomplete' if torn else 'not an entry'}: "
                f"{'a run was stopped while it wrote' if torn else 'it was edited'}"
            )
            before = ""
            continue
        if entry.hashed().hash != entry.hash:
            problems.append(f"line {number} was edited: its hash is not that of its content")
        elif before and entry.previous != before:
            problems.append(_broken(number, lines_of.get(entry.previous)))
        entries.append(entry)
        lines_of[entry.hash] = number
        before = entry.hash
    return Ledger(path, entries, problems)


def _broken(number: int, continued: int | None) -> str:
    if continued is None and number == 1:
        return "its beginning was cut off: line 1 continues an entry that is not there"
    if continued is None:
        return f"lines were cut out before line {number}: it continues an entry that is not there"
    after = f"line {continued}" if continued else "the beginning"
    return f"it is forked: lines {continued + 1} and {number} both continue {after}"


def append(path: Path, entry: Line) -> Line:
    """Add an entry, as the only one who writes.

    Args:
        path: The ledger; it and its folder are made if needed.
        entry: What to add; its number, the entry before and its hash are filled in here.

    Returns:
        The entry as it was written.

    Raises:
        AuditError: If the chain is broken, or the file cannot be written.
    """
    with _alone(path):
        ledger = read_ledger(path)
        if ledger.problems:
            raise AuditError(
                f"the ledger {path} is broken: {ledger.problems[0]}",
                "find out what happened to it (`audit-suite ledger`), keep it, and start another",
            )
        whole = entry.model_copy(
            update={"number": len(ledger.entries) + 1, "previous": ledger.head}
        ).hashed()
        line = (whole.model_dump_json(exclude_none=True) + "\n").encode()
        with _writing(path):
            file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(file, line)
                os.fsync(file)
            finally:
                os.close(file)
    return whole


def refuse_unwritable(path: Path) -> None:
    """Find out, before an audit, whether a line can be added after it.

    Raises:
        AuditError: If not.
    """
    with _alone(path), _writing(path):
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644))


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f"{path.name}.lock"))
        try:
            lock.acquire(timeout=_WAIT)
        except Timeout:
            raise AuditError(
                f"the ledger {path} is held by another run for more than {_WAIT} seconds",
                "wait for it to end",
            ) from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AuditError(
            f"the ledger {path} cannot be written: {error.strerror or error}",
            "name a file that this user may write to",
        ) from None

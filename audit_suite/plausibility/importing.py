"""`audit-suite readers import`: check answers against the key; no reading is ever lost."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from audit_suite.errors import AuditError
from audit_suite.files import write_whole
from audit_suite.readings import Answers, Key, Reading, Readings, read_form


def import_answers(
    paths: Sequence[Path], key_path: Path, out: Path, *, replace: bool = False
) -> tuple[Readings, list[str]]:
    """Merge readers' answers into a readings file, all of them or none.

    The original files are kept in ``OUT.originals`` under their digest. Nothing is written before
    every file has been checked.

    Args:
        paths: Files that the pack's page exported.
        key_path: The study's key.
        out: The readings file; readings of other readers in it are kept.
        replace: Let a reader's new answers replace those imported before.

    Returns:
        The readings, and a summary, one line per reader.

    Raises:
        AuditError: If a file is not an export of this study, was changed, or would replace answers
            imported before.
    """
    key = read_form(key_path, Key, "key of a reader study")
    before = read_form(out, Readings, "readings file") if out.exists() else Readings(key=key)
    if before.key != key:
        raise AuditError(
            f"{out} holds readings of another study than {key_path}",
            "import them into a file of their own: --out PATH",
        )
    merged = {reading.reader: reading for reading in before.readings}
    originals: dict[str, bytes] = {}
    sources: dict[str, Path] = {}
    for path in paths:
        answers = read_form(path, Answers, "export of a reading pack")
        _check(answers, key, path)
        if answers.reader in sources:
            raise AuditError(
                f"{sources[answers.reader]} and {path} are both of reader '{answers.reader}'",
                "import only the later one: an export holds all answers of its pack",
            )
        sources[answers.reader] = path
        content = path.read_bytes()
        reading = Reading(
            reader=answers.reader,
            original=hashlib.sha256(content).hexdigest(),
            answers=tuple(sorted(answers.answers, key=lambda answer: answer.code)),
        )
        _check_replaced(merged.get(answers.reader), reading, path, replace)
        merged[answers.reader] = reading
        originals[f"{reading.reader}-{reading.original[:16]}.json"] = content
    readings = Readings(key=key, readings=tuple(merged[reader] for reader in sorted(merged)))
    _keep(originals, out.with_name(f"{out.name}.originals"))
    _write(out, (readings.model_dump_json(by_alias=True, indent=1) + "\n").encode())
    return readings, [_summary(reading, key) for reading in readings.readings]


def missing_items(reading: Reading, key: Key) -> list[str]:
    """Codes of the items that a reader has not answered."""
    return sorted(set(key.items) - {answer.code for answer in reading.answers})


def _check(answers: Answers, key: Key, path: Path) -> None:
    known = ", ".join(sorted(key.packs))
    if answers.reader not in key.packs:
        raise AuditError(
            f"{path}: reader '{answers.reader}' has no pack in this study", f"known: {known}"
        )
    if answers.pack != key.packs[answers.reader]:
        raise AuditError(
            f"{path} belongs to another pack than the one made for '{answers.reader}': the pack "
            f"was changed, or is from another study",
            "give the key that was written with the pack (--key)",
        )
    targets = {question.target for question in key.questions}
    for answer in answers.answers:
        item = key.items.get(answer.code)
        if item is None:
            raise AuditError(f"{path}: the pack has no item '{answer.code}'", "export it again")
        wanted = set() if answer.unreadable or item.method else targets
        lacks = item.method and not answer.unreadable and answer.plausibility is None
        if set(answer.found) != wanted or lacks or set(answer.contours) - targets:
            raise AuditError(
                f"{path}: the answer to item '{answer.code}' does not fit its questions",
                "export it again from the pack's page; do not edit the file",
            )


def _check_replaced(before: Reading | None, now: Reading, path: Path, replace: bool) -> None:
    """Accept further answers; changes of imported answers need `replace`."""
    if before is None or replace:
        return
    there = {answer.code: answer for answer in now.answers}
    if changed := [a.code for a in before.answers if there.get(a.code) != a]:
        raise AuditError(
            f"{path} differs from what was imported of reader '{now.reader}' in {len(changed)} "
            f"items, the first '{changed[0]}'",
            "use --replace if the new answers are meant to count; the originals are kept",
        )


def _keep(originals: dict[str, bytes], folder: Path) -> None:
    for name, content in originals.items():
        if not (folder / name).exists():
            _write(folder / name, content)


def _write(path: Path, content: bytes) -> None:
    try:
        write_whole(path, content)
    except OSError as error:
        raise AuditError(
            f"{path} cannot be written: {error.strerror}", "name another path"
        ) from None


def _summary(reading: Reading, key: Key) -> str:
    missing = len(missing_items(reading, key))
    unreadable = sum(answer.unreadable for answer in reading.answers)
    return (
        f"{reading.reader}: {len(reading.answers)} of {len(key.items)} items answered, "
        f"{unreadable} cannot be read" + (f", {missing} missing" if missing else "")
    )

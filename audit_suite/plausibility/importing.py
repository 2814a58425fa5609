"""`audit-suite readers import`: check answers against the key; no reading is ever lost."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from audit_suite.errors import AuditError
from audit_suite.files import write_whole
from audit_suite.plausibility.joining import merged_keys
from audit_suite.plausibility.washout import least_washout
from audit_suite.readings import Answers, Key, Reading, Readings, read_form


def import_answers(
    paths: Sequence[Path],
    key_paths: Sequence[Path],
    out: Path,
    *,
    replace: bool = False,
    short_washout: bool = False,
) -> tuple[Readings, list[str]]:
    """Merge readers' answers into a readings file, all of them or none.

    The original files are kept in ``OUT.originals`` under their digest. Nothing is written before
    every file has been checked. The readers of several packs become one study, named by pack.

    Args:
        paths: Files that the pack's page exported.
        key_paths: The key of each pack.
        out: The readings file; readings of other readers in it are kept.
        replace: Let a reader's new answers replace those imported before.
        short_washout: Take answers that came sooner than the wash-out days allow, and say so.

    Returns:
        The readings, and a summary, one line per reader.

    Raises:
        AuditError: If a file is not an export of these packs, was changed, came too soon, or would
            replace answers imported before; or if the packs do not belong together.
    """
    keys = {path: read_form(path, Key, "key of a reader study") for path in key_paths}
    key, names = merged_keys(keys)
    before = read_form(out, Readings, "readings file") if out.exists() else Readings(key=key)
    if before.key != key:
        raise AuditError(
            f"{out} holds readings of another study than {', '.join(map(str, key_paths))}",
            "name all packs of that study, or import them into a file of their own: --out PATH",
        )
    merged = {reading.reader: reading for reading in before.readings}
    originals: dict[str, bytes] = {}
    sources: dict[str, Path] = {}
    soon: dict[str, int] = {}
    for path in paths:
        answers = read_form(path, Answers, "export of a reading pack")
        of = _pack_of(answers, keys, path)
        _check(answers, keys[of], path)
        name = names[of, answers.reader]
        if name in sources:
            raise AuditError(
                f"{sources[name]} and {path} are both of reader '{name}'",
                "import only the later one: an export holds all answers of its pack",
            )
        sources[name] = path
        if (least := least_washout(answers, keys[of], path)) is not None:
            soon[name] = least
            if not short_washout:
                raise AuditError(
                    f"{path}: reader '{name}' saw an image again under another masking after "
                    f"{least} days, and the study's wash-out is {keys[of].washout_days}",
                    "have the later sitting read again, or take it as it is with --short-washout",
                )
        content = path.read_bytes()
        reading = Reading(
            reader=name,
            original=hashlib.sha256(content).hexdigest(),
            about=answers.about,
            answers=tuple(sorted(answers.answers, key=lambda answer: answer.code)),
        )
        _check_replaced(merged.get(name), reading, path, replace)
        merged[name] = reading
        originals[f"{reading.reader}-{reading.original[:16]}.json"] = content
    readings = Readings(key=key, readings=tuple(merged[reader] for reader in sorted(merged)))
    _keep(originals, out.with_name(f"{out.name}.originals"))
    _write(out, (readings.model_dump_json(by_alias=True, indent=1) + "\n").encode())
    return readings, [_summary(one, key, soon.get(one.reader)) for one in readings.readings]


def missing_items(reading: Reading, key: Key) -> list[str]:
    """Codes of the items that a reader has not answered."""
    return sorted(key.items_of(reading.reader) - {answer.code for answer in reading.answers})


def _pack_of(answers: Answers, keys: Mapping[Path, Key], path: Path) -> Path:
    """The key whose pack was read; of one key, that one, so that its message says more."""
    if len(keys) == 1:
        return next(iter(keys))
    for of, key in keys.items():
        if key.packs.get(answers.reader) == answers.pack:
            return of
    raise AuditError(
        f"{path} belongs to none of the packs {', '.join(map(str, keys))}",
        "name the pack that was read, by --pack or --key",
    )


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


def _summary(reading: Reading, key: Key, soon: int | None) -> str:
    missing = len(missing_items(reading, key))
    unreadable = sum(answer.unreadable for answer in reading.answers)
    said = [
        f"{reading.reader}: {len(reading.answers)} of {len(key.items_of(reading.reader))} items "
        f"answered",
        f"{unreadable} cannot be read",
    ]
    if missing:
        said.append(f"{missing} missing")
    if reading.about is None:
        said.append("without name, role and years")
    if soon is not None:
        said.append(f"wash-out of {soon} instead of {key.washout_days} days")
    return ", ".join(said)

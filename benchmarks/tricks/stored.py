"""The store of evidence and the record: exchanged, damaged, edited."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tricks.world import Attempt, Call

KIND = "store and record"


def attempts() -> Iterator[Attempt]:
    """All of them."""
    for name, change in _STORES.items():
        yield Attempt(KIND, f"store: {name}", _stored(change))
    for name, edit in _EDITS.items():
        yield Attempt(KIND, f"record: {name}", _edited(edit, digest=False))
        yield Attempt(KIND, f"record, with a new digest: {name}", _edited(edit, digest=True))


def _files(folder: Path) -> list[Path]:
    return sorted(f for f in (folder / "evidence").rglob("*") if f.suffix == ".safetensors")


def _truncate(folder: Path) -> None:
    for file in _files(folder):
        file.write_bytes(file.read_bytes()[:-9])


def _flip(folder: Path) -> None:
    for file in _files(folder):
        content = bytearray(file.read_bytes())
        content[-5] ^= 255
        file.write_bytes(bytes(content))


def _rotate(folder: Path) -> None:
    files = _files(folder)
    contents = [file.read_bytes() for file in files]
    for file, content in zip(files, contents[1:] + contents[:1], strict=True):
        file.write_bytes(content)


def _one_for_all(folder: Path) -> None:
    files = _files(folder)
    for file in files:
        file.write_bytes(files[0].read_bytes())


def _empty(folder: Path) -> None:
    for file in _files(folder):
        file.write_bytes(b"")


_STORES: dict[str, Callable[[Path], None]] = {
    "truncated files": _truncate,
    "flipped bytes": _flip,
    "files under each other's keys": _rotate,
    "one file under every key": _one_for_all,
    "empty files": _empty,
}


def _stored(change: Callable[[Path], None]):
    def prepare(_folder: Path) -> Call:
        both = Call(
            ("--audit-model=honest.toml",), own_evidence=True, model="shortcut", afterwards=change
        )
        return Call(own_evidence=True, before=(both,))

    return prepare


def _decision(record: dict[str, Any]) -> None:
    record["decision"], record["decision_reason"] = "open", "2 required checks passed"


def _verdicts(record: dict[str, Any]) -> None:
    for finding in record["findings"]:
        if finding["verdict"] in ("fail", "inconclusive", "not_applicable"):
            finding["verdict"] = "pass"
    record["counts"] = dict.fromkeys(record["counts"], 0) | {"pass": len(record["findings"])}
    _decision(record)


def _everything_passes(record: dict[str, Any]) -> None:
    _verdicts(record)
    for finding in record["findings"]:
        for comparison in finding["comparisons"]:
            comparison["verdict"] = comparison["alone"] = "pass"


def _margins(record: dict[str, Any]) -> None:
    _everything_passes(record)
    for finding in record["findings"]:
        for comparison in finding["comparisons"]:
            comparison["margin"] = 0.99


def _drop(record: dict[str, Any]) -> None:
    record["findings"] = [f for f in record["findings"] if f["verdict"] != "fail"]
    record["counts"]["fail"] = 0
    _decision(record)


def _policy(record: dict[str, Any]) -> None:
    _drop(record)
    record["policy"]["required"] = [r for r in record["policy"]["required"] if r["check"] == "R1"]


def _whole_policy(record: dict[str, Any]) -> None:
    _policy(record)
    record["policy"]["content"]["targets"][0]["required"] = ["R1"]


def _waive(record: dict[str, Any]) -> None:
    for finding in record["findings"]:
        if finding["verdict"] == "fail":
            finding["verdict"] = "waived"
    _decision(record)


_EDITS: dict[str, Callable[[dict[str, Any]], None]] = {
    "the decision": _decision,
    "the verdicts": _verdicts,
    "the verdicts of comparisons": _everything_passes,
    "the margins": _margins,
    "the fails are dropped": _drop,
    "the requirements are dropped": _policy,
    "the policy is another": _whole_policy,
    "the fails are waived": _waive,
}


def _edited(edit: Callable[[dict[str, Any]], None], digest: bool):
    def forge(folder: Path) -> None:
        path = folder / "audit.json"
        record = json.loads(path.read_text(encoding="utf-8"))
        edit(record)
        if digest:
            covered = {k: v for k, v in record.items() if k not in ("digest", "environment")}
            text = json.dumps(covered, sort_keys=True, separators=(",", ":"))
            record["digest"] = hashlib.sha256(text.encode()).hexdigest()
        path.write_text(json.dumps(record), encoding="utf-8")

    return lambda _folder: Call(afterwards=forge)

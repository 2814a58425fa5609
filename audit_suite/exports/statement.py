"""An in-toto test-result statement: the models tested, on what, by which rules, and the result.

Its format: https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit_suite.errors import AuditError
from audit_suite.record import Finding, Record
from audit_suite.verdict import Verdict

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
PAYLOAD = "application/vnd.in-toto+json"
_BUNDLE = "application/vnd.dev.sigstore.bundle"

_DECIDES_SCORES = "everything that decides the model's scores, as audit-suite computes it"
_DECIDES_DATA = "everything that decides images, labels and regions, as audit-suite computes it"


def make_statement(record: Record, content: bytes) -> dict[str, Any]:
    """The statement on a record.

    The subjects are the models. Data sets, the policy and the record's file are the configuration
    of the test. ``result`` is the decision: PASSED if it is open, WARNED if it is open by a waiver,
    else FAILED, so that an audit that is undecided or not a full one can never be taken for a pass.

    Args:
        record: The record.
        content: The bytes of its file.

    Raises:
        AuditError: If the record holds no model: there is nothing to speak of.
    """
    if not record.provenance.models:
        raise AuditError(
            "the record holds no model, so there is nothing to make a statement on",
            "correct what the audit says of the model, and repeat it",
        )
    models = [
        _described(f"model/{model.name}", model.digest, _DECIDES_SCORES)
        for model in record.provenance.models
    ]
    configuration = [
        *(
            _described(f"dataset/{data.name}", data.digest, _DECIDES_DATA)
            for data in record.provenance.datasets
        ),
        _described(f"policy/{record.policy.name}", record.policy.digest, "the policy's content"),
        _described("audit.json", hashlib.sha256(content).hexdigest(), "the record's file"),
    ]
    sorted_out = [(id, _list_of(f)) for f in record.findings for id in (f.id, *f.also)]
    missing = [
        f"{each.check}/{each.model}/{each.dataset}/{each.target} (missing)"
        for each in record.policy.missing
    ]
    return {
        "_type": STATEMENT,
        "subject": models,
        "predicateType": PREDICATE,
        "predicate": {
            "result": _result(record),
            "configuration": configuration,
            "passedTests": [id for id, where in sorted_out if where == "passed"],
            "warnedTests": [id for id, where in sorted_out if where == "warned"],
            "failedTests": [*(id for id, where in sorted_out if where == "failed"), *missing],
        },
    }


def _described(name: str, digest: str, of: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": digest}, "annotations": {"digestOf": of}}


def _result(record: Record) -> str:
    if record.decision != "open":
        return "FAILED"
    return "WARNED" if record.counts.get(Verdict.WAIVED) else "PASSED"


def _list_of(finding: Finding) -> str:
    """Which list a finding stands in; a check that never decides can only warn."""
    if finding.verdict is Verdict.NOT_APPLICABLE:
        return ""
    if finding.verdict is Verdict.PASS:
        return "passed"
    never_decides = finding.role == "context" and finding.verdict is not Verdict.ERROR
    return "warned" if finding.verdict is Verdict.WAIVED or never_decides else "failed"


def as_text(statement: dict[str, Any]) -> str:
    """A statement as it is written, and signed."""
    return json.dumps(statement, indent=1, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class Stated:
    """A statement as a file holds it.

    Attributes:
        content: The statement.
        bundle: The whole file where a Sigstore bundle holds the statement; else empty.
    """

    content: dict[str, Any]
    bundle: str = ""


def read_statement(path: Path) -> Stated:
    """Read a statement, or the one inside a Sigstore bundle.

    Raises:
        AuditError: If the file is missing or holds neither.
    """
    advice = "make it with `audit-suite attest`"
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text, object_pairs_hook=_once)
    except FileNotFoundError:
        raise AuditError(f"the statement {path} does not exist", advice) from None
    except (OSError, ValueError) as error:
        raise AuditError(f"the statement {path} is not readable JSON: {error}", advice) from None
    kind = content.get("mediaType") if isinstance(content, dict) else None
    if not str(kind).startswith(_BUNDLE):
        if not isinstance(content, dict):
            raise AuditError(f"{path} is not an in-toto statement", advice)
        return Stated(content)
    try:
        payload = base64.b64decode(content["dsseEnvelope"]["payload"], validate=True)
        stated = json.loads(payload, object_pairs_hook=_once)
    except (KeyError, TypeError, ValueError, binascii.Error):
        stated = None
    if not isinstance(stated, dict):
        raise AuditError(f"{path} is a Sigstore bundle without an in-toto statement", advice)
    return Stated(stated, text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A table that names no key twice: another reader could take the other value."""
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a key is there twice")
    return table


def differences(statement: dict[str, Any], record: Record, content: bytes) -> Iterator[str]:
    """What a statement says that its record does not, a sentence each; nothing if they agree.

    Args:
        statement: The statement.
        record: The record.
        content: The bytes of the record's file.
    """
    expected = make_statement(record, content)
    for key, what in (("_type", "type"), ("predicateType", "predicate type")):
        if statement.get(key) != expected[key]:
            yield f"its {what} is {statement.get(key)!r}, not {expected[key]}"
            return
    yield from _resources("subject", statement.get("subject"), expected["subject"])
    predicate, wanted = statement.get("predicate"), expected["predicate"]
    if not isinstance(predicate, dict):
        yield "it has no predicate"
        return
    if predicate.get("result") != wanted["result"]:
        yield (
            f"its result is {predicate.get('result')!r}, but the decision {record.decision} gives "
            f"{wanted['result']}"
        )
    yield from _resources("configuration", predicate.get("configuration"), wanted["configuration"])
    for key in ("passedTests", "warnedTests", "failedTests"):
        if predicate.get(key) != wanted[key]:
            yield f"its {key} are not those of the record"
    if unknown := (set(predicate) - set(wanted)) | (set(statement) - set(expected)):
        yield f"it says more than the record: {', '.join(sorted(map(ascii, unknown)))}"


def _resources(key: str, stated: Any, expected: list[dict[str, Any]]) -> Iterator[str]:
    """What is wrong with a list of named digests."""
    if stated == expected:
        return
    listed = [each for each in stated if isinstance(each, dict)] if isinstance(stated, list) else []
    named = {str(each.get("name")): each for each in listed}
    for each in expected:
        name, digest = each["name"], each["digest"]
        if name not in named:
            yield f"its {key} does not name {name}"
        elif named[name].get("digest") != digest:
            yield f"its digest of {name} is not that of the record, {digest['sha256']}"
    if extra := set(named) - {each["name"] for each in expected}:
        yield f"its {key} names what the record does not: {', '.join(sorted(map(ascii, extra)))}"
    elif all(named.get(e["name"], {}).get("digest") == e["digest"] for e in expected):
        yield f"its {key} is not written as `audit-suite attest` writes it"

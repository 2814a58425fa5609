"""The in-toto statement on a record: what it says, and that an altered one is refused."""

from __future__ import annotations

import base64
import copy
import hashlib
import itertools
import json
import sys

import pytest
from exports.records import opened, passing, sound
from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st
from in_toto_attestation.predicates.test_result.v0.test_result_pb2 import TestResult as Result
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as Message
from report.example import example, finding
from typer.testing import CliRunner

from audit_suite.cli import app
from audit_suite.errors import AuditError
from audit_suite.exports import signing
from audit_suite.exports.statement import (
    PAYLOAD,
    as_text,
    differences,
    make_statement,
    read_statement,
)
from audit_suite.record import WaiverRecord

RECORD = example()
CONTENT = RECORD.to_json().encode()
MADE = make_statement(RECORD, CONTENT)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a record and its statement."""
    (tmp_path / "audit.json").write_bytes(CONTENT)
    monkeypatch.chdir(tmp_path)
    run("attest", "audit.json", "--out", "statement.json")
    return tmp_path


def run(*arguments, code=0):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def result(record):
    return make_statement(record, b"")["predicate"]["result"]


def test_it_is_a_statement_by_the_package_of_in_toto():
    message = ParseDict(MADE, Message())
    Statement.copy_from_pb(message).validate()
    assert message.predicate_type == "https://in-toto.io/attestation/test-result/v0.1"
    predicate = ParseDict(MADE["predicate"], Result())
    assert predicate.result == "FAILED"
    assert [(s.name, dict(s.digest)) for s in message.subject] == [
        ("model/lung-net", {"sha256": "5f" * 32})
    ]
    assert {c.name: c.digest["sha256"] for c in predicate.configuration} == {
        "dataset/site-b": "a7" * 32,
        "policy/default": RECORD.policy.digest,
        "audit.json": hashlib.sha256(CONTENT).hexdigest(),
    }


def test_every_finding_stands_in_one_list_and_what_is_missing_failed():
    lists = [MADE["predicate"][f"{kind}Tests"] for kind in ("passed", "warned", "failed")]
    ids = [finding.id for finding in RECORD.findings if finding.verdict != "not_applicable"]
    missing = [f"{m.check}/lung-net/site-b/effusion (missing)" for m in RECORD.policy.missing]
    assert sorted(itertools.chain(*lists)) == sorted([*ids, *missing])
    assert [id.partition("/")[0] for id in lists[0]] == ["R1"]
    assert [id.partition("/")[0] for id in lists[1]] == ["R4"]


def test_only_an_open_gate_passes_and_a_waiver_warns():
    assert result(opened()) == "PASSED"
    waiver = WaiverRecord(owner="Dr Example", reason="pending", expires="2030-01-01")
    assert result(opened(finding("R4", "waived", [], waiver=waiver))) == "WARNED"
    for verdict in ("fail", "error", "inconclusive", "none"):
        gate = sound([*passing()[1:], finding("R1", verdict, [])])
        assert gate.decision in ("closed", "undecided", "partial")
        assert result(gate) == "FAILED"


def test_checks_that_ended_in_the_same_error_are_listed_too():
    others = ["R2/lung-net/site-b/effusion", "R3/lung-net/site-b/effusion"]
    record = sound([finding("R1", "error", [], also=others)])
    failed = make_statement(record, b"")["predicate"]["failedTests"]
    assert failed[:3] == ["R1/lung-net/site-b/effusion", *others]


def test_a_check_that_never_decides_warns():
    record = opened(finding("M1", "fail", []))
    predicate = make_statement(record, b"")["predicate"]
    assert predicate["result"] == "PASSED"
    assert predicate["failedTests"] == []
    assert predicate["warnedTests"] == ["M1/lung-net/site-b/effusion"]


def test_it_is_verified_offline(here):
    assert run("verify", "audit.json", "--statement", "statement.json").splitlines()[1] == (
        "verified: statement.json: it says what the record says, which nobody signed"
    )
    assert json.loads((here / "statement.json").read_text()) == MADE


ALTERED = {
    "result": (
        ("predicate", "result"),
        "PASSED",
        "its result is 'PASSED', but the decision closed",
    ),
    "failed": (("predicate", "failedTests"), [], "its failedTests are not those of the record"),
    "passed": (("predicate", "passedTests"), ["R2"], "its passedTests are not those"),
    "model": (
        ("subject", 0, "digest"),
        {"sha256": "0" * 64},
        "its digest of model/lung-net is not",
    ),
    "name": (("subject", 0, "name"), "model/other", "its subject does not name model/lung-net"),
    "policy": (("predicate", "configuration", 1, "digest"), {}, "its digest of policy/default is"),
    "data": (("predicate", "configuration"), [], "its configuration does not name dataset/site-b"),
    "of": (("subject", 0, "annotations"), {}, "its subject is not written as `audit-suite attest`"),
    "type": (("predicateType",), "https://slsa.dev/provenance/v1", "its predicate type is"),
    "statement": (("_type",), None, "its type is None, not https://in-toto.io/Statement/v1"),
    "none": (("predicate",), None, "it has no predicate"),
    "url": (("predicate", "url"), "https://x", "it says more than the record: 'url'"),
}


@pytest.mark.parametrize(("at", "value", "said"), ALTERED.values(), ids=ALTERED)
def test_an_altered_statement_is_refused_with_a_sentence(at, value, said):
    altered = copy.deepcopy(MADE)
    inside = altered
    for key in at[:-1]:
        inside = inside[key]
    inside[at[-1]] = value
    assert any(problem.startswith(said) for problem in differences(altered, RECORD, CONTENT))


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    key=st.sampled_from(["subject", "predicate", "_type", "configuration", "result"]), value=junk
)
def test_no_junk_is_a_statement(key, value):
    altered = copy.deepcopy(MADE)
    inside = altered["predicate"] if key in ("configuration", "result") else altered
    inside[key] = value
    assert list(differences(altered, RECORD, CONTENT))


def test_the_command_names_file_and_fault(here, capfd):
    text = (here / "statement.json").read_text()
    (here / "statement.json").write_text(text.replace("FAILED", "PASSED"))
    assert "the statement statement.json: its result is 'PASSED'" in run(
        "verify", "audit.json", "--statement", "statement.json", code=1
    )
    # A statement on this very file, so that even what the digest leaves out cannot change.
    other = example().model_copy(update={"environment": {"seconds": 1}})
    (here / "audit.json").write_text(other.to_json())
    (here / "statement.json").write_text(text)
    assert "its digest of audit.json is not that of the record" in run(
        "verify", "audit.json", "--statement", "statement.json", code=1
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "does not exist"),
        ("{", "is not readable JSON"),
        ("[]", "is not an in-toto statement"),
        ('{"predicate": 1, "predicate": 2}', "a key is there twice"),
        (
            '{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"}',
            "a Sigstore bundle without",
        ),
    ],
)
def test_a_file_that_is_no_statement_is_named(tmp_path, text, said):
    path = tmp_path / "statement.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(AuditError, match=said) as raised:
        read_statement(path)
    assert "statement.json" in raised.value.what
    assert "audit-suite attest" in raised.value.remedy


def test_without_a_model_there_is_nothing_to_state():
    record = example()
    record.provenance.models.clear()
    with pytest.raises(AuditError, match="the record holds no model"):
        make_statement(record, b"")


def bundled(statement) -> str:
    """A bundle as far as it is read without Sigstore."""
    envelope = {
        "payload": base64.b64encode(as_text(statement).encode()).decode(),
        "payloadType": PAYLOAD,
        "signatures": [{"sig": ""}],
    }
    media = "application/vnd.dev.sigstore.bundle.v0.3+json"
    return json.dumps({"mediaType": media, "dsseEnvelope": envelope})


def test_who_signed_must_be_said_and_a_bundle_nobody_signed_is_refused(here):
    (here / "statement.sigstore.json").write_text(bundled(MADE))
    verify = ("verify", "audit.json", "--statement")
    assert "--signer must say by whom" in run(*verify, "statement.sigstore.json", code=1)
    signer = ("--signer", "release@hospital.example")
    assert "it is not signed, so it is not release@hospital.example who says it" in run(
        *verify, "statement.json", *signer, code=1
    )
    assert "its signature is not valid for release@hospital.example" in run(
        *verify, "statement.sigstore.json", *signer, code=1
    )
    with pytest.raises(AuditError, match="--signer is said, but no statement"):
        CliRunner().invoke(app, ["verify", "audit.json", *signer], catch_exceptions=False)


@pytest.mark.parametrize(("kind", "said"), [(PAYLOAD, ""), ("text/plain", "what was signed is")])
def test_a_signature_is_checked_offline_for_the_one_who_must_have_signed(monkeypatch, kind, said):
    asked = []

    class Verifier:
        def verify_dsse(self, bundle, policy):
            asked.append((bundle, policy._identity, policy._issuer._value))
            return kind, b""

    def production(*, offline):
        assert offline
        return Verifier()

    monkeypatch.setattr("sigstore.verify.Verifier.production", production)
    monkeypatch.setattr("sigstore.models.Bundle.from_json", lambda text: text)
    why = signing.refusal("a bundle", "https://github.com/hospital/model", "https://issuer.example")
    assert why.startswith(said)
    assert bool(why) == bool(said)
    assert asked == [("a bundle", "https://github.com/hospital/model", "https://issuer.example")]


def signing_fails(monkeypatch, error):
    from sigstore.models import ClientTrustConfig

    def raises(*_, **__):
        raise error

    monkeypatch.setattr(ClientTrustConfig, "production", raises)


def test_signing_without_a_network_says_so_and_leaves_the_statement(here, monkeypatch):
    from sigstore.errors import TUFError

    for error in (TUFError("Failed to refresh TUF metadata"), ConnectionError("no route")):
        signing_fails(monkeypatch, error)
        done = CliRunner().invoke(app, ["attest", "audit.json", "--out", "new.json", "--sign"])
        assert f"Sigstore could not sign: {error.args[0]}" in str(done.exception)
        assert "signing needs a network" in str(done.exception)
        assert (here / "new.json").read_text() == (here / "statement.json").read_text()
        assert not (here / "new.sigstore.json").exists()


def test_a_fault_of_our_own_is_not_called_a_network(monkeypatch):
    signing_fails(monkeypatch, KeyError("ours"))
    with pytest.raises(KeyError):
        signing.sign(b"{}")


def test_nobody_signs_without_an_identity(monkeypatch):
    signing_fails(monkeypatch, AuditError("x"))
    monkeypatch.setattr("sigstore.models.ClientTrustConfig.production", lambda: None)
    monkeypatch.setattr("sigstore.oidc.detect_credential", lambda: None)
    with pytest.raises(AuditError, match="nobody to sign as") as raised:
        signing.sign(b"{}")
    assert "id-token: write" in raised.value.remedy


def test_without_sigstore_the_extra_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "sigstore"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sigstore", None)
    for attempt in (lambda: signing.sign(b"{}"), lambda: signing.refusal("{}", "a", "b")):
        with pytest.raises(AuditError) as raised:
            attempt()
        assert raised.value.remedy == 'pip install "audit-suite[sigstore]"'


def test_sigstore_takes_the_statement_as_it_is():
    from sigstore.dsse import Statement as Signed

    assert Signed(as_text(MADE).encode())._contents == as_text(MADE).encode()

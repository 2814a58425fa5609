"""Verdicts, the gate, waivers and the record."""

from __future__ import annotations

import itertools
import json
from datetime import date
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.audit.gate import count_verdicts, decide
from audit_suite.audit.waivers import Waiver, load_waivers, needless
from audit_suite.errors import AuditError
from audit_suite.record import Finding, Record, load_record
from audit_suite.verdict import Verdict, worst

REPORTS = Path(__file__).parents[2] / "reports"
ORDER = ["none", "pass", "inconclusive", "fail", "error"]

ordered = st.lists(st.sampled_from([Verdict(name) for name in ORDER]))


def finding(verdict, number=0):
    return Finding(
        check="R2",
        id=f"R2/m/d/t/{number}",
        title="t",
        model="m",
        dataset="d",
        target="t",
        case=str(number),
        verdict=verdict,
        question="?",
        claim="",
        estimate=None,
        margin=None,
        margin_source=None,
        comparisons=[],
        observations=[],
        reason="",
        would_pass="",
        command="",
    )


def test_the_order_of_verdicts():
    for better, worse in itertools.pairwise(ORDER):
        assert worst([Verdict(worse), Verdict(better)]) == worse
    assert worst([]) is Verdict.NONE


@given(ordered, ordered)
def test_a_verdict_only_gets_worse(a, b):
    assert worst([worst(a), worst(b)]) is worst(a + b)
    assert ORDER.index(worst(a + b)) >= ORDER.index(worst(a))


@pytest.mark.parametrize("outside", [Verdict.WAIVED, Verdict.NOT_APPLICABLE])
def test_what_stands_outside_the_order_cannot_be_merged(outside):
    with pytest.raises(ValueError, match="not in tuple"):
        worst([Verdict.PASS, outside])


@pytest.mark.parametrize(
    ("verdicts", "decision", "code"),
    [
        (["pass"], "open", 0),
        (["pass", "not_applicable", "waived"], "open", 0),
        (["waived"], "open", 0),
        (["pass", "fail", "none", "inconclusive"], "closed", 1),
        (["error", "none"], "closed", 1),
        (["pass", "none", "inconclusive"], "partial", 11),
        (["pass", "inconclusive"], "closed", 10),
        (["not_applicable"], "partial", 11),
        ([], "partial", 11),
    ],
)
def test_the_gate(verdicts, decision, code):
    gate = decide([finding(Verdict(v), i) for i, v in enumerate(verdicts)])
    assert (gate.decision, gate.exit_code) == (decision, code)


@given(st.lists(st.sampled_from(list(Verdict)), max_size=8), st.sampled_from(["block", "warn"]))
def test_the_gate_never_opens_on_anything_bad(verdicts, policy):
    gate = decide([finding(v, i) for i, v in enumerate(verdicts)], policy)
    if gate.exit_code == 0:
        assert not {Verdict.FAIL, Verdict.ERROR, Verdict.NONE} & set(verdicts)
        assert {Verdict.PASS, Verdict.WAIVED, Verdict.INCONCLUSIVE} & set(verdicts)
        assert policy == "warn" or Verdict.INCONCLUSIVE not in verdicts
    assert (gate.decision == "open") == (gate.exit_code == 0)


def test_warnings_may_pass_an_inconclusive():
    assert decide([finding(Verdict.INCONCLUSIVE)], "warn").exit_code == 0


def test_counts_name_every_verdict():
    assert count_verdicts([finding(Verdict.PASS)]) == {v: int(v is Verdict.PASS) for v in Verdict}


def waiver(**more):
    entry = {"check": "R2", "owner": "o", "reason": "r", "expires": date(2030, 1, 2)}
    return Waiver(**(entry | more))


def test_waivers_cover_by_identity_and_until_their_day():
    assert waiver().covers("R2", "m", "d", "t")
    assert not waiver().covers("R3", "m", "d", "t")
    assert not waiver(model="n").covers("R2", "m", "d", "t")
    assert waiver(target="t").covers("R2", "m", "d", "t")
    assert not waiver().expired(date(2030, 1, 2))
    assert waiver().expired(date(2030, 1, 3))
    assert needless([waiver(), waiver(model="n")], [("R2", "m", "d", "t")]) == [waiver(model="n")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[waiver]]\ncheck = "R2"\nowner = "o"\nreason = "r"', "waiver.0.expires"),
        (
            '[[waiver]]\ncheck = "R2"\nowner = ""\nreason = "r"\nexpires = 2030-01-01',
            "waiver.0.owner",
        ),
        ('[[waivers]]\ncheck = "R2"', "waivers"),
        ("[[waiver", "not valid TOML"),
    ],
)
def test_bad_waiver_files(tmp_path, text, said):
    (tmp_path / "w.toml").write_text(text)
    with pytest.raises(AuditError, match="--audit-waivers") as caught:
        load_waivers(tmp_path / "w.toml")
    assert said in str(caught.value)


def test_missing_waiver_file(tmp_path):
    with pytest.raises(AuditError, match=r"--audit-waivers: .*does not exist"):
        load_waivers(tmp_path / "none.toml")


def test_the_published_schema_is_the_records_own():
    published = json.loads((REPORTS / "schema" / "audit-1.0.schema.json").read_text())
    assert published == Record.model_json_schema(), "refresh it with `make schema`"


@pytest.mark.parametrize(
    "path", sorted((REPORTS / "examples").glob("*.json")), ids=lambda p: p.stem
)
def test_examples_follow_the_schema_and_round_trip(path):
    schema = json.loads((REPORTS / "schema" / "audit-1.0.schema.json").read_text())
    jsonschema.validate(json.loads(path.read_text()), schema)
    assert load_record(path).to_json() == path.read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "schema_version None"),
        ('{"schema_version": "9.9"}', "schema_version '9.9'"),
        ('{"schema_version": "1.0"}', "key 'decision'"),
        ("[1]", "schema_version None"),
        ("{", "not readable JSON"),
    ],
)
def test_what_is_no_record(tmp_path, text, said):
    (tmp_path / "audit.json").write_text(text)
    with pytest.raises(AuditError, match=said):
        load_record(tmp_path / "audit.json")


def test_a_missing_record(tmp_path):
    with pytest.raises(AuditError, match="does not exist"):
        load_record(tmp_path / "audit.json")

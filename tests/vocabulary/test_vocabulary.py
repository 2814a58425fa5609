"""Verdicts, the gate, waivers and the record."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.errors import AuditError
from audit_suite.record import Record, load_record
from audit_suite.verdict import Verdict, worst

REPORTS = Path(__file__).parents[2] / "reports"
ORDER = ["none", "pass", "inconclusive", "fail", "error"]

ordered = st.lists(st.sampled_from([Verdict(name) for name in ORDER]))


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


def test_the_published_schema_is_the_records_own():
    published = json.loads((REPORTS / "schema" / "audit-1.2.schema.json").read_text())
    assert published == Record.model_json_schema(), "refresh it with `make schema`"


@pytest.mark.parametrize(
    "path", sorted((REPORTS / "examples").glob("*.json")), ids=lambda p: p.stem
)
def test_examples_follow_the_schema_and_round_trip(path):
    schema = json.loads((REPORTS / "schema" / "audit-1.2.schema.json").read_text())
    jsonschema.validate(json.loads(path.read_text()), schema)
    assert load_record(path).to_json() == path.read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "schema_version None"),
        ('{"schema_version": "9.9"}', "schema_version '9.9'"),
        ('{"schema_version": "1.2"}', "key 'decision'"),
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

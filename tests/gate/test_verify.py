"""A record that was altered is found out, with its digest left alone or made anew."""

from __future__ import annotations

import json
import math
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report.example import estimate, example
from typer.testing import CliRunner

from audit_suite.audit.policy import load_policy
from audit_suite.audit.verify import contradictions, load_verified
from audit_suite.cli import app
from audit_suite.errors import AuditError
from audit_suite.record import Record
from audit_suite.statistics import DecisionRule, Margin, judge_again
from audit_suite.statistics.decision import judge_below, judge_distance
from audit_suite.statistics.scale import Scale

GENUINE = json.loads(example().to_json())


def leaves(content, path=()):
    """The path of every number, text and truth value that ``environment`` does not hold."""
    if isinstance(content, dict):
        for key, value in content.items():
            if (*path, key) not in {("environment",), ("schema_version",), ("digest",)}:
                yield from leaves(value, (*path, key))
    elif isinstance(content, list):
        for position, value in enumerate(content):
            yield from leaves(value, (*path, position))
    elif content is not None:
        yield path


def changed(path, value):
    content = deepcopy(GENUINE)
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value(place[path[-1]]) if callable(value) else value
    return content


def redone(content):
    """The record with a digest that fits it: the attacker's best."""
    record = Record.model_validate(content)
    record.digest = record.content_digest()
    return record


def test_a_genuine_record_has_no_contradiction():
    assert list(contradictions(Record.model_validate(GENUINE))) == []


@given(st.sampled_from(list(leaves(GENUINE))))
def test_the_digest_covers_everything_but_the_environment(path):
    def other(value):
        if isinstance(value, bool):
            return not value
        return value + 1 if isinstance(value, int | float) else value + "x"

    try:
        record = Record.model_validate(changed(path, other))
    except ValueError:
        return  # the schema refuses it
    assert list(contradictions(record))


def test_the_environment_is_free():
    assert not list(contradictions(Record.model_validate(changed(("environment", "python"), "4"))))


R1, R2, R3, R6 = 0, 1, 2, 5


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("decision",), "open", "its decision is open, but its findings say closed"),
        (("decision_reason",), "all is well", "reason of its decision"),
        (("counts", "fail"), 0, "counts"),
        (("findings", R2, "verdict"), "pass", "R2/lung-net/site-b/effusion is pass, but"),
        (("findings", R2, "verdict"), "not_applicable", "said not to apply"),
        (("findings", R2, "verdict"), "waived", "waived by nobody"),
        (("findings", R6, "verdict"), "pass", "passed without a comparison"),
        (("findings", R2, "comparisons", 0, "verdict"), "pass", "joint verdict"),
        (("findings", R2, "comparisons", 0, "alone"), "pass", "numbers give fail"),
        (("findings", R2, "comparisons", 0, "margin"), 0.4, "does not follow"),
        (("findings", R2, "comparisons", 0, "centre"), 0.7, "does not follow"),
        (("findings", R2, "comparisons", 0, "p_raw"), 0.9, "does not follow"),
        (("findings", R2, "comparisons", 0, "fail_level"), 1e-9, "does not follow"),
        (("findings", R2, "comparisons", 0, "basis", "alpha"), 1e-9, "judged at the level"),
        (("findings", R2, "comparisons", 0, "basis", "se"), 9.0, "does not follow"),
        (("findings", R2, "comparisons", 0, "basis", "df"), 1.0, "does not follow"),
        (("findings", R2, "comparisons", 0, "basis", "cases"), 999, "does not follow"),
        (("findings", R2, "comparisons", 0, "estimate", "value"), 0.5, "does not follow"),
        (("findings", R1, "comparisons", 0, "estimate", "low"), 0.1, "does not follow"),
        (("findings", R1, "comparisons", 0, "basis", "fewest"), 3, "numbers give inconclusive"),
        (("findings", R1, "comparisons", 0, "pass_low"), 0.1, "does not follow"),
        (("findings", R1, "role"), "guard", "another role"),
        (("policy", "required"), [], "required checks are not those of its policy"),
        (("policy", "missing"), [], "missing checks it lists"),
        (("policy", "content", "confidence"), 0.6, "digest of its policy"),
        (("policy", "content", "targets", 0, "required"), ["R1"], "required checks are not those"),
        (("provenance", "settings", "confidence"), 0.5, "judged at the level"),
        (("provenance", "models", 0, "name"), "other", "nothing is required of the model other"),
    ],
)
def test_a_changed_record_contradicts_itself_even_with_a_new_digest(path, value, said):
    found = list(contradictions(redone(changed(path, value))))
    assert any(said in each for each in found), found


def test_dropping_a_fail_is_seen_in_counts_and_decision():
    content = changed(("findings",), lambda findings: [f for f in findings if f["check"] != "R2"])
    found = list(contradictions(redone(content)))
    assert "its counts are not those of its findings" in found


@given(
    value=st.floats(0.02, 0.98),
    se=st.floats(1e-4, 0.5),
    df=st.floats(1, 1e5),
    fewest=st.integers(1, 400),
    margin=st.floats(0.01, 0.9),
    bounded=st.booleans(),
    relation=st.sampled_from(["<", ">", "distance"]),
    cases=st.integers(1, 50),
    chances=st.integers(1, 3),
)
def test_judging_again_gives_what_was_judged(
    value, se, df, fewest, margin, bounded, relation, cases, chances
):
    scale = Scale(value, se, df, (0.0, 1.0) if bounded else None, 0.001)
    low, high = scale.interval(0.95)
    found = estimate("x", value, 0.1).model_copy(update={"low": low, "high": high})
    rule, limit = DecisionRule(0.05, cases, chances), Margin(margin, "s")
    if relation == "distance":
        judged = judge_distance(found, scale, fewest, 0.5, limit, rule)
    else:
        judged = judge_below(found, scale, fewest, relation, limit, rule)
    read = type(judged.to_record()).model_validate_json(judged.to_record().model_dump_json())
    again = judge_again(read)
    assert again.alone == judged.verdict
    assert math.isclose(again.p_raw, judged.p_raw, abs_tol=1e-12)
    assert (again.pass_low, again.pass_high) == pytest.approx((judged.pass_low, judged.pass_high))


def command(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def genuine(tmp_path):
    path = tmp_path / "audit.json"
    path.write_text(example().to_json())
    return path


@pytest.fixture
def altered(tmp_path):
    path = tmp_path / "altered.json"
    path.write_text(json.dumps(changed(("findings", R2, "verdict"), "pass")))
    return path


def test_verify(genuine, altered):
    result = command("verify", genuine)
    assert (result.exit_code, "verified: " in result.output) == (0, True)
    result = command("verify", genuine, "--require", "open")
    assert result.exit_code == 1
    assert "the decision is closed, not open: 1 of 8 checks failed, and an error" in result.output
    assert command("verify", genuine, "--require", "closed").exit_code == 0
    result = command("verify", altered)
    assert result.exit_code == 1
    assert result.output.count("altered: ") >= 3


def test_verify_asks_for_the_policy(genuine, tmp_path):
    assert command("policy", "--out", tmp_path / "same.toml").exit_code == 0
    assert command("verify", genuine, "--policy", tmp_path / "same.toml").exit_code == 0
    text = (tmp_path / "same.toml").read_text().replace('"R1", ', "")
    (tmp_path / "other.toml").write_text(text)
    result = command("verify", genuine, "--policy", tmp_path / "other.toml")
    assert result.exit_code == 1
    assert "the audit followed the policy 'default', not " in result.output


def test_an_altered_record_is_neither_rendered_nor_signed(altered, genuine, tmp_path):
    with pytest.raises(AuditError, match="was altered after the audit"):
        load_verified(altered)
    sign = ("--name", "n", "--role", "r", "--decision", "accepted")
    for arguments in (("render", altered, "--out", tmp_path / "a.html"), ("sign", altered, *sign)):
        result = command(*arguments)
        assert isinstance(result.exception, AuditError)
    assert not (tmp_path / "a.html").exists()
    assert not (tmp_path / "signoff.json").exists()
    assert command("render", genuine, "--out", tmp_path / "a.html").exit_code == 0


def test_the_default_policy_is_printed_and_never_overwritten(tmp_path):
    printed = command("policy").output
    (tmp_path / "p.toml").write_text(printed)
    assert load_policy(tmp_path / "p.toml") == load_policy()
    result = command("policy", "--out", tmp_path / "p.toml")
    assert isinstance(result.exception, AuditError)

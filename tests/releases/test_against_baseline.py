"""`--audit-baseline`: a regression is a finding, which closes the gate by policy."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from releases.tiny import BAD, CHECK, GOOD, POLICY, audited

import audit_suite
from audit_suite.audit.verify import contradictions
from audit_suite.audit.waivers import today
from audit_suite.errors import AuditError
from audit_suite.record import Record
from audit_suite.report import render_html
from audit_suite.report.markdown import render_markdown


def read(folder, name="worse"):
    return Record.model_validate(json.loads((folder / f"{name}.json").read_text()))


def test_without_a_baseline_the_record_does_not_know_of_one(world):
    content = json.loads((world / "first.json").read_text())
    assert content["decision"] == "open"
    assert "baseline" not in content
    assert "baseline_margin" not in content["policy"]["content"]


def test_a_worse_model_is_closed_by_a_finding_though_its_own_checks_pass(world):
    record = read(world)
    found = {finding.check: finding for finding in record.findings}
    assert (found["own"].verdict, found["B1"].verdict) == ("pass", "fail")
    assert record.decision == "closed"
    assert found["B1"].role == "guard"
    assert "loss of AUROC" in found["B1"].reason
    (change,) = record.baseline.changes
    assert (change.check, change.kind, change.paired) == ("own", "worse", True)
    assert found["B2"].reason.startswith("nothing is compared")
    assert not list(contradictions(record))


def test_the_report_and_the_summary_show_it(world):
    page, summary = render_html(read(world)), render_markdown(read(world))
    assert 'id="baseline"' in page
    assert "worse (regression)" in page
    assert "skill against the baseline" in summary


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda r: r.findings.pop(0), "has no finding"),
        (lambda r: setattr(r, "baseline", None), "but no baseline"),
        (lambda r: r.findings[0].comparisons.clear(), "no comparison fails"),
    ],
)
def test_a_comparison_that_was_taken_out_is_found(world, spoil, said):
    record = read(world)
    assert record.findings[0].check == "B1"
    spoil(record)
    record.digest = record.content_digest()
    assert any(said in problem for problem in contradictions(record))


def test_the_same_model_passes_and_a_policy_may_require_that(world, tmp_path):
    (world / "net.py").write_text(GOOD)
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY.replace('"own"', '"own", "B1"'))
    record = audited(world, baseline=world / "first.json", policy=policy)
    found = {finding.check: finding for finding in record.findings}
    assert (found["B1"].verdict, found["B1"].role) == ("pass", "required")
    assert record.decision == "open"
    without = audited(world, policy=policy)
    assert without.decision == "partial"
    assert [missing.check for missing in without.policy.missing] == ["B1"]


def test_a_waiver_accepts_a_regression_for_a_time(world, tmp_path):
    (world / "net.py").write_text(BAD)
    waivers = tmp_path / "waivers.toml"
    waivers.write_text(
        f'[[waiver]]\ncheck = "B1"\nowner = "Dr A"\nreason = "smaller model"\n'
        f"expires = {today() + timedelta(days=3)}\n"
    )
    record = audited(world, baseline=world / "first.json", waivers=waivers)
    assert {f.check: f.verdict for f in record.findings}["B1"] == "waived"
    assert record.decision == "open"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda text: text.replace('"schema_version": "1.2"', '"schema_version": "0.9"'),
            "schema_version '0.9'",
        ),
        (lambda text: text.replace('"open"', '"closed"', 1), "was altered after the audit"),
        (lambda text: text[:500], "is not readable JSON"),
    ],
)
def test_a_baseline_that_is_none_is_refused_before_anything_is_computed(
    world, tmp_path, change, said
):
    bad = tmp_path / "bad.json"
    bad.write_text(change((world / "first.json").read_text()))
    with pytest.raises(AuditError, match=said):
        audited(world, baseline=bad)


def test_a_check_of_ones_own_cannot_take_its_id(world, tmp_path):
    (tmp_path / "own.py").write_text(CHECK.replace('"own"', '"B1"'))
    with pytest.raises(AuditError, match="id B1, which is that of a shipped check"):
        audit_suite.run(
            [world / "model.toml"],
            [world / "data.toml"],
            checks=[tmp_path / "own.py"],
            executor="inline",
            evidence=world / "evidence",
        )

"""The terminal without -v: about forty lines for any number of checks, each failure told once."""

from __future__ import annotations

import re
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report.example import comparison, estimate, example, finding

from pytest_audit.brief import AROUND, LINES, brief

LONG = "x" * 300


def failed(check, number=0, verdict="fail", **more):
    compared = comparison(estimate("AUROC", 0.7, 0.02), "fail", "<", 0.05, 0.5)
    place = {"model": f"m{number}", "target": f"t{number}"}
    content = {"id": f"{check}/{number}", **place, **more}
    return finding(check, verdict, [compared] if verdict == "fail" else [], **content)


@settings(max_examples=25, deadline=None)
@given(
    checks=st.integers(0, 200),
    places=st.integers(1, 40),
    width=st.sampled_from([40, 80, 120]),
    words=st.sampled_from(["short", LONG, "many words " * 60]),
)
def test_forty_lines_whatever_was_asked(checks, places, width, words):
    record = example()
    record.findings = [
        failed(f"Q{number // places}", number % places, reason=words) for number in range(checks)
    ]
    record.targets = [
        record.targets[0].model_copy(update={"target": f"t{number}", "kept": words})
        for number in range(places)
    ]
    lines = brief(record, width)
    shown = sum(max(1, ceil(len(line) / width)) for line in lines)
    assert shown <= LINES - AROUND or width == 40
    assert len(lines) <= LINES
    command = {finding.command for finding in record.findings}
    assert all(len(line) <= width for line in lines if line.strip() not in command)


def test_the_worst_first_each_check_once_with_reason_and_command():
    record = example()
    record.findings = [
        failed("G", role="guard"),
        failed("G", 1, role="guard"),
        failed("E", verdict="error", reason="row 17: no mask"),
        failed("R8-box", role="required"),
        failed("U", verdict="inconclusive", reason="too few"),
        failed("P", verdict="pass"),
    ]
    lines = brief(record, 80)
    told = [line for line in lines if re.match(r"(FAIL|ERROR|INCONCLUSIVE) ", line)]
    assert [line.split()[1] for line in told] == ["E", "R8-box", "G", "U"]
    assert "(and 1 more case)" in " ".join(lines)
    assert sum("row 17: no mask" in line for line in lines) >= 1
    assert f"  {record.findings[2].command}" in lines, "whole, to be copied"
    assert lines[0] == "Do not release: fault found."


def test_what_is_left_out_is_counted():
    record = example()
    record.findings = [failed(f"Q{number:03}") for number in range(100)]
    lines = brief(record, 120)
    told = sum(line.startswith("FAIL ") for line in lines)
    assert told >= 5
    assert any(line.startswith(f"  and {100 - told} more: Q{told:03}, ") for line in lines)


def test_an_open_gate_is_short():
    record = example()
    record.findings = [failed("P", verdict="pass")]
    record.policy.missing, record.policy.waivers, record.policy.deviations = [], [], []
    record = record.model_copy(update={"decision": "open", "decision_reason": "all passed"})
    lines = brief(record, 80)
    assert lines[:2] == ["No fault found in what was asked.", "all passed."]
    assert len(lines) <= 4
    assert not any(line.startswith(("FAIL", "PASS", "to do")) for line in lines)


CHECKS = """
from audit_suite import auroc, check, WithoutROI

@check("A", hidden=auroc(WithoutROI()))
def test_a(hidden):
    "Is it at chance?"
    assert hidden < 0.1

@check("C", hidden=auroc(WithoutROI()))
def test_c(hidden):
    "Does the check itself crash?"
    raise ZeroDivisionError("its own fault")

def test_of_the_project():
    assert 1 == 2
"""


@pytest.mark.parametrize("verbose", [False, True])
def test_pytest_does_not_tell_failures_a_second_time(world, verbose):
    (world.path / "test_checks.py").write_text(CHECKS)
    done = world.run("test_checks.py", *([] if verbose else ["-q"]), dataset="small")
    text = "\n".join(done.outlines)
    assert ("def test_a(hidden)" in text) == verbose, "a failed claim needs no traceback"
    assert "its own fault" in text
    assert "raise ZeroDivisionError" in text, "whoever wrote the check needs to know where"
    assert done.parseoutcomes()["failed"] >= 2
    assert (text.count("is not below 0.1") == 1) or verbose

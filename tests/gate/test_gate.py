"""The decision: required checks open the gate, others can only keep it shut."""

from __future__ import annotations

import importlib
import itertools

import pytest
from gate.made import finding, required
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.audit.gate import Exit, count_verdicts, decide, missing_checks
from audit_suite.audit.suites import shipped_suites, suite_files, suite_of
from audit_suite.checks import ATTRIBUTE
from audit_suite.record import Deviation
from audit_suite.verdict import Verdict

PASSED = {Verdict.PASS, Verdict.WAIVED}
SHUT = Deviation(what="a smoke run", never_opens=True)
LISTED = Deviation(what="another policy", never_opens=False)

verdicts = st.sampled_from(list(Verdict))
some_findings = st.lists(st.tuples(st.sampled_from("ABCD"), verdicts), max_size=9).map(
    lambda drawn: [finding(check, verdict, i) for i, (check, verdict) in enumerate(drawn)]
)


@pytest.mark.parametrize(
    ("of_required", "of_guards", "decision"),
    [
        (["pass"], [], "open"),
        (["pass"], ["inconclusive", "not_applicable", "waived"], "open"),
        (["waived"], [], "open"),
        (["pass", "pass"], [], "open"),
        (["pass", "inconclusive"], [], "undecided"),
        (["inconclusive"], ["pass"], "undecided"),
        (["pass"], ["fail"], "closed"),
        (["pass"], ["error"], "closed"),
        (["inconclusive"], ["fail", "none"], "closed"),
        (["not_applicable"], ["pass"], "partial"),
        (["not_applicable", "inconclusive"], [], "partial"),
        (["pass", "none"], [], "partial"),
        (["pass"], ["none"], "partial"),
        ([], ["pass"], "partial"),
        ([], [], "partial"),
    ],
)
def test_the_decision(of_required, of_guards, decision):
    asked = [finding("R1", verdict, i) for i, verdict in enumerate(of_required)]
    asked += [finding("G", verdict, i) for i, verdict in enumerate(of_guards)]
    assert decide(asked, required("R1")).decision == decision


@given(some_findings, st.sets(st.sampled_from("ABCD")))
def test_open_means_that_every_required_check_passed_and_nothing_failed(findings, checks):
    gate = decide(findings, required(*checks))
    verdicts = {finding.verdict for finding in findings}
    ok = checks and not verdicts & {Verdict.FAIL, Verdict.ERROR, Verdict.NONE}
    for check in checks:
        here = {finding.verdict for finding in findings if finding.check == check}
        ok = ok and here and here <= PASSED
    assert (gate.decision == "open") == bool(ok)


@given(some_findings, st.sets(st.sampled_from("ABCD"), min_size=1), st.data())
def test_leaving_findings_out_never_opens(findings, checks, data):
    # A finding that closes may be left out by somebody; what is required cannot.
    kept = [f for f in findings if data.draw(st.booleans())]
    if decide(kept, required(*checks)).decision == "open":
        assert {f.check for f in kept if f.verdict in PASSED} >= checks


@given(some_findings, st.permutations(range(9)))
def test_the_order_of_findings_does_not_matter(findings, order):
    shuffled = [findings[i] for i in order if i < len(findings)]
    before, after = (decide(each, required("A", "B")) for each in (findings, shuffled))
    assert before.decision == after.decision


@given(some_findings)
def test_a_worse_verdict_never_gives_a_better_decision(findings):
    order = ["open", "undecided", "partial", "closed"]
    before = order.index(decide(findings, required("A")).decision)
    for position, worse in itertools.product(range(len(findings)), ("fail", "error")):
        changed = [
            f.model_copy(update={"verdict": Verdict(worse)}) if i == position else f
            for i, f in enumerate(findings)
        ]
        assert order.index(decide(changed, required("A")).decision) >= before


def test_every_place_needs_its_own_pass():
    places = required("R1") + required("R1", target="other")
    gate = decide([finding("R1", "pass")], places)
    assert gate.decision == "partial"
    (missing,) = missing_checks([finding("R1", "pass")], places)
    assert (missing.target, missing.reason) == ("other", "was not asked")


@pytest.mark.parametrize(
    ("verdicts", "decision"),
    [([], "partial"), (["none"], "partial"), (["fail"], "closed")]
    + [([word], "open") for word in ("pass", "inconclusive", "not_applicable", "waived")],
)
def test_a_guard_that_must_be_asked_need_not_pass(verdicts, decision):
    findings = [finding("R1", "pass"), *(finding("C14", verdict) for verdict in verdicts)]
    gate = decide(findings, required("R1"), required("C14"))
    assert gate.decision == decision
    if not verdicts:
        assert gate.reason == "not a full audit: input was not asked"


def test_problems_close_and_deviations_keep_shut():
    passed = [finding("R1", "pass")]
    assert decide(passed, required("R1"), problems=["a file is broken"]).decision == "closed"
    gate = decide(passed, required("R1"), deviations=[LISTED, SHUT])
    assert (gate.decision, gate.reason) == ("partial", "not a full audit: a smoke run")
    assert decide(passed, required("R1"), deviations=[LISTED]).decision == "open"
    undecided = [finding("R1", "inconclusive")]
    assert decide(undecided, required("R1"), deviations=[SHUT]).decision == "partial"


def test_what_is_missing_is_named_with_suite_reason_and_remedy():
    asked = [finding("R1", "not_applicable", reason="no region is declared"), finding("X", "none")]
    first, second, third = missing_checks(asked, required("R1", "R8-box", "X"))
    assert first.reason == "does not apply: no region is declared"
    assert "policy" in first.remedy
    assert (second.suite, second.reason) == ("region-sensitivity", "was not asked")
    assert (third.suite, third.reason) == ("", "was not run")
    reason = decide(asked, required("R1", "R8-box", "X")).reason
    assert reason == (
        "not a full audit: R1: does not apply: no region is declared; region-sensitivity was not "
        "asked; X was not run"
    )


def test_exit_codes():
    codes = {
        decision: int(Exit.of(decision)) for decision in ("open", "closed", "undecided", "partial")
    }
    assert codes == {"open": 0, "closed": 1, "undecided": 10, "partial": 11}


def test_counts_name_every_verdict():
    assert count_verdicts([finding("A", "pass")]) == {v: int(v is Verdict.PASS) for v in Verdict}


def test_every_shipped_check_is_known_by_its_suite():
    for name, file in shipped_suites().items():
        module = importlib.import_module(f"audit_suite.suites.{file.stem}")
        checks = [
            getattr(each, ATTRIBUTE).id
            for each in vars(module).values()
            if hasattr(each, ATTRIBUTE)
        ]
        assert checks
        assert {suite_of(check) for check in checks} == {name}
    assert suite_of("R8-box") == "region-sensitivity"


def test_suites_on_request_are_asked_by_name_alone():
    """A search takes as long as all other suites together."""
    every, unasked = set(shipped_suites().values()), set(suite_files())
    on_request = {"search", "robustness", "hygiene", "edits", "watch"}
    assert every - unasked == {shipped_suites()[name] for name in on_request}
    assert shipped_suites()["search"] in suite_files(("search",))


def test_ids_of_ones_own_are_of_no_suite():
    assert suite_of("my-own") == ""

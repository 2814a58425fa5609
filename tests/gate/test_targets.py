"""Decisions by target, data that cannot acquit, required checks in sequence, zones, levels."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.audit.gate import decide, decide_by
from audit_suite.audit.levels import share_level
from audit_suite.audit.plan import CheckCase
from audit_suite.audit.policy import load_policy
from audit_suite.audit.target_decisions import target_decisions
from audit_suite.audit.zones import skill_kept
from audit_suite.record import PolicyRecord
from audit_suite.statistics import judge_again
from audit_suite.verdict import NO_SKILL, Verdict
from tests.gate.made import finding, judged, required


def on(target, check, verdict, **more):
    return finding(check, verdict, target=target, id=f"{check}/m/d/{target}", **more)


def policy_of(*targets, primary=None):
    policy = load_policy()
    return PolicyRecord(
        name="p",
        digest=policy.digest(),
        content=policy.content(),
        required=[r for t in targets for r in required("R1", "R8-box", target=t)],
        asked=[],
        guards=[],
        primary=list(targets if primary is None else primary),
        suites_asked=[],
        missing=[],
        deviations=[],
        problems=[],
        waivers=[],
    )


def both(target, first="pass", second="pass", **more):
    return [
        on(target, "R1", first, role="required"),
        on(target, "R8-box", second, role="required", **more),
    ]


def test_each_target_has_its_own_decision():
    findings = [
        *both("effusion"),
        *both("nodule", second="inconclusive"),
        *both("mass", second="fail"),
    ]
    policy = policy_of("effusion", "nodule", "mass", "hernia")
    by = {t.target: t.decision for t in target_decisions(findings, policy, {})}
    assert by == {"effusion": "open", "nodule": "undecided", "mass": "closed", "hernia": "partial"}
    assert decide_by(findings, policy).decision == "closed"


def test_the_release_rests_on_its_primary_targets():
    findings = [*both("effusion"), *both("nodule", second="fail")]
    assert decide_by(findings, policy_of("effusion", "nodule")).decision == "closed"
    policy = policy_of("effusion", "nodule", primary=["effusion"])
    assert decide_by(findings, policy).decision == "open"
    nodule = target_decisions(findings, policy, {})[1]
    assert (nodule.decision, nodule.primary) == ("closed", False)
    none = policy_of("effusion", "nodule", primary=[])
    assert decide_by(findings, none).decision == "closed", "without a primary target all count"


kinds = st.sampled_from(["pass", "fail", "inconclusive", "error", "none", "not_applicable"])


@given(st.lists(st.tuples(kinds, kinds), min_size=1, max_size=5))
def test_the_release_is_as_bad_as_its_worst_target(drawn):
    findings = [f for i, two in enumerate(drawn) for f in both(f"t{i}", *two)]
    policy = policy_of(*(f"t{i}" for i in range(len(drawn))))
    order = ["open", "undecided", "partial", "closed"]
    each = [order.index(target.decision) for target in target_decisions(findings, policy, {})]
    assert order.index(decide_by(findings, policy).decision) == max(each)


@pytest.mark.parametrize(
    ("others", "decision"),
    [
        ([], "undecided"),
        ([("G", "pass")], "undecided"),
        ([("R1", "inconclusive")], "undecided"),
        ([("R2", "fail")], "closed"),
        ([("R2", "none")], "partial"),
    ],
)
def test_data_that_fail_their_check_cannot_acquit(others, decision):
    findings = [finding("R1", "pass"), finding("C1", "fail", role="data")]
    findings += [finding(check, verdict, 1) for check, verdict in others]
    gate = decide(findings, required("R1"))
    assert gate.decision == decision
    assert ("these data cannot acquit any model (C1)" in gate.reason) == (decision != "partial")


@pytest.mark.parametrize(
    ("verdict", "decision"),
    [
        ("pass", "open"),
        ("not_applicable", "open"),
        ("waived", "open"),
        ("inconclusive", "undecided"),
        ("fail", "closed"),
        ("none", "partial"),
    ],
)
def test_what_must_be_shown_where_it_applies(verdict, decision):
    findings = [finding("R1", "pass"), finding("M7", verdict, role="shown")]
    assert decide(findings, required("R1")).decision == decision
    assert decide(findings[:1], required("R1")).decision == "open", "it need not be asked"


@pytest.mark.parametrize("verdict", list(Verdict))
def test_context_never_decides(verdict):
    findings = [finding("R1", "pass"), finding("M1", verdict, role="context")]
    expected = {Verdict.ERROR: "closed", Verdict.NONE: "partial"}.get(verdict, "open")
    assert decide(findings, required("R1")).decision == expected


@pytest.mark.parametrize(
    ("first", "reason", "decision"),
    [
        ("inconclusive", NO_SKILL, "undecided"),
        ("fail", NO_SKILL, "closed"),
        ("pass", NO_SKILL, "partial"),
        ("waived", NO_SKILL, "partial"),
        ("inconclusive", "no region declared", "partial"),
    ],
)
def test_what_has_nothing_to_judge_after_an_earlier_check_is_not_missing(first, reason, decision):
    later = finding("R8-box", "not_applicable", 1, reason=f"{reason}: ...")
    findings = [finding("R1", first, role="required"), later]
    assert decide(findings, required("R1", "R8-box")).decision == decision


def test_zones_are_said_as_they_are():
    main = ("R8-box", "R3")
    assert "an AUROC within 0.0" in skill_kept(judged(0.0, 6000), main)
    between = skill_kept(judged(0.15, 6000), main)
    assert "up to 25% passes, so this is not chance" in between
    assert "chance" not in skill_kept(judged(0.0, 6000), main)
    assert "at least" in skill_kept(judged(0.7), main)
    assert "at least" in skill_kept(judged(0.7, inverted=True), main)
    assert "is not shown" in skill_kept(judged(0.25), main)
    assert skill_kept([finding("R1", "pass", role="required")], main) == ""


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.15])
def test_the_largest_share_said_is_the_bound_that_passed(kept):
    first, _ = judged(kept, 6000)
    largest = max(max(abs(c.pass_low), abs(c.pass_high)) for c in first.comparisons)
    assert f"at most {largest:.0%}" in skill_kept([first], ("R8-box",))
    assert largest < 0.25


def planned(check, model="m", target="t", fold=None):
    """As much of a planned case as the levels read."""
    cell = SimpleNamespace(
        model=SimpleNamespace(name=model),
        model_name=model if fold is None else f"{model}-{fold}",
        dataset=SimpleNamespace(name="d"),
        target=target,
    )
    case = object.__new__(CheckCase)
    for key, value in {"check": SimpleNamespace(id=check), "cell": cell, "shares": 1}.items():
        object.__setattr__(case, key, value)
    role = load_policy().role(check, target)
    for key, value in {"suffix": "", "role": role, "arguments": {}}.items():
        object.__setattr__(case, key, value)
    return case


def levels_of(cases):
    return [0.05 / case.shares for case in share_level(cases, load_policy())]


@pytest.mark.parametrize("targets", [1, 5, 14])
def test_half_of_the_level_is_for_the_main_checks(targets):
    """.025 / (2 T) for R8-box and R3, .0125 / T for R1, .0125 among all others; together 5 %."""
    cases = [
        planned(check, target=f"t{i}")
        for i in range(targets)
        for check in ("R1", "R3", "R8-box", "C1", "C1", "R2")
    ]
    levels = levels_of(cases)
    assert sum(levels) == pytest.approx(0.05)
    for case, level in zip(cases, levels, strict=True):
        main = case.check.id in ("R3", "R8-box")
        others = 1 if case.check.id == "R1" else 3
        share = 0.025 / 2 if main else 0.0125 / others
        assert level == pytest.approx(share / targets)


def test_each_model_is_a_release_and_folds_are_of_one():
    cases = [
        planned("R8-box", "a"),
        planned("R8-box", "b", fold="1"),
        planned("R8-box", "b", fold="2"),
    ]
    assert levels_of(cases) == pytest.approx([0.0125, 0.00625, 0.00625])


def test_declared_looks_share_the_level_of_a_pass():
    first, _ = judged(0.0, 1500)
    bounds = []
    for looks in (1, 5):
        basis = first.comparisons[0].basis.model_copy(update={"chances": looks})
        again = judge_again(first.comparisons[0].model_copy(update={"basis": basis}))
        bounds.append(again.pass_high)
    assert bounds[1] > bounds[0]

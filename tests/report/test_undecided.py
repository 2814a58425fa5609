"""An undecided audit says why, the same everywhere, and promises patients only where they help."""

from __future__ import annotations

import re
from html import unescape

import pytest
from gate.made import judged
from report.real import real
from report.test_sections import shipped_checks

from audit_suite.audit.gate import count_verdicts, decide_by
from audit_suite.audit.policy import load_policy
from audit_suite.audit.target_decisions import target_decisions
from audit_suite.audit.verify import contradictions
from audit_suite.causes import FindingsAt
from audit_suite.report import render_html, render_markdown
from audit_suite.report.first import first_screen
from audit_suite.statistics import why_undecided
from audit_suite.statistics.needed import HOPELESS
from audit_suite.verdict import Verdict
from pytest_audit.brief import brief

NEEDED = "about 920 patients in all, 420 of them with the finding, would decide it"
DISAGREE = "the fills disagree: 1 of 3 upsets the model, so hiding by it cannot be trusted"
TIES = "38% of the pairs have the same score on whole images: above 5% no verdict is drawn"
BLIND = "use masks drawn without knowledge of the finding, boxes, or one region for all images"
DATA = {
    check.id: check for check in shipped_checks() if load_policy().role(check.id, "t") == "data"
}


def undecided(needed=None, **findings):
    """The stored undecided audit with other findings, decided again.

    Args:
        needed: What would decide it; None for what the record says.
        **findings: What changes in the finding of a check, by its id (``R8_box`` for R8-box).
    """
    record = real("undecided")
    (target,) = record.targets
    for id, changes in findings.items():
        check = id.replace("_", "-")
        like = next((f for f in record.findings if f.check == check), record.findings[0])
        made = like.model_copy(
            update={
                "check": check,
                "id": like.id.replace(like.check, check, 1),
                "role": load_policy().role(check, target.target),
                **changes,
            }
        )
        record.findings = [f for f in record.findings if f.check != check] + [made]
    place = target.model, target.dataset, target.target
    needed = target.needed if needed is None else needed
    record.decision_reason = decide_by(record.findings, record.policy).reason
    record.targets = target_decisions(record.findings, record.policy, {place: needed})
    record.decision, record.counts = record.targets[0].decision, count_verdicts(record.findings)
    record.digest = record.content_digest()
    return record


def failed(check):
    """A finding of the data that failed, with what its author says of it."""
    return {"verdict": Verdict.FAIL, "advice": DATA[check].advice}


def everywhere(record):
    """What each reader sees first: page, summary, terminal."""
    page = render_html(record).partition("<body>")[2].partition("<nav")[0]
    shown = unescape(re.sub("<[^>]+>", " ", page))
    summary = render_markdown(record).replace("\\", "").partition("| verdict | check")[0]
    return [" ".join(text.split()) for text in (shown, summary, " ".join(brief(record, 5000)))]


def disagreeing():
    """R8-box where black keeps three quarters of the skill, mean and blur none."""
    kept, _ = judged((0.75, 0.0, 0.0))
    assert [c.alone.value for c in kept.comparisons] == ["fail", "pass", "pass"]
    return {
        "verdict": kept.verdict,
        "comparisons": kept.comparisons,
        "estimate": kept.comparisons[0].estimate,
        "reason": kept.comparisons[0].message,
    }


def test_more_patients_are_promised_where_they_would_decide():
    assert all(NEEDED in text for text in everywhere(undecided()))


@pytest.mark.parametrize("check", sorted(DATA))
def test_of_data_that_cannot_acquit_no_number_of_patients_is_promised(check):
    record = undecided(**{check.replace("-", "_"): failed(check)})
    assert first_screen(record).title == "Not decided: these data cannot acquit any model"
    assert record.targets[0].needed == ""
    assert not any("920" in text for text in everywhere(record))
    assert (
        first_screen(record)
        .to_do[0]
        .endswith(f": until then phantom-small cannot acquit any model ({check}).")
    )


@pytest.mark.parametrize(
    ("failing", "reason"),
    [
        (["C1", "C13"], f"(C1, C13): {BLIND};"),
        (
            ["C14"],
            "(C14): correct the masks that the report lists, or the keys of [regions], and audit again",
        ),
        (["C17"], "(C17): take the copies out, or give their patients one id;"),
        (["C17-training"], "(C17-training): take out what the model was trained on"),
        (["C1", "C17"], f"(C1, C17): {BLIND} (C1); take the copies out"),
    ],
)
def test_each_check_of_the_data_has_its_own_remedy(failing, reason):
    record = undecided(**{check.replace("-", "_"): failed(check) for check in failing})
    assert f"these data cannot acquit any model {reason}" in record.decision_reason
    remedies = [order for order in first_screen(record).to_do if "acquit" in order]
    assert len(remedies) == (2 if failing == ["C1", "C17"] else 1)


def test_a_check_of_the_data_without_advice_still_has_a_remedy():
    record = undecided(C14={"verdict": Verdict.FAIL, "advice": {}})
    assert "(C14): correct the data, and audit again" in record.decision_reason


def test_fills_that_disagree_are_not_too_little_data():
    record = undecided(HOPELESS, R8_box=disagreeing())
    record.causes = []  # they say of other checks that these have too little data
    assert record.decision == "undecided"
    assert first_screen(record).title == f"Not decided: the fills disagree; {HOPELESS}"
    first, second = first_screen(record).to_do
    assert first.endswith(f": {DISAGREE}.")
    assert second.endswith(f": {HOPELESS}.")
    for text in everywhere(record):
        assert text.count(DISAGREE) >= 2, "why, and what to do"
        assert "too little data" not in text.lower()
    assert "decision" not in " ".join(contradictions(record)), "it is drawn from the findings"


def test_two_of_five_fills_are_said_as_two():
    kept, _ = judged((0.75, 0.0, 0.0))
    first, second, third = kept.comparisons
    five = kept.model_copy(update={"comparisons": [first, first, second, third, third]})
    assert "2 of 5 upset the model, so hiding by them" in why_undecided(five)
    alone = [c.model_copy(update={"group": g}) for g, c in enumerate(kept.comparisons)]
    apart = kept.model_copy(update={"comparisons": alone})
    assert why_undecided(apart) == "too little data", "claims of their own need not agree"


def test_a_check_that_was_undecided_by_itself_says_its_own_reason():
    record = undecided(R1={"verdict": Verdict.INCONCLUSIVE, "comparisons": [], "reason": TIES})
    assert record.decision_reason == (
        "1 check that must pass is inconclusive (R8-box): too little data; "
        f"1 check that must pass is inconclusive (R1): {TIES}"
    )
    title = "Not decided: 38% of the pairs have the same score on whole images; too little data"
    assert first_screen(record).title == title
    assert record.targets[0].needed == "", "more patients with ties would not decide it"
    assert any(order.endswith(f": {TIES}.") for order in first_screen(record).to_do)


def test_too_few_patients_of_the_rarer_class_are_counted():
    kept, _ = judged(0.0, patients=50)
    assert kept.verdict is Verdict.INCONCLUSIVE
    assert why_undecided(kept).startswith("too little data: 15 patients of the rarer class")


def test_where_no_number_of_patients_decides_it_is_not_said_that_they_are_too_few():
    assert first_screen(undecided(HOPELESS)).title == f"Not decided: {HOPELESS}"


def test_checks_are_counted_and_not_their_cases():
    record = undecided()
    open_one = next(f for f in record.findings if f.check == "R8-box")
    cases = [
        open_one.model_copy(update={"check": "M7", "id": f"M7/{n}", "role": "shown", "case": n})
        for n in ("size", "noise", "position")
    ]
    gate = decide_by([*record.findings, *cases], record.policy)
    assert gate.reason == "2 checks that must pass are inconclusive (R8-box, M7): too little data"


def test_at_most_three_reasons_stand_in_the_decision():
    record = undecided()
    own = [
        record.findings[0].model_copy(
            update={
                "check": f"M{n}",
                "id": f"M{n}",
                "role": "shown",
                "verdict": Verdict.INCONCLUSIVE,
                "comparisons": [],
                "reason": f"reason {n}",
            }
        )
        for n in range(5)
    ]
    gate = decide_by([*record.findings, *own], record.policy)
    assert gate.reason.count("inconclusive") == 2
    assert gate.reason.endswith("; and 4 more reasons")
    record.findings += own
    title = first_screen(record).title
    assert title.startswith("Not decided: reason 0; reason 1; and 4 more; about 920 patients")


def test_what_would_settle_a_cause_names_the_same_reason():
    kept, _ = judged((0.75, 0.0, 0.0))
    assert FindingsAt([kept]).missing("R8-box") == f"R8-box: {DISAGREE}"
    few, _ = judged(0.0, patients=50)
    assert FindingsAt([few]).missing("R8-box").startswith("R8-box: too little data: 15 patients")


def test_the_method_says_what_each_list_of_the_policy_asks():
    record = undecided()
    method = render_html(record).partition('id="method"')[2].partition("</section>")[0]
    assert "<strong>shown</strong> (M6, M7) must pass wherever they are asked and apply" in method
    assert "<strong>asked</strong> (C14, R5, R13) may not be left out, but need no pass" in method
    for kind in record.policy.content["targets"]:
        kind.pop("shown")
        kind["asked"] = []
    method = render_html(record).partition('id="method"')[2].partition("</section>")[0]
    assert "<strong>shown</strong>" not in method
    assert "<strong>asked</strong>" not in method
    assert "<strong>guard</strong>" in method

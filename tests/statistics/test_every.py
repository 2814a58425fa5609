"""Claims that must all hold: one that is false fails, at its share of the level."""

from __future__ import annotations

import numpy as np
import pytest

from audit_suite import AuditError, Every, Family, Inconclusive, Verdict
from audit_suite.statistics import DecisionRule, estimate_mean, joint_verdict, recording


def mean(value, count=400):
    """An estimate whose standard error is known: values one above and one below."""
    values = value + np.tile([-1.0, 1.0], count // 2)
    return estimate_mean(values, np.arange(count).astype(str), "d", f"mean {value:g}")


def judged(claims, limit=0.5):
    """What a comparison ends with, and the record of it."""
    with recording(DecisionRule(alpha=0.05, cases=2)) as recorded:
        try:
            end = Every(claims) < limit
        except Inconclusive as why:
            end = str(why)
    return end, recorded.comparisons


def test_all_must_hold_and_every_one_is_recorded_by_itself():
    end, compared = judged([mean(0.1), mean(0.2), mean(0.0)])
    assert end is True
    assert [c.group for c in compared] == [0, 1, 2]
    assert {joint_verdict([c]) for c in compared} == {Verdict.PASS}
    assert {c.fail_level for c in compared} == {0.05 / 6}


def test_one_that_is_false_fails_whatever_the_others_leave_open():
    end, compared = judged([mean(0.48), mean(0.9), mean(0.1)])
    assert end is False
    verdicts = [c.verdict for c in compared]
    assert verdicts == [Verdict.INCONCLUSIVE, Verdict.FAIL, Verdict.PASS]


def test_what_is_shown_alone_but_not_at_its_share_is_undecided():
    worse = mean(0.5 + 2.0 / 20)  # two standard errors
    assert Every([worse]).claims[0].compare("<", 0.5).verdict is Verdict.FAIL
    end, compared = judged([worse, mean(0.0)])
    assert end.startswith("1 of 2 are undecided; the first: ")
    assert compared[0].verdict is Verdict.INCONCLUSIVE


def test_a_family_fails_by_most_of_its_members():
    false, true = [mean(0.9), mean(0.8)], [mean(0.1), mean(0.0)]
    end, compared = judged([Family([*false, mean(0.1)]), Family([*true, mean(0.9)])])
    assert end is False
    assert [c.group for c in compared] == [0] * 3 + [1] * 3
    assert {c.verdict for c in compared[:3]} == {Verdict.FAIL}
    assert {c.verdict for c in compared[3:]} == {Verdict.INCONCLUSIVE}


def test_without_a_claim_there_is_nothing_to_judge():
    with pytest.raises(AuditError, match="holds no claim"):
        Every([])
    assert "patients" not in repr(Every([mean(0.0)]))

"""A finding says which result would have passed, at the level that a pass had to hold at."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import numpy as np
import pytest
from gate.made import finding

from audit_suite.audit.judge import judge
from audit_suite.statistics import DecisionRule, Exact, estimate_mean, recording
from audit_suite.verdict import Inconclusive

VALUES = np.random.default_rng(0).normal(0.4, 0.5, 100)


def would_pass(compare, rule):
    """What the finding of a check that makes one comparison says."""
    with contextlib.suppress(AssertionError, Inconclusive), recording(rule) as recorded:
        compare(estimate_mean(VALUES, range(100), "d", "mean"))
    case = SimpleNamespace(planned=lambda: finding("R1", "none"))
    return judge(case, None, recorded, []).would_pass


@pytest.mark.parametrize(
    ("rule", "side", "middle"),
    [
        (DecisionRule(), "95", "90"),
        (DecisionRule(cases=20), "95", "90"),
        (DecisionRule(chances=5), "99", "98"),
        (DecisionRule(chances=50), "99.9", "99.8"),
    ],
)
def test_with_several_looks_a_pass_needs_a_wider_interval(rule, side, middle):
    assert would_pass(lambda e: e < 0.3, rule) == (
        f"an upper one-sided {side} % bound of mean below 0.3"
    )
    assert would_pass(lambda e: e > 0.3, rule) == (
        f"a lower one-sided {side} % bound of mean above 0.3"
    )
    assert would_pass(lambda e: e.distance_to(0.5) < 0.05, rule) == (
        f"a {middle} % interval of mean inside 0.45 to 0.55"
    )


def test_a_measured_number_has_no_interval():
    measured = Exact("share", 0.4, 100)
    for compare, words in (
        (lambda: measured < 0.3, "share below 0.3"),
        (lambda: measured <= 0.3, "share at most 0.3"),
    ):
        with contextlib.suppress(AssertionError), recording(DecisionRule()) as recorded:
            compare()
        case = SimpleNamespace(planned=lambda: finding("C9", "none"))
        assert judge(case, None, recorded, []).would_pass == words

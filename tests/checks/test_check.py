"""The decorator: needs by argument name, mistakes said where they are made."""

from __future__ import annotations

import pytest

from audit_suite import Margin, NotApplicable, auroc, check, report_only
from audit_suite.checks import ATTRIBUTE
from audit_suite.statistics import DecisionRule, estimate_mean, recording


def test_what_is_noted():
    @check("R9", full=auroc(), margin=Margin(0.05, source="s"))
    def test_some_thing(full, margin):
        """Is it so?

        More words.
        """

    noted = getattr(test_some_thing, ATTRIBUTE)
    assert (noted.id, noted.title, noted.question) == ("R9", "some thing", "Is it so?")
    assert set(noted.needs) == {"full", "margin"}


def test_defaults_and_an_own_question():
    @check(question="Why?")
    def test_other(audit):
        pass

    noted = getattr(test_other, ATTRIBUTE)
    assert (noted.id, noted.question) == ("other", "Why?")


@pytest.mark.parametrize("wrong", [0.05, "auroc", [], [auroc(), 3], (), None])
def test_what_is_no_need_is_refused(wrong):
    with pytest.raises(TypeError, match=r"@check\(full=\.\.\.\): expected a need"):

        @check(full=wrong)
        def test_x(full):
            pass


def test_an_argument_the_function_lacks_is_refused():
    with pytest.raises(TypeError, match="test_x has no argument 'full'"):

        @check(full=auroc())
        def test_x(fall):
            pass


def test_report_only_is_not_applicable_with_estimates():
    estimate = estimate_mean([1.0, 2.0, 3.0], ["a", "b", "c"], "d", "x")
    with (
        recording(DecisionRule()) as recorded,
        pytest.raises(NotApplicable, match="reported only: because"),
    ):
        report_only(estimate, because="because")
    assert recorded.observations == [estimate.to_record()]
    assert not recorded.comparisons

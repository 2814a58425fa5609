"""The decorator: needs by argument name, mistakes said where they are made."""

from __future__ import annotations

import pytest

from audit_suite import (
    Exact,
    Margin,
    NotApplicable,
    auroc,
    check,
    each_tag,
    mass_lift,
    report_only,
    unanswered,
)
from audit_suite.checks import ATTRIBUTE
from audit_suite.needs import Listing, Need
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


def test_what_its_author_says_of_a_fail():
    @check("R9")
    def test_some_thing():
        """Is it so?

        If it fails: It is
        not so.
        What to do: Set ``key`` right.

        Args:
            audit: How to read it: not here.
        """

    advice = getattr(test_some_thing, ATTRIBUTE).advice
    assert advice == {"If it fails": "It is not so.", "What to do": "Set 'key' right."}


def test_defaults_and_an_own_question():
    @check(question="Why?")
    def test_other(audit):
        pass

    noted = getattr(test_other, ATTRIBUTE)
    assert (noted.id, noted.question, noted.advice) == ("other", "Why?", {})


@pytest.mark.parametrize("wrong", [0.05, "auroc", [], [auroc(), 3], (), None])
def test_what_is_no_need_is_refused(wrong):
    with pytest.raises(TypeError, match=r"@check\(full=\.\.\.\): expected a need"):

        @check(full=wrong)
        def test_x(full):
            pass


def test_an_unknown_risk_is_refused_with_those_there_are():
    with pytest.raises(TypeError, match=r"risk='outsde'\): known are skill, outside, source"):
        check("X", risk="outsde")


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


def declare(need):
    @check(told=need)
    def test_x(told):
        pass

    return getattr(test_x, ATTRIBUTE).needs["told"]


class Counting:
    """A need of one's own that gives a figure of the whole cell."""

    id = "counting"

    def requests(self, cell):
        return ()

    def answer(self, cell, source):
        return Exact("things", 3.0, 3)


@pytest.mark.parametrize("listing", [unanswered(), Counting()])
def test_a_listing_is_declared_on_its_own_or_in_a_list(listing):
    assert isinstance(listing, Listing)
    assert not isinstance(listing, Need)
    assert declare(listing) is listing
    assert declare([listing, auroc()]) == [listing, auroc()]


@pytest.mark.parametrize("listing", [unanswered(), Counting()])
def test_a_listing_is_not_a_member_of_a_family(listing):
    """A family compares estimates; a figure, or several estimates, cannot be one of them."""
    with pytest.raises(TypeError, match=r"@check\(told=\.\.\.\): a tuple is a family of estimates"):
        declare((auroc(), listing))
    with pytest.raises(TypeError, match="declare it as an argument of its own, or in a list"):
        declare((listing,))


@pytest.mark.parametrize("forgotten", [mass_lift, each_tag, unanswered])
def test_a_class_that_was_not_called_is_refused_by_name(forgotten):
    for declared in (forgotten, [forgotten], (auroc(), forgotten)):
        with pytest.raises(TypeError, match=rf"got the class {forgotten.__name__}: call it"):
            declare(declared)


def test_what_stands_for_several_needs_may_be_listed_or_in_a_family():
    for declared in (each_tag(), [each_tag(), auroc()], (each_tag(), auroc())):
        assert declare(declared) == declared

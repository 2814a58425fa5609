"""Three-valued logic, against every way in which the unknowns could turn out."""

from __future__ import annotations

import itertools

import pytest

from audit_suite.causes import all_of, any_of, not_

VALUES = ("yes", "no", "unknown")


def settled(combine, holds):
    """What ``combine`` of yes and no gives, however the unknowns turn out; else unknown."""
    ways = itertools.product(*(("yes", "no") if hold == "unknown" else (hold,) for hold in holds))
    outcomes = {combine(hold == "yes" for hold in way) for way in ways}
    return "unknown" if len(outcomes) == 2 else "yes" if outcomes == {True} else "no"


@pytest.mark.parametrize("count", [1, 2, 3])
def test_it_is_unknown_exactly_where_the_unknowns_decide(count):
    for holds in itertools.product(VALUES, repeat=count):
        assert all_of(*holds) == settled(all, holds)
        assert any_of(*holds) == settled(any, holds)


def test_not_turns_yes_and_no():
    assert [not_(hold) for hold in VALUES] == ["no", "yes", "unknown"]

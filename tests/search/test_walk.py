"""The search: dry pass, batches, replay and shrinking find what is there, at the cost they say."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from audit_suite.errors import AuditError
from audit_suite.search.walk import Budget, search
from audit_suite.strategies import Area, areas, only, outside_roi, patches, swapped

AREAS = outside_roi(swapped(areas()))
MARKER = 3, 1, 9, 8  # x0, y0, x1, y1 of 64 x 64


class Planted:
    """The effect of a change is the share of a marker that it covers, times a height."""

    def __init__(self, height, box=MARKER, size=64):
        self.height, self.box, self.size = height, box, size
        self.batches = []

    def __call__(self, changes):
        self.batches.append(len(changes))
        return [self.height * self._covered(change) for change in changes]

    def _covered(self, change):
        x0, y0, x1, y1 = change.box(self.size, self.size)
        a0, b0, a1, b1 = self.box
        wide, high = min(x1, a1) - max(x0, a0), min(y1, b1) - max(y0, b0)
        return max(0, wide) * max(0, high) / ((a1 - a0) * (b1 - b0))


@pytest.mark.parametrize("box", [MARKER, (55, 56, 63, 62), (30, 20, 36, 26)])
@pytest.mark.parametrize("seed", range(3))
def test_a_place_is_found_and_made_as_small_as_it_may_be(box, seed):
    score = Planted(0.38, box)
    found = search(AREAS, score, Budget(0.10, 200, 150, seed))
    change, effect = found.place
    x0, y0, x1, y1 = change.box(64, 64)
    assert 0.7 * found.best <= found.floor <= effect
    assert (x1 - x0) * (y1 - y0) < 3 * 42, "a marker of 42 pixels"
    assert effect == pytest.approx(score([change])[0])
    assert found.whole == (Area(100, 100, 50, 50), 0.38)


def test_its_cost_is_as_stated_and_the_first_batch_holds_all_tries():
    score = Planted(0.38)
    found = search(AREAS, score, Budget(0.10, 200, 60, 1))
    assert score.batches[0] == len(found.tries) <= 200
    assert sum(score.batches[1:]) == found.shrinking <= 60 + 24, "the scan is always made"


def test_a_budget_of_tries_and_of_shrinking_is_kept():
    found = search(AREAS, Planted(0.38), Budget(0.10, 12, 0, 1))
    assert len(found.tries) == 12
    assert found.place is None or found.shrinking <= 24


def test_the_same_seed_gives_the_same_and_another_other_tries():
    first, again, other = (
        search(AREAS, Planted(0.38), Budget(0.10, 150, 80, seed)) for seed in (1, 1, 2)
    )
    assert first == again
    assert list(first.tries) != list(other.tries)


def test_where_nothing_is_beyond_the_limit_nothing_is_made_smaller():
    score = Planted(0.09)
    found = search(AREAS, score, Budget(0.10, 200, 150, 1))
    assert (found.place, found.whole, found.shrinking) == (None, None, 0)
    assert found.best == pytest.approx(0.09)
    assert score.batches == [len(found.tries)]


def test_tries_that_change_nothing_do_not_count_and_are_said():
    found = search(AREAS, lambda changes: [math.nan] * len(changes), Budget(0.10, 100, 50, 1))
    assert found.idle == len(found.tries)
    assert found.place is None
    assert math.isnan(found.best)


def test_a_diffuse_signal_is_found_by_the_largest_change_alone():
    found = search(
        AREAS,
        lambda changes: [math.prod((c.height, c.width)) / 10_000 * 0.2 for c in changes],
        Budget(0.10, 150, 50, 1),
    )
    assert found.whole[1] == pytest.approx(0.2)
    assert found.place is None


def test_one_change_alone_is_scored_once_and_moved_a_little():
    found = search(
        outside_roi(swapped(only(Area(11, 10, 7, 9)))), Planted(0.3), Budget(0.1, 9, 0, 1)
    )
    assert list(found.tries) == [Area(11, 10, 7, 9)]
    assert found.place is not None


def test_a_painted_change_shrinks_to_the_simplest_that_keeps_the_floor():
    found = search(
        outside_roi(patches()),
        lambda changes: [min(0.4, c.height * c.width / 100 * c.level / 100) for c in changes],
        Budget(0.15, 200, 300, 1),
    )
    change, effect = found.place
    assert effect >= found.floor == pytest.approx(0.28)
    assert change.height * change.width < 100


def test_nothing_is_written_and_imported_constants_change_no_try(tmp_path):
    """hypothesis mixes numbers of imported local files into its draws; not within 0 to 100."""
    (tmp_path / "local.py").write_text("NUMBERS = 37, 4095, 7777, 'text', 0.25\n")
    code = (
        "import sys; sys.path.insert(0, '.')\n{more}\n"
        "from audit_suite.search.walk import Budget, search\n"
        "from audit_suite.strategies import *\n"
        "found = search(outside_roi(patches()), lambda c: [0.0] * len(c), Budget(.1, 150, 9, 3))\n"
        "print(list(found.tries))"
    )
    shown = [
        subprocess.run(
            [sys.executable, "-c", code.format(more=more)],
            cwd=tmp_path, check=True, capture_output=True, text=True,
        ).stdout
        for more in ("", "import local")
    ]  # fmt: skip
    assert shown[0] == shown[1] != ""
    assert {path.name for path in tmp_path.iterdir()} - {"__pycache__"} == {"local.py"}


def test_what_is_no_change_ends_the_search_with_the_strategy_named():
    with pytest.raises(AuditError, match=r"the strategy 'areas' .* no method paint"):
        search(outside_roi(areas()), Planted(0.38), Budget(0.10, 200, 60, 1))

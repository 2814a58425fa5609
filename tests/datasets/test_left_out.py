"""Rows left out, in a few lines: none is lost from the count, and each reason shows some rows."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from audit_suite.datasets.left_out import _REASONS, EXAMPLES, left_out

reasons = st.sampled_from(["the image is {n} x 4 pixels", "there is no file for 'x{n}.png'", "odd"])
rows = st.lists(st.tuples(st.integers(2, 10**6), reasons), max_size=40)


@given(rows, st.integers(0, 3))
def test_every_row_is_counted_and_every_reason_shown(rows, counted):
    lines = [f"m.csv row {n}, column 'image': {why.format(n=n)}" for n, why in rows]
    lines += [f"{counted} rows of m.csv: no label of any target"] * bool(counted)
    found = left_out(lines)
    assert found.rows == len(rows) + counted
    more = [
        int(re.match(r"and (\d+) more for the same reason", line)[1])
        for line in found.why
        if line.startswith("and ")
    ]
    assert found.rows == len([w for w in found.why if " row " in w]) + sum(more) + counted
    for kind in {why for _, why in rows}:
        of_kind = [line for line, (_, why) in zip(lines, rows, strict=False) if why == kind]
        assert of_kind[:EXAMPLES] == [line for line in found.why if line in of_kind]


def test_a_hundred_thousand_rows_take_a_few_lines():
    lines = [
        f"m.csv row {n}, column 'image': there is no file for '{n}.png'" for n in range(112060)
    ]
    found = left_out([*lines, "7 rows of m.csv: in another split", "row 3: is broken"])
    assert found == (
        112060 + 7 + 1,
        [
            *lines[:EXAMPLES],
            f"and {112060 - EXAMPLES} more for the same reason",
            "7 rows of m.csv: in another split",
            "row 3: is broken",
        ],
    )


def test_reasons_without_end_are_counted_together():
    words = [f"row 1: {'a' * number}" for number in range(1, 200)]
    found = left_out(words)
    assert found.rows == len(words)
    assert found.why[:_REASONS] == words[:_REASONS]
    assert found.why[-1] == f"and {len(words) - _REASONS - EXAMPLES} more for other reasons"
    assert left_out([]) == (0, [])

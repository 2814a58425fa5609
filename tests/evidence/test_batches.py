"""How many images go through a model at once, and how they get there."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.evidence.scores.batches import Usage, fastest, fitting, parts
from audit_suite.evidence.scores.staging import ahead

GIB = 1 << 30


@pytest.mark.parametrize(
    ("count", "batch", "expected"),
    [
        (256, 128, [128, 128]),
        (24, 128, [16, 8]),
        (44, 128, [32, 8, 8]),  # four copies of the last image
        (30, 8, [8, 8, 8, 4, 2]),
        (5, 2, [2, 2, 1]),
        (3, 1, [1, 1, 1]),
        (100, 7, [7] * 14 + [1, 1]),
        (0, 128, []),
    ],
)
def test_the_rest_of_a_shard_goes_in_halves(count, batch, expected):
    assert parts(count, batch) == expected


@given(st.integers(0, 600), st.integers(1, 256))
def test_every_image_goes_once_with_hardly_any_copies(count, batch):
    sizes = parts(count, batch)
    assert 0 <= sum(sizes) - count < max(1, batch / 16 + 1)
    assert not sizes or sum(sizes[:-1]) < count
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) <= 6
    assert parts(count + batch, batch) == [batch, *sizes], "full batches are the same in any shard"


@pytest.mark.parametrize(
    ("usage", "memory", "expected"),
    [
        (Usage(GIB, 100 << 20), 80 * GIB, 256),  # a shard has no more
        (Usage(GIB, 100 << 20), 16 * GIB, 32),
        (Usage(GIB, 100 << 20), 4 * GIB, 4),
        (Usage(GIB, 1), GIB, 1),  # not even the weights: one image shows it
        (Usage(0, 2 * GIB), 80 * GIB, 16),
    ],
)
def test_as_many_images_as_fit_into_the_card(usage, memory, expected):
    assert fitting(usage, memory) == expected


def test_memory_grows_with_the_images():
    assert Usage.between((2, 300), (8, 900)) == Usage(100, 100)
    assert Usage.between((2, 300), (8, 300)) == Usage(298, 1), "nothing grows: no division by zero"
    assert Usage.between((2, 100), (8, 1000)) == Usage(0, 150)


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ({256: 100, 128: 100, 64: 100}, 256),
        ({256: 100, 128: 120, 64: 50}, 256),  # noise decides nothing
        ({256: 100, 128: 130, 64: 180}, 64),
        ({256: 100, 128: 180, 64: 130}, 128),
        ({2: 10, 1: 9}, 2),
        ({1: 9}, 1),
    ],
)
def test_a_smaller_batch_only_if_it_is_much_faster(rates, expected):
    assert fastest(max(rates), rates.__getitem__) == expected


def test_items_are_made_ahead_and_in_order():
    made = []

    def items():
        for number in range(5):
            made.append((number, threading.current_thread()))
            yield number

    taking = ahead(items(), 2)
    assert next(taking) == 0
    until = time.monotonic() + 5
    while len(made) < 4 and time.monotonic() < until:
        time.sleep(0.01)
    assert len(made) == 4, "two wait, and one is made"
    assert list(taking) == [1, 2, 3, 4]
    assert threading.main_thread() not in [thread for _, thread in made]


def test_what_making_raises_is_raised_where_items_are_taken():
    def items():
        yield 1
        raise ValueError("torn file")

    taking = ahead(items(), 2)
    assert next(taking) == 1
    with pytest.raises(ValueError, match="torn file"):
        next(taking)


def test_no_thread_stays_when_nothing_more_is_taken():
    before = threading.active_count()
    taking = ahead(iter(range(10**9)), 1)
    assert next(taking) == 0
    taking.close()
    assert threading.active_count() == before

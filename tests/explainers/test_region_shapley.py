"""Region Shapley values: against brute force, the axioms, and what coalitions show."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from audit_suite.explainers.region_shapley import (
    EXACT_UP_TO,
    coalition_values,
    divide,
    players,
    region_values,
    shapley,
)


def brute_force(worth, count):
    """Shapley's formula, coalition by coalition; ``worth`` by frozenset."""
    found = np.zeros(count)
    for player in range(count):
        others = [p for p in range(count) if p != player]
        for size in range(count):
            weight = math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count)
            for rest in itertools.combinations(others, size):
                found[player] += weight * (
                    worth[frozenset({*rest, player})] - worth[frozenset(rest)]
                )
    return found


def game(count, seed):
    rng = np.random.default_rng(seed)
    everyone = itertools.chain.from_iterable(
        itertools.combinations(range(count), size) for size in range(count + 1)
    )
    return {frozenset(coalition): float(rng.normal()) for coalition in everyone}


def asked(worth):
    return lambda rows: np.array([worth[frozenset(np.flatnonzero(row).tolist())] for row in rows])


def network(seed=0, channels=1):
    torch.manual_seed(seed)
    layers = nn.Conv2d(channels, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 144, 1)
    return nn.Sequential(*layers).eval()


def score(module):
    def of(images):
        with torch.no_grad():
            return module(images)[:, 0]

    return of


def frames(*corners, size=12):
    """Square regions by their upper left corner, 4 pixels wide."""
    found = {}
    for number, (row, column) in enumerate(corners):
        region = np.zeros((size, size), bool)
        region[row : row + 4, column : column + 4] = True
        found[f"r{number}"] = region
    return found


@pytest.mark.parametrize("count", [1, 2, 3, 5, EXACT_UP_TO])
def test_exact_values_are_those_of_brute_force(count):
    worth = game(count, count)
    found, everybody, nobody = shapley(asked(worth), count, seed=0)
    assert found == pytest.approx(brute_force(worth, count), abs=1e-9)
    assert (everybody, nobody) == (worth[frozenset(range(count))], worth[frozenset()])


def test_exact_values_are_those_of_shaps_exact_explainer():
    from shap.explainers import Exact
    from shap.maskers import Independent

    worth = game(6, 4)
    found, *_ = shapley(asked(worth), 6, seed=0)
    explainer = Exact(asked(worth), Independent(np.zeros((1, 6))))
    assert found == pytest.approx(explainer(np.ones((1, 6)), silent=True).values[0], abs=1e-9)


def test_values_of_a_network_are_those_of_brute_force_over_all_coalitions():
    rng = np.random.default_rng(1)
    images = torch.from_numpy(rng.random((2, 1, 12, 12), np.float32))
    references = torch.from_numpy(rng.random((3, 1, 12, 12), np.float32))
    names, owner = players(frames((1, 1), (6, 6)))
    owners = torch.from_numpy(np.stack([owner, owner]))
    module = network()
    values, outputs, expected = region_values(
        score(module), images, owners, len(names), references, 0
    )
    for row in range(2):
        worth = {}
        for size in range(len(names) + 1):
            for coalition in itertools.combinations(range(len(names)), size):
                shown = torch.from_numpy(np.isin(owner, coalition))
                mixed = torch.where(shown, images[row], references)
                worth[frozenset(coalition)] = float(score(module)(mixed).mean())
        assert values[row] == pytest.approx(brute_force(worth, len(names)), abs=1e-5)
    assert values.sum(axis=1) == pytest.approx(outputs - expected, abs=1e-5)
    assert outputs == pytest.approx(score(module)(images).numpy(), abs=1e-5)
    assert expected == pytest.approx(np.full(2, float(score(module)(references).mean())), abs=1e-5)


@given(st.integers(0, 10_000), st.integers(2, 6))
def test_the_axioms_hold(seed, count):
    worth = game(count, seed)
    for coalition in list(worth):  # player 0 is a dummy worth 2, and 1 and 2 are alike
        worth[coalition] = 2.0 * (0 in coalition) + len(coalition - {0}) ** 2
    found, everybody, nobody = shapley(asked(worth), count, seed)
    assert found.sum() == pytest.approx(everybody - nobody), "efficiency"
    assert found[0] == pytest.approx(2.0), "a dummy gets what it is worth alone"
    assert found[1:] == pytest.approx(found[1]), "symmetry"


def test_beyond_eight_players_values_are_sampled_and_still_add_up():
    count = 11
    rng = np.random.default_rng(3)
    alone, pairs = rng.normal(size=count), rng.normal(size=(count, count)) / 4
    pairs = (pairs + pairs.T) / 2
    np.fill_diagonal(pairs, 0)

    def value(rows):
        some = rows.astype(float)
        return some @ alone + 0.5 * ((some @ pairs) * some).sum(axis=1)

    exact = alone + pairs.sum(axis=1) / 2
    found, everybody, nobody = shapley(value, count, seed=7)
    again, *_ = shapley(value, count, seed=7)
    other, *_ = shapley(value, count, seed=8)
    assert np.array_equal(found, again), "the seed decides"
    assert not np.array_equal(found, other)
    assert found.sum() == pytest.approx(everybody - nobody)
    assert np.abs(found - exact).max() < 0.25


def test_every_pixel_has_one_player_and_the_smaller_region_goes_first():
    left, right = frames((1, 1), (6, 6)).values()
    names, owner = players({"both": left | right, "left": left, "right": right})
    assert names[:3] == ("both", "left", "right")
    assert len(names) == 7
    assert set(owner[left]) == {names.index("left")}
    assert set(owner[right]) == {names.index("right")}
    assert names.index("both") not in owner, "nothing is left of it"
    assert owner[0, 0] == 3
    assert owner[0, -1] == 4
    assert owner[-1, 0] == 5
    assert owner[-1, -1] == 6


@pytest.mark.parametrize(("count", "tiles"), [(1, 4), (4, 4), (5, 2), (6, 2), (7, 1), (9, 1)])
def test_there_are_as_many_tiles_as_leave_values_exact(count, tiles):
    corners = [(4 * (i // 3), 4 * (i % 3)) for i in range(count)]
    some = frames(*corners, size=32)
    names, owners = divide([some, some])
    assert len(names) == count + tiles
    assert owners.shape == (2, 32, 32)
    assert len(np.unique(owners)) == len(names)
    assert (len(names) <= EXACT_UP_TO) == (count <= 7)


def test_a_player_without_pixels_is_worth_nothing():
    names, owner = players({"none": np.zeros((12, 12), bool), **frames((1, 1))})
    images = torch.rand(1, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    values, *_ = region_values(
        score(network()),
        images,
        torch.from_numpy(owner)[None],
        len(names),
        torch.zeros_like(images),
        0,
    )
    assert values[0, names.index("none")] == 0
    assert np.abs(values).sum() > 0


def test_a_model_of_one_region_gives_it_all():
    names, owner = players(frames((1, 1), (6, 6)))

    def corner(images):
        return images[:, 0, 1:5, 1:5].sum(dim=(1, 2))

    images = torch.ones(1, 1, 12, 12)
    values, *_ = region_values(
        corner, images, torch.from_numpy(owner)[None], len(names), torch.zeros_like(images), 0
    )
    assert values[0] == pytest.approx([16, 0, 0, 0, 0, 0])


@pytest.mark.parametrize("batch_size", [1, 3, 1000])
def test_the_batch_size_changes_nothing(batch_size):
    names, owner = players(frames((1, 1)))
    rng = np.random.default_rng(0)
    image = torch.from_numpy(rng.random((1, 12, 12), np.float32))
    references = torch.from_numpy(rng.random((2, 1, 12, 12), np.float32))
    rows = rng.random((9, len(names))) < 0.5
    found = coalition_values(
        score(network()), image, torch.from_numpy(owner), rows, references, batch_size
    )
    whole = coalition_values(
        score(network()), image, torch.from_numpy(owner), rows, references, 10_000
    )
    assert found == pytest.approx(whole, abs=1e-6)


def test_references_may_differ_from_image_to_image():
    names, owner = players(frames((1, 1)))
    owners = torch.from_numpy(np.stack([owner, owner]))
    rng = torch.Generator().manual_seed(2)
    images, own = (
        torch.rand(2, 1, 12, 12, generator=rng),
        torch.rand(2, 3, 1, 12, 12, generator=rng),
    )
    together, *_ = region_values(score(network()), images, owners, len(names), own, 0)
    for row in range(2):
        alone, *_ = region_values(
            score(network()), images[row : row + 1], owners[:1], len(names), own[row], 0
        )
        assert together[row] == pytest.approx(alone[0])

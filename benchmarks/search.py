"""What a search finds and costs, against random draws, the grid and halving at equal forwards.

    python benchmarks/search.py [--quick] [--json PATH]

On the shipped phantoms: tries until the donor contrast exceeds .25 of a rank, the share of seeds
that find it within 200, the honest model's largest effect, and tries per second against the bare
forward passes that they hold. On two idle cores the full run takes about ten minutes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from audit_suite import counterexample
from audit_suite.cards import load_dataset_card, load_model_card
from audit_suite.datasets.dataset import labels_of
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full
from audit_suite.models.preprocessing import normalise
from audit_suite.search.effects import Half
from audit_suite.search.patients import SEARCHED, contrast_roles, halves
from audit_suite.search.prepare import prepare_roles
from audit_suite.search.walk import Budget, search
from audit_suite.strategies import Area, areas, outside_roi, swapped

ZOO = Path(__file__).parents[1] / "model_zoo"
TRIES = 200
LARGEST = 50  # percent of the frame: larger areas find the marker, and not its place
LEVEL = 0.25  # of the rank: what the tries are counted to
STRATEGY = outside_roi(swapped(areas()))
Score = Callable[[Sequence[Any]], list[float]]


@dataclass
class Counted:
    """Scores changes, remembers effects in the order of tries, and the seconds it took."""

    score: Score
    effects: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def __call__(self, changes: Sequence[Any]) -> list[float]:
        """Their effects."""
        start = time.process_time()
        made = self.score(changes)
        self.seconds += time.process_time() - start
        small = [max(change.height, change.width) <= LARGEST for change in changes]
        self.effects += [e if s else np.nan for e, s in zip(made, small, strict=True)]
        return made

    def until(self, level: float) -> int:
        """Tries until an effect exceeds a level; `TRIES` + 1 if none of the first does."""
        beyond = np.flatnonzero(np.nan_to_num(self.effects[:TRIES]) > level)
        return int(beyond[0]) + 1 if len(beyond) else TRIES + 1


def by_search(score: Score, seed: int) -> None:
    """As the check does, grid first; the whole frame does not count, as the others lack it."""
    whole = STRATEGY.extras().whole

    def scored(changes: Sequence[Any]) -> list[float]:
        kept = [change for change in changes if change != whole]
        effects = dict(zip(kept, score(kept), strict=True))
        return [effects.get(change, float("nan")) for change in changes]

    search(STRATEGY, scored, Budget(2.0, TRIES + 1, 0, seed))


def by_drawing(score: Score, seed: int) -> None:
    """What hypothesis draws, without the grid, whose first cell happens to hold the marker."""
    extras = STRATEGY.extras()

    def scored(changes: Sequence[Any]) -> list[float]:
        kept = [c for c in changes if c != extras.whole and c not in extras.grid]
        effects = dict(zip(kept, score(kept), strict=True))
        return [effects.get(change, float("nan")) for change in changes]

    before = 1 + len(extras.grid)
    search(STRATEGY, scored, Budget(2.0, before + TRIES, 0, seed))


def by_random(score: Score, seed: int) -> None:
    """Uniform sizes and places."""
    rng = np.random.default_rng(seed)
    draws = rng.integers([5, 5, 0, 0], [51, 51, 101, 101], (TRIES, 4)).tolist()
    score([Area(*draw) for draw in draws])


def by_grid(score: Score, seed: int) -> None:
    """The half-overlapping grid alone, in random order."""
    cells = list(STRATEGY.extras().grid)
    order = np.random.default_rng(seed).permutation(len(cells))
    score([cells[place] for place in order])  # type: ignore[misc]


def by_halving(score: Score, seed: int) -> None:
    """The frame in two halves, the stronger one again, and so on; then the same elsewhere."""
    rng, tried = np.random.default_rng(seed), 0
    while tried < TRIES:
        height, width, down, right = 100, 100, 50, 50
        while max(height, width) > 6 and tried < TRIES:
            if height >= width:
                height //= 2
                step = height // 2 + int(rng.integers(0, 3))
                parts = [(down - step, right), (down + step, right)]
            else:
                width //= 2
                step = width // 2 + int(rng.integers(0, 3))
                parts = [(down, right - step), (down, right + step)]
            effects = score([Area(height, width, *place) for place in parts])
            tried += 2
            down, right = parts[int(np.nan_to_num(effects).argmax())]


METHODS = {
    "search": by_search,
    "drawing": by_drawing,
    "random": by_random,
    "grid": by_grid,
    "halving": by_halving,
}


def half_of(model: str, folder: Path, max_cases: int | None) -> Half:
    """The images on which the shipped check searches."""
    source = EvidenceSource(
        EvidenceStore(folder), EvidenceProfile(device="cpu", threads=1), max_cases=max_cases
    )
    card = load_dataset_card(ZOO / "datasets" / "phantom-cxr.toml")
    cell = Cell(load_model_card(ZOO / "models" / f"{model}.toml"), (None,), card, "consolidation")
    (request,) = counterexample(STRATEGY).requests(cell)
    dataset = source.dataset(card)
    full = source.read(ScoreRequest(cell.model, None, card, Full())).scores[:, 0]
    first, _ = halves(dataset, np.arange(len(full)), cell.target, source.profile.seed)
    roles = contrast_roles(first, labels_of(dataset.cases, cell.target), SEARCHED)
    return Half(request, source, roles, full, prepare_roles(request, source, roles))


def bare_rate(half: Half, passes: int) -> float:
    """Forward passes per second of CPU time, in full batches, without anything around them."""
    request, source = half.asked
    network = source.model(request.model, None)
    batch = source.profile.batch_for(request.model.input.size)
    images = torch.rand(batch, request.model.input.channels, *request.model.input.size)
    start = time.process_time()
    for _ in range(-(-passes // batch)):
        network(normalise(images, request.model.input))
    return passes / (time.process_time() - start)


def figures(quick: bool) -> dict[str, float]:
    """What is found, after how many tries, and at which cost.

    Args:
        quick: Fewer seeds and images.
    """
    seeds, cases = (2, 600) if quick else (12, None)
    measured: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        marked = half_of("phantom-shortcut", Path(folder), cases)
        for name, method in METHODS.items():
            runs = []
            for seed in range(seeds):
                counted = Counted(marked.effects)
                method(counted, seed)
                runs.append(counted.until(LEVEL))
            measured[f"found_{name}"] = float(np.mean([run <= TRIES for run in runs]))
            measured[f"tries_{name}"] = float(np.median(runs))
        counted = Counted(marked.effects)
        start = time.process_time()
        made = search(STRATEGY, counted, Budget(0.10, TRIES, 150, 1))
        seconds = time.process_time() - start
        passes = 2 * SEARCHED * len(counted.effects)
        assert made.place is not None, "the marker's place is found"
        x0, y0, x1, y1 = marked.box(made.place[0])
        measured["shrunk_pixels"] = float((x1 - x0) * (y1 - y0))
        measured["tries_per_second"] = len(counted.effects) / seconds
        measured["share_of_bare_forwards"] = passes / seconds / bare_rate(marked, passes)
        measured["share_outside_scoring"] = 1 - counted.seconds / seconds
        honest = Counted(half_of("phantom-honest", Path(folder), cases).effects)
        search(STRATEGY, honest, Budget(0.10, TRIES, 0, 1))
        measured["largest_honest"] = float(np.nanmax(honest.effects))
    return {name: round(value, 4) for name, value in measured.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two seeds, 600 images")
    parser.add_argument("--json", type=Path, help="where the figures are written")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    measured = figures(chosen.quick)
    text = json.dumps(measured, indent=1)
    print(text)
    if chosen.json:
        chosen.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""The benchmark of explanations: that it runs, what it counts, and that rivals do the same work."""

from __future__ import annotations

import json
import math
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from torch import nn

ROOT = Path(__file__).parents[2]

if not (ROOT / "benchmarks").is_dir():
    pytest.skip("runs in a checkout, not beside an installed wheel", allow_module_level=True)
sys.path.append(str(ROOT / "benchmarks"))

with pytest.MonkeyPatch.context() as _patched:  # numba would compile shap's functions for 15 s
    _patched.setenv("NUMBA_DISABLE_JIT", "1")
    import explain

TINY = explain.Scale(size=16, images=2, references=2, samples=4, maps=5, rounds=1)
QUIET = Console(quiet=True)


def network(outputs=1):
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(392, outputs)
    return nn.Sequential(*layers).eval()


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Counted(nn.Module):
    """Counts the images it is asked about."""

    def __init__(self):
        super().__init__()
        self.inner, self.asked = network(), []

    def forward(self, images):
        self.asked.append(len(images))
        return self.inner(images)


def test_the_figures_of_a_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(explain, "QUICK", TINY)
    monkeypatch.setattr(explain, "build", network)
    monkeypatch.setitem(sys.modules, "quantus", None)
    path = tmp_path / "figures.json"
    explain.main(["--quick", "--json", str(path)])
    figures = json.loads(path.read_text())
    numbers = {name: value for name, value in figures.items() if isinstance(value, int | float)}
    assert all(math.isfinite(value) and value >= 0 for value in numbers.values())
    wanted = {"region_shapley_vs_partition", "gradient_batched_vs_default"}
    wanted |= {f"{name}_seconds" for name in ("gradient", "deep", "partition", "occlusion")}
    assert wanted <= {name for name, value in numbers.items() if value > 0}
    assert "grad_cam_peak_mib" in figures
    assert figures["relevance_mass_vs_quantus"] is None
    assert "quantus cannot be imported" in figures["relevance_mass_vs_quantus_reason"]
    assert figures["gradient_batched_vs_default_3_outputs"] > 0
    assert figures["gradient_difference"] < 1e-4, "the same estimator with the same draws"
    shown = capsys.readouterr().out
    assert all(name in shown for name in wanted)
    assert "seconds per image" in shown


def test_each_side_of_the_regions_asks_what_it_says():
    module = Counted()
    figures = explain.regions(module, TINY, QUIET)
    assert figures["region_shapley_players"] == 4
    ours = [2**count for count in (1, 3, 4, 5, 6)]
    theirs = sum(module.asked) - sum(ours)
    assert 300 - 10 <= theirs - 4 <= 300 + 10, "to a batch of shap's"


def test_relevance_mass_against_quantus_where_there_is_one(monkeypatch):
    seen = {}

    class RelevanceMassAccuracy:
        def __init__(self, **settings):
            seen.update(settings)

        def __call__(self, model, x_batch, y_batch, a_batch, s_batch, channel_first):
            assert a_batch.shape == s_batch.shape == (5, 1, 16, 16)
            size = np.abs(a_batch)
            return list((size * s_batch).sum((1, 2, 3)) / size.sum((1, 2, 3)) + 0.25)

    stand_in = types.SimpleNamespace(RelevanceMassAccuracy=RelevanceMassAccuracy)
    monkeypatch.setitem(sys.modules, "quantus", stand_in)
    figures = explain.masses(TINY, QUIET)
    assert figures["relevance_mass_vs_quantus"] > 0
    assert figures["relevance_mass_difference"] == pytest.approx(0.25, abs=1e-5)
    assert seen["abs"]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells memory")
def test_peak_memory_is_what_a_piece_of_work_takes():
    def work():
        assert torch.ones(48 << 18).sum() > 0  # 48 MiB, given back

    assert 40 < explain.peak(work) < 80
    assert explain.peak(lambda: None) < 20, "what was taken before does not count"


def test_memory_is_unknown_where_the_system_does_not_tell(monkeypatch):
    def refuse(*_):
        raise OSError

    monkeypatch.setattr(explain.ctypes, "CDLL", refuse)
    done = []
    assert explain.peak(lambda: done.append(1)) is None
    assert done == [1]


def test_rivals_take_turns_and_the_best_counts(monkeypatch):
    clock = iter([0, 5, 5, 7, 10, 13, 20, 21])
    stopped = types.SimpleNamespace(perf_counter=lambda: next(clock))
    monkeypatch.setattr(explain, "time", stopped)
    order = []
    a, b = (lambda: order.append("a")), (lambda: order.append("b"))
    assert explain.rivals(a, b, 2) == (3, 1)
    assert order == ["a", "b", "a", "b"]


@pytest.mark.parametrize("count", [1, 3, 6])
def test_a_frame_is_divided_among_so_many(count):
    found = explain.owners(count, 16)
    assert found.shape == (1, 16, 16)
    assert found.unique().tolist() == list(range(count))

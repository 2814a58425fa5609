"""The paper's protocol done plainly: it scores what the engine scores, and tells what it dilates."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]

if not (ROOT / "benchmarks").is_dir():
    pytest.skip("runs in a checkout, not beside an installed wheel", allow_module_level=True)
sys.path.append(str(ROOT / "benchmarks"))

from engine import protocol  # noqa: E402
from engine.world import MASKINGS, run, world  # noqa: E402

NETWORK = "squeezenet1_1"


@pytest.fixture(scope="module")
def made():
    with world(32, 3, NETWORK) as made:
        yield made


def test_scores_are_the_engines(made):
    plain = protocol.Plain(made).scores().numpy()
    ours = np.stack([table.scores[:, 0] for table in run(made.source("a"), made.requests())])
    assert plain.shape == (len(MASKINGS), 3)
    assert np.abs(ours - plain).max() < 1e-5
    assert ours.std() > 0


def test_time_of_dilating_is_that_of_maskings_that_dilate(made, monkeypatch):
    ticks = iter(range(10_000))
    plain = protocol.Plain(made, clock=lambda: float(next(ticks)))
    plain.scores()
    dilated = sum(1 for masking in MASKINGS if masking.hides and masking.dilation)
    assert plain.dilating == 3 * dilated == 60


def test_both_speedups_follow_from_the_seconds(monkeypatch):
    monkeypatch.setattr(protocol, "_SIZES", {32: (4, 2), 40: (2, 2)})
    monkeypatch.setattr(protocol, "computes_bf16", lambda: False)
    monkeypatch.setattr(protocol, "world", lambda px, count: world(px, count, NETWORK))
    found = protocol.figures(quick=False)
    for px in (32, 40):
        share = found[f"dilation_seconds_{px}"] / found[f"plain_seconds_{px}"]
        with_it, without = (found[f"speedup_fp32{name}_{px}"] for name in ("", "_without_dilation"))
        assert without == pytest.approx(with_it * (1 - share))
        assert share <= found["dilation_share"] < 1
    for name in ("speedup_fp32", "speedup_fp32_without_dilation"):
        assert found[name] == min(found[f"{name}_32"], found[f"{name}_40"])
    assert found["score_difference_fp32"] < 1e-5
    assert "speedup_bf16" not in found


def test_a_quick_run_takes_the_smallest_size(monkeypatch):
    monkeypatch.setattr(protocol, "_SIZES", {32: (4, 2), 40: (2, 2)})
    monkeypatch.setattr(protocol, "computes_bf16", lambda: False)
    monkeypatch.setattr(protocol, "world", lambda px, count: world(px, count, NETWORK))
    found = protocol.figures(quick=True)
    assert found["speedup_fp32"] == found["speedup_fp32_32"]
    assert "speedup_fp32_40" not in found

"""The parts of the engine's benchmark on reruns, memory and scaling: what they write and run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

if not (ROOT / "benchmarks").is_dir():
    pytest.skip("runs in a checkout, not beside an installed wheel", allow_module_level=True)
sys.path.append(str(ROOT / "benchmarks"))

from audit_suite.cards import load_dataset_card, load_model_card  # noqa: E402
from audit_suite.datasets import load_dataset  # noqa: E402
from engine import memory, scaling, warm  # noqa: E402
from engine.phantoms import phantoms  # noqa: E402


def test_memory_is_measured_on_as_many_patients_as_are_asked_for(tmp_path):
    memory.write(tmp_path, 6)
    memory.write(tmp_path, 20)
    dataset = load_dataset(load_dataset_card(tmp_path / "data.toml"))
    assert len({case.patient for case in dataset.cases}) == 20
    assert dataset.read(19).image.shape == (memory.SIDE, memory.SIDE)
    assert load_model_card(tmp_path / "net.toml").targets == ("finding",)


def test_the_growth_is_that_of_the_peaks(monkeypatch):
    monkeypatch.setattr(memory, "write", lambda folder, count: None)
    monkeypatch.setattr(memory, "_peak", lambda folder, count: 1024 * (100 + count // 500))
    assert memory.figures(quick=True) == {
        "memory_growth": pytest.approx(106 / 101 - 1),
        "memory_few": 101,
        "memory_many": 106,
    }


def test_scaling_divides_by_the_time_of_one(monkeypatch):
    runs = []

    def wall(commands):
        runs.append([" ".join(command) for command in commands])
        return 12.0 if len(runs) == 1 else 12.0 / len(runs)

    monkeypatch.setattr(scaling, "wall", wall)
    found = scaling.figures(quick=True)
    assert found["scaling_one"] == 12.0
    assert found["scaling_workers"] == 2.0
    assert found["scaling_shards"] == 3.0
    assert [len(run) for run in runs][:3] == [1, 2, 2]
    assert "--shard 1/2" in runs[2][0]
    assert "--shard 2/2" in runs[2][1]
    assert len({command.split("--evidence ")[1].split()[0] for run in runs for command in run}) >= 3


def test_phantoms_are_of_the_reference_model():
    before = Path.cwd()
    with phantoms(4) as (folder, (model,), (data,)):
        assert Path.cwd() == folder
        assert load_model_card(model).name == "phantom-honest"
        assert len(load_dataset(load_dataset_card(data)).cases) == 4
    assert Path.cwd() == before
    assert warm.seconds(lambda: 7)[1] == 7

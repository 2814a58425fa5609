"""The benchmark of a CUDA card, all of it once on the CPU: a small network, few small images."""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

ROOT = Path(__file__).parents[2]

if not (ROOT / "benchmarks").is_dir():
    pytest.skip("runs in a checkout, not beside an installed wheel", allow_module_level=True)
sys.path.append(str(ROOT / "benchmarks"))

from audit_suite.evidence import profile  # noqa: E402
from audit_suite.evidence.cache import ENDING  # noqa: E402
from audit_suite.evidence.scores import prepare  # noqa: E402
from engine.world import run, world  # noqa: E402
from gpu import cli, network, scoring  # noqa: E402
from gpu.bench import Bench, Scale, uncompiled  # noqa: E402
from gpu.headline import RELEASE, headline  # noqa: E402

SCALE = Scale(
    device="cpu",
    network="squeezenet1_1",
    images={32: 4, 48: 4},
    films=2,
    before=4,
    plain=2,
    explained=1,
    rate=0.01,
)
MEASURED = {
    "precision_224": "bf16",
    "bare_fp32_224": 2900.0,
    "bare_bf16_224": 9000.0,
    "bare_own_224": 8000.0,
    "bare_free_224": 10000.0,
    "engine_eager_224": 6000.0,
    "engine_asked_224": 7000.0,
    "engine_before_224": 400.0,
    "plain_asked_224": 50.0,
    "plain_asked_without_dilation_224": 70.0,
    "scores_identical_224": 1.0,
    "maps_identical_gradient_224": 1.0,
}


@pytest.fixture(scope="module")
def figures(tmp_path_factory) -> dict[str, Any]:
    """What the command writes, its network compiled by nothing that takes long."""
    file = tmp_path_factory.mktemp("gpu") / "gpu.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
        patch.setattr(network, "_QUEUED", 1)
        patch.setitem(profile._PIXELS_A_BATCH, "cpu", 1 << 13)
        patch.setitem(RELEASE, 32, 435.0)
        assert cli.main(["--json", str(file), "--seconds", "500"], SCALE) == 0
    return json.loads(file.read_text())


@pytest.fixture(scope="module")
def bench():
    with world(32, 2, SCALE.network) as made:
        yield Bench(made, SCALE)


def test_every_part_ends(figures):
    assert figures["failed"] == ""
    assert figures["skipped"] == ""
    assert figures["seconds"] > 0


@pytest.mark.parametrize(
    "name",
    [
        "best_bare",
        "engine_share_32",
        "engine_share_48",
        "overhead_32",
        "overhead_48",
        "speedup_default",
        "speedup_release_32",
        "speedup_plain_32",
        "speedup_plain_without_dilation_32",
        "decode_png_32",
        "decode_jpeg_48",
        "decode_jpeg_torchvision_48",
        "prepare_cold_32",
        "prepare_warm_48",
        "explained_gradient_32",
        "explained_deep_32",
        "bare_free_32",
        "compile_seconds_48",
    ],
)
def test_what_is_measured_is_a_rate_or_a_ratio(figures, name):
    assert figures[name] > 0


def test_the_card_is_named(figures):
    assert figures["card"] == "cpu"
    assert figures["torch"] == torch.__version__


def test_runs_repeat(figures):
    assert figures["repeat_identical"] == 1.0
    assert figures["scores_identical_32"] == 1.0
    assert figures["compiled_scores_identical_48"] == 1.0
    assert figures["maps_identical_gradient_32"] == 1.0


def test_one_graph_is_compiled_for_each_size(figures):
    assert figures["compiled_32"] == figures["compiled_48"] == "yes"
    assert figures["graphs_32"] == figures["graphs_48"] == 1


def test_a_network_that_cannot_be_compiled_is_told_with_the_reason(bench, monkeypatch):
    def refuse(module, dynamic):
        def run(batch):
            raise OSError("no compiler\nin sight")

        return run

    monkeypatch.setattr(torch, "compile", refuse)
    (figures,) = scoring.compiled(bench)
    assert figures == {"compiled_32": "no: OSError: no compiler"}


def test_one_that_gives_other_scores_when_compiled_is_told_too(bench, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda module, dynamic: lambda batch: module(batch) + 9)
    (figures,) = scoring.compiled(bench)
    assert figures == {"compiled_32": "no: its outputs differ from the network's own"}


def test_a_warm_cache_is_read_from_disk_and_each_image_has_its_own_file(bench, monkeypatch):
    decoded = []
    make = prepare._made
    monkeypatch.setattr(prepare, "_made", lambda *of: decoded.append(1) or make(*of))
    with uncompiled():
        run(bench.source("one", "fp32"), bench.requests[:2])
        first = len(decoded)
        run(bench.source("other", "fp32"), bench.requests)
    assert len(decoded) == first
    assert len(list((bench.made.folder / "cache" / "pixels").rglob(f"*{ENDING}"))) >= 4


def test_the_last_digits_of_another_run_are_noticed(bench, monkeypatch):
    score = scoring.AuditedModel.score
    noise = torch.Generator().manual_seed(0)

    def shaken(self, batch):
        scores, embeddings = score(self, batch)
        return scores + 1e-6 * torch.rand(scores.shape, generator=noise), embeddings

    monkeypatch.setattr(scoring.AuditedModel, "score", shaken)
    with world(32, 2, SCALE.network) as made:
        (figures,) = scoring.repeated(Bench(made, SCALE))
    assert figures["scores_identical_32"] == 0.0


def test_noise_is_what_the_engine_shows_a_network(bench):
    assert not network.noise(bench.model(bench.chosen), 2).is_inference()


def test_algorithms_are_free_for_one_measurement_alone():
    cudnn = torch.backends.cudnn
    before = cudnn.benchmark, cudnn.deterministic, torch.are_deterministic_algorithms_enabled()
    with network.freely():
        assert cudnn.benchmark
        assert not cudnn.deterministic
        assert not torch.are_deterministic_algorithms_enabled()
    assert before == (
        cudnn.benchmark,
        cudnn.deterministic,
        torch.are_deterministic_algorithms_enabled(),
    )


def test_batches_for_which_memory_runs_out_do_not_count(bench, monkeypatch):
    def rate(model, precision, batch, scale):
        if batch > 8:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return float(batch)

    monkeypatch.setattr(network, "rate", rate)
    model = bench.model(bench.chosen)
    assert network.best_rate(model, "fp32", (4, 8, 16), SCALE) == 8.0
    with pytest.raises(torch.OutOfMemoryError):
        network.best_rate(model, "fp32", (16,), SCALE)


def test_headline_compares_with_the_best_of_the_same_precision():
    found = headline(MEASURED, (224, 512))
    assert found == {
        "engine_224": 6000.0,
        "engine_share_224": 0.6,
        "speedup_release_224": 6000 / 435,
        "overhead_224": 8000 / 6000,
        "speedup_plain_224": 140.0,
        "speedup_plain_without_dilation_224": 100.0,
        "best_bare": 10000.0,
        "speedup_default": 15.0,
        "repeat_identical": 1.0,
    }


def test_headline_takes_the_compiled_engine_and_network_once_they_are_measured():
    compiled = {"bare_compiled_224": 16000.0, "engine_compiled_224": 8000.0}
    found = headline(MEASURED | compiled, (224,))
    assert found["engine_share_224"] == 0.5
    assert found["best_bare"] == 16000.0
    assert found["speedup_default"] == 20.0
    assert found["overhead_224"] == 8000 / 6000


def test_one_difference_between_two_runs_is_enough():
    assert headline(MEASURED | {"maps_identical_deep_224": 0.0}, (224,))["repeat_identical"] == 0.0


def test_nothing_follows_from_nothing():
    assert headline({"card": "cpu"}, (224, 512)) == {}


def _measuring(monkeypatch, *parts: cli.Part) -> None:
    monkeypatch.setattr(cli, "PARTS", parts)


def _ended(tmp_path, *arguments: str) -> tuple[int, dict[str, Any]]:
    file = tmp_path / "gpu.json"
    code = cli.main([*arguments, "--json", str(file)], SCALE)
    return code, json.loads(file.read_text())


def test_a_part_is_stopped_when_the_time_is_over_and_what_it_has_is_kept(
    tmp_path, monkeypatch, capsys
):
    def slow(bench):
        yield {f"first_{bench.px}": 1.0}
        time.sleep(60)
        yield {f"second_{bench.px}": 1.0}

    _measuring(monkeypatch, cli.Part("slow", slow), cli.Part("next", slow, both=True))
    start = time.monotonic()
    code, figures = _ended(tmp_path, "--seconds", "2")
    assert time.monotonic() - start < 30
    assert code == 0
    assert figures["first_32"] == 1.0
    assert "second_32" not in figures
    assert figures["skipped"] == "slow-32 (stopped); next-32; next-48"
    assert "skipped: slow-32 (stopped); next-32; next-48" in capsys.readouterr().out


def test_a_part_for_which_too_little_time_is_left_is_not_begun(tmp_path, monkeypatch):
    long = cli.Part("long", lambda bench: iter([{"long": 1.0}]), least=100.0)
    short = cli.Part("short", lambda bench: iter([{"short": 1.0}]))
    _measuring(monkeypatch, long, short)
    _, figures = _ended(tmp_path, "--seconds", "50")
    assert figures["skipped"] == "long-32"
    assert figures["short"] == 1.0
    assert "long" not in figures


def test_a_part_that_fails_costs_no_other(tmp_path, monkeypatch, capsys):
    def broken(bench):
        yield {"before": 2.0}
        raise RuntimeError("no kernel\nfor this")

    fine = cli.Part("fine", lambda bench: iter([{"fine": 1.0}]))
    _measuring(monkeypatch, cli.Part("broken", broken), fine)
    code, figures = _ended(tmp_path)
    assert code == 1
    assert figures["failed"] == "broken-32: RuntimeError: no kernel"
    assert (figures["before"], figures["fine"]) == (2.0, 1.0)
    assert "failed: broken-32" in capsys.readouterr().out


def test_figures_are_written_as_soon_as_there_is_one(tmp_path, monkeypatch):
    seen = []

    def looking(bench):
        yield {"one": 1.0}
        seen.append(json.loads((tmp_path / "gpu.json").read_text())["one"])

    _measuring(monkeypatch, cli.Part("looking", looking))
    _ended(tmp_path)
    assert seen == [1.0]


def test_a_quick_run_takes_the_smallest_images_alone(tmp_path, monkeypatch):
    sides = []
    both = cli.Part("both", lambda bench: sides.append(bench.px) or iter(()), both=True)
    _measuring(monkeypatch, both)
    _ended(tmp_path, "--quick")
    assert sides == [32]
    _ended(tmp_path)
    assert sides == [32, 32, 48]


def test_one_part_can_be_asked_alone(tmp_path, monkeypatch):
    parts = [cli.Part(name, lambda bench, n=name: iter([{n: 1.0}])) for name in ("a", "b")]
    _measuring(monkeypatch, *parts)
    _, figures = _ended(tmp_path, "--part", "b")
    assert "b" in figures
    assert "a" not in figures


def test_without_a_card_it_says_where_to_run(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert cli.main([]) == 2
    assert "measures a CUDA card" in capsys.readouterr().err

"""Operating characteristics of the default rules: the fast figures are the product's."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]

if not (ROOT / "benchmarks").is_dir():
    pytest.skip("runs in a checkout, not beside an installed wheel", allow_module_level=True)
sys.path.append(str(ROOT / "benchmarks"))

from audit_suite.statistics import (  # noqa: E402
    DecisionRule,
    Family,
    estimate_auroc,
    recording,
    share_kept,
)
from audit_suite.verdict import Verdict  # noqa: E402
from decisions import cells, cli, phantom_pools, real_pools  # noqa: E402
from decisions.binormal import Design, draw, layout, simulate  # noqa: E402
from decisions.contrasts import p_of_difference, p_of_share  # noqa: E402
from decisions.looks import look  # noqa: E402
from decisions.pools import Pool, resample  # noqa: E402
from decisions.rule import Levels, decide  # noqa: E402
from decisions.sums import sums_of  # noqa: E402
from detection import grid, training  # noqa: E402


def some_scores(kind, rng):
    """Labels, patients and scores (2 conditions), and what is special about them."""
    patients = {
        "one image": np.arange(90),
        "three images": np.repeat(np.arange(30), 3),
        "some with several": np.sort(rng.integers(0, 40, 90)),
        "ties": np.arange(90),
        "perfect": np.arange(90),
        "constant": np.arange(90),
        "labels that differ within a patient": np.repeat(np.arange(30), 3),
    }[kind]
    patients = np.unique(patients, return_inverse=True)[1]
    labels = (patients % 3 == 0).astype(int)
    if kind.startswith("labels"):
        labels = (rng.random(90) < 0.4).astype(int)
    scores = rng.normal(size=(2, 90)) + labels
    if kind == "ties":
        scores = scores.round()
    elif kind == "perfect":
        scores[0] += 9 * labels
    elif kind == "constant":
        scores[1] = 0
    return labels, patients, scores


@pytest.mark.parametrize(
    "kind",
    [
        "one image",
        "three images",
        "some with several",
        "ties",
        "perfect",
        "constant",
        "labels that differ within a patient",
    ],
)
def test_the_fast_sums_are_those_of_the_product(kind):
    rng = np.random.default_rng(1)
    labels, patients, scores = some_scores(kind, rng)
    sums = sums_of(labels, patients, scores[None])
    names = [f"p{number:03}" for number in patients]
    for place, row in enumerate(scores):
        estimate = estimate_auroc(labels, row, names, "d")
        variance = np.trace(sums.products[0, :, place : place + 1, place : place + 1].sum(0))
        assert sums.auroc[0, place] == pytest.approx(estimate.value, abs=1e-12)
        assert variance + sums.beyond[0, place] == pytest.approx(estimate.se**2, rel=1e-9)
    a, b = (estimate_auroc(labels, row, names, "d") for row in scores)
    gap = np.array([1.0, -1.0])
    variance = np.einsum("k,skl,l->", gap, sums.products[0], gap) + sums.beyond[0].sum()
    assert variance == pytest.approx((a - b).se ** 2, rel=1e-9)
    assert (sums.fewest, sums.edge) == (a.fewest, a.edge)


@pytest.mark.parametrize("seed", range(6))
def test_the_contrasts_and_verdicts_are_those_of_the_product(seed):
    rng = np.random.default_rng(seed)
    kept = (0.0, 0.0, 0.25, 0.5, 1.0, -0.6)[seed]
    design = Design(0.85, abs(kept), 400, 0.3, inverted=kept < 0)
    labels, patients = layout(design)
    (scores,) = draw(rng, design, labels, patients, 1)
    sums = sums_of(labels, patients, scores[None])
    full, *hidden = (estimate_auroc(labels, row, patients, "d") for row in scores)
    kept = [share_kept(estimate, full) for estimate in hidden]
    for place, share in enumerate(kept, start=1):
        for limit in (0.25, -0.25, 0.6):
            above, below = p_of_share(sums, place, 0, limit)
            assert above[0] == pytest.approx(share.scale.p_above(limit), rel=1e-6, abs=1e-12)
            assert below[0] == pytest.approx(share.scale.p_below(limit), rel=1e-6, abs=1e-12)
    above, _ = p_of_difference(sums, 0, 1, 0.05)
    assert above[0] == pytest.approx((full - hidden[0]).scale.p_above(0.05), rel=1e-6, abs=1e-12)
    with recording(DecisionRule(0.05, cases=4)):
        skill = full.compare(">", 0.6).verdict
        shares = Family(kept).distance_to(0).compare("<", 0.25).verdict
        chance = Family(hidden).distance_to(0.5).compare("<", 0.05).verdict
    (found,) = (decide(sums, Levels.of(targets=1)),)
    assert found.skilled[0] == (skill is Verdict.PASS)
    assert found.open[0] == (skill is shares is Verdict.PASS)
    assert found.kept_failed[0] == (shares is Verdict.FAIL)
    assert found.chance_failed[0] == (chance is Verdict.FAIL)


def test_simulated_scores_have_the_aurocs_of_the_design():
    design = Design(auroc=0.9, kept=0.5, patients=2000, prevalence=0.3, images=3, inverted=True)
    aurocs = np.concatenate([sums.auroc for sums in simulate(design, 20, 1)])
    assert aurocs.mean(axis=0) == pytest.approx([0.9, 0.3, 0.7, 0.7], abs=0.01)
    labels, patients = layout(design)
    assert (labels.sum(), patients.max()) == (1800, 1999)
    scores = draw(np.random.default_rng(2), design, labels, patients, 2)
    within = np.corrcoef(scores[0, 0].reshape(-1, 3)[600:].T)[0, 1]
    assert within == pytest.approx(0.5, abs=0.08), "images of a patient share half of the variance"
    noise = scores[0][:, 1800:]
    assert np.corrcoef(noise)[1, 2] == pytest.approx(0.7, abs=0.05)
    again = np.concatenate([sums.auroc for sums in simulate(design, 20, 1)])
    assert again.tolist() == aurocs.tolist()


def rates(design, levels=None, replicates=200, **how):
    parts = [decide(s, levels or Levels.of(), **how) for s in simulate(design, replicates, 5)]
    return tuple(
        float(np.concatenate([getattr(part, name) for part in parts]).mean())
        for name in ("open", "closed")
    )


def test_who_is_opened_and_who_is_closed():
    honest = Design(0.9, 0.0, 1500, 0.1)
    opened, closed = rates(honest)
    assert opened > 0.85
    assert closed == 0
    assert rates(Design(0.9, 1.0, 500, 0.3)) == (0, 1)
    assert rates(Design(0.5, 0.0, 1500, 0.3))[0] == 0, "no skill, nothing opened"
    assert rates(Design(0.5, 0.0, 1500, 0.3))[1] > 0.9, "shown to have none: closed by R1"
    assert rates(Design(0.9, 0.0, 150, 0.1)) == (0, 0), "fifteen positives get no verdict"
    five = rates(honest, Levels.of(looks=10))[0]
    assert five < opened, "each look has its share of the level"


def test_inverted_under_one_fill_is_closed_only_by_either_side():
    turned = Design(0.9, 1.0, 500, 0.3, inverted=True)
    assert rates(turned) == (0, 1)
    before = rates(turned, two_of_three=False)
    assert before == (0, 0), "asked of all fills on one side, it can never fail"


def pool_of(rng, images=1, kept=0.0, patients=400):
    design = Design(0.9, kept, patients, 0.5, images)
    labels, numbers = layout(design)
    (scores,) = draw(rng, design, labels, numbers, 1)
    return Pool("some", "honest", labels, numbers, scores)


def test_test_sets_are_drawn_from_a_pool_by_patient(tmp_path):
    pool = pool_of(np.random.default_rng(3), images=2, kept=0.5)
    pool.save(tmp_path / "deep" / "some.npz")
    same = Pool.load(tmp_path / "deep" / "some.npz")
    assert (same.name, same.truth, same.images) == ("some", "honest", 2)
    assert same.scores.tolist() == pool.scores.tolist()
    drawn = resample(pool, 300, 0.2, 40, 1)
    assert sum(len(sums.auroc) for sums in drawn) == 40
    assert {(sums.strata, sums.fewest) for sums in drawn} == {((60, 240), 60)}
    aurocs = np.concatenate([sums.auroc for sums in drawn])
    one_by_one = Pool(
        "ragged", "", *(a[..., 1:] for a in (pool.labels, pool.patients, pool.scores))
    )
    again = np.concatenate([sums.auroc for sums in resample(one_by_one, 300, 0.2, 40, 1)])
    assert again == pytest.approx(aurocs, abs=0.02), "one image less hardly matters"
    mean = aurocs.mean(axis=0)
    assert mean == pytest.approx(pool.aurocs, abs=0.02), "the pool is the truth"
    assert pool.kept == pytest.approx([0.5] * 3, abs=0.15)


def test_declared_looks_cost_an_honest_model_and_stop_a_quarter_keeper():
    honest = look(Design(0.95, 0.0, 500, 0.3), 12, 1)
    assert honest.first[1] >= honest.first[5] >= honest.first[10]
    assert honest.declared[10] >= honest.first[10]
    quarter = look(Design(0.9, 0.25, 500, 0.3), 12, 1)
    assert quarter.freely >= quarter.declared[5]
    assert quarter.freely >= quarter.summable
    assert look(Design(0.9, 1.0, 300, 0.3), 3, 1).freely == 0


def test_from_the_command_line_to_the_page(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(4)
    monkeypatch.delenv("AUDIT_REAL_DATA", raising=False)
    monkeypatch.setattr(phantom_pools, "pools", lambda folder: [pool_of(rng)])
    monkeypatch.setattr(cli, "_LOOKED", ((0.0, 200, 0.3),))
    monkeypatch.setattr(cells, "PATIENTS", (200, 500))
    monkeypatch.setattr(cells, "KEPT", (0.0, 0.5))
    out, data = tmp_path / "page.md", tmp_path / "figures.json"
    cli.main(["--quick", "--replicates", "20", "--out", str(out), "--json", str(data)])
    figures = json.loads(data.read_text())
    assert set(figures) == {"command", "seed", "seconds", "binormal", "pools", "looks"}
    line = figures["binormal"][0]
    assert line["open"] + line["undecided"] + line["closed_1"] == pytest.approx(1)
    assert 0 <= line["planned"] <= 1
    text = out.read_text()
    assert figures["command"] in text
    for heading in ("## Binormal scores", "## Real scores", "## Looks", "Planned against observed"):
        assert heading in text
    assert "![Open, undecided and closed against patients](page.svg)" in text
    drawn = ElementTree.parse(out.with_suffix(".svg")).getroot()
    assert "30% of the patients" in "".join(drawn.itertext())
    assert "real images are left out" in capsys.readouterr().out
    pool_of(rng).save(tmp_path / "pools" / "mine.npz")
    stored = ["--stored", "--pools", str(tmp_path / "pools"), "--part", "pools"]
    cli.main([*stored, "--quick", "--replicates", "5"])
    assert capsys.readouterr().out.startswith("some, ")


def test_a_network_is_trained_and_shown_every_patient_four_times(monkeypatch):
    monkeypatch.setattr(training, "TRAINING_PATIENTS", 60)
    monkeypatch.setattr(training, "EPOCHS", 1)
    monkeypatch.setattr(phantom_pools, "PATIENTS", 50)
    world = grid.World(network="patch_transformer")
    plan = phantom_pools.Plan("partial", grid.Setting("border", 1.0, 0, world=world), 0.6, 0.5, 2)
    pool = phantom_pools.make(plan)
    assert pool.scores.shape == (4, 50)
    assert pool.images == 2
    assert pool.name == "border-patch-transformer-100-0-agrees-60-x2"
    assert not np.allclose(pool.scores[0], pool.scores[1]), "the box is hidden"


@pytest.mark.real_data
def test_a_shortcut_is_planted_into_real_images_and_nothing_else_changes():
    shown = real_pools.read("pneumonia")
    assert len(shown.labels) == 300
    marked = real_pools._with(
        lambda image, regions, rng: real_pools._shortcut("corner_marker", image, regions, rng),
        shown,
        0.9,
    )
    changed = (marked != shown.images).any(axis=(1, 2))
    assert np.mean(changed == (shown.labels == 1)) == pytest.approx(0.9, abs=0.06)
    assert not ((marked != shown.images) & shown.regions).any(), "outside the lungs"


def test_a_held_out_head_scores_what_was_planted(monkeypatch):
    rng = np.random.default_rng(5)
    images = rng.integers(80, 120, (60, 32, 32), dtype=np.uint8)
    regions = np.zeros((60, 32, 32), bool)
    regions[:, 8:24, 8:24] = True
    shown = real_pools.Shown(images, regions, np.arange(60) % 2, np.arange(60))
    monkeypatch.setattr(real_pools, "read", lambda name: shown)
    monkeypatch.setattr(real_pools, "features", brightness)
    honest = real_pools.make("f", "honest", real_pools._Seen("x"), real_pools._opacity)
    assert honest.aurocs[0] > 0.9
    assert abs(honest.aurocs[1] - 0.5) < 0.25, "nothing is left outside the box"
    assert honest.labels.tolist() != shown.labels.tolist()
    marked = real_pools.make("m", "planted", real_pools._Seen("x"), marker)
    assert marked.aurocs[1:] == pytest.approx([marked.aurocs[0]] * 3, abs=0.15)


def brightness(images, regions, mean):
    """As features: mean brightness of the middle and of the rest, the middle also hidden."""
    whole = np.stack([images[:, 8:24, 8:24].mean((1, 2)), images[:, :8].mean((1, 2))], axis=1)
    return np.stack([whole, *[whole * [0, 1] + [100 * mean, 0]] * 3])


def marker(image, regions, rng):
    image = image.copy()
    image[:4, :4] = 255
    return image

"""Shifts of rank, flips, responses and curves under changes (X1, X2), on made-up scores and files."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from needs.evidence import Stored, case, cell, findings, table
from PIL import Image
from scipy.stats import norm

from audit_suite import Full, NotApplicable, Verdict, changed
from audit_suite.cards import load_dataset_card
from audit_suite.datasets import load_dataset
from audit_suite.errors import AuditError
from audit_suite.evidence.scores.changed import ChangedRequest, changed_dataset
from audit_suite.statistics.median import estimate_median

POINT = '[operating_points.sick]\nprobability = 0.5\nsource = "test"\n'
COUNT = 1200
OUTLINED = 'roi = ["lungs"]\nfinding = "spots"\n[regions.spots]\ncolumn = "spot"'


def world(effects=None, corrupted=None):
    """Scores of whole images, and of changed ones: ``effects`` by change, as functions of these."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, COUNT)
    scores = labels * 2.0 + rng.normal(size=COUNT)
    cases = [case(i, y) for i, y in enumerate(labels)]

    def read(request):
        if not isinstance(request, ChangedRequest):
            return table(scores)
        effect = (effects or {}).get(request.change, lambda s, y: s)
        noise = (corrupted or {}).get(request.change, 0.0) * request.severity
        other = np.random.default_rng(request.severity).normal(size=COUNT)
        return table(effect(scores, labels) + noise * other)

    return Stored(cases, read)


def by_case(check, cell, source):
    return {suffix: finding for suffix, finding, _ in findings(check, cell, source)}


def test_the_shift_is_that_of_ranks_among_whole_images(tmp_path):
    source = world({"level": lambda s, y: s + 0.3})
    found = changed("level").estimate(cell(tmp_path), source)
    scores = source.read(cell(tmp_path).requests(Full())[0]).scores[:, 0]
    ranks = [(scores < s).mean() + (scores == s).mean() / 2 for s in (*scores, *(scores + 0.3))]
    expected = np.median(np.abs(np.array(ranks[COUNT:]) - ranks[:COUNT]))
    assert found.value == pytest.approx(expected)
    assert found.at == {"change": "level", "severity": 1.0}


def test_a_fragile_model_fails_where_it_is_moved_and_passes_elsewhere(tmp_path):
    source = world({"marker-added": lambda s, y: s + 1.0, "jpeg": lambda s, y: s + 0.01})
    found = by_case("X1", cell(tmp_path), source)
    failed = {name for name, one in found.items() if one.verdict is Verdict.FAIL}
    assert failed == {"marker-added"}
    assert {one.verdict for name, one in found.items() if name not in failed} == {Verdict.PASS}
    assert found["jpeg"].role == "context"


def test_decisions_that_flip_fail(tmp_path):
    source = world({"window": lambda s, y: -s})
    found = by_case("X1-flips", cell(tmp_path, model=POINT), source)
    assert {name for name, one in found.items() if one.verdict is Verdict.FAIL} == {"window"}
    assert found["jpeg"].estimate.value == 0
    bare = by_case("X1-flips", cell(tmp_path), source)
    assert all("declares no operating point" in one.reason for one in bare.values())


def test_a_model_must_answer_to_the_finding(tmp_path):
    outlined = cell(tmp_path, roi=OUTLINED)
    honest = world(
        {
            "finding-removed": lambda s, y: s - 1.5 * (y == 1),
            "finding-pasted": lambda s, y: s + 1.5 * (y == 0),
        }
    )
    found = by_case("X1-finding", outlined, honest)
    assert {one.verdict for one in found.values()} == {Verdict.PASS}
    blind = world({name: lambda s, y: s + 1e-3 for name in ("finding-removed", "finding-pasted")})
    found = by_case("X1-finding", outlined, blind)
    assert {one.verdict for one in found.values()} == {Verdict.FAIL}
    unmoved = by_case("X1-finding", outlined, world())
    assert all("no image was changed" in one.reason for one in unmoved.values())
    none = by_case("X1-finding", cell(tmp_path), honest)
    assert all("(key targets.sick.finding)" in one.reason for one in none.values())


def test_a_target_that_depends_on_the_side_is_not_mirrored(tmp_path):
    sided = cell(tmp_path, roi='roi = ["lungs"]\nsided = true')
    with pytest.raises(NotApplicable, match=r"targets\.sick\.sided"):
        changed("side-flipped").requests(sided)
    assert changed("rotated").requests(sided)


def test_the_curve_is_shown_and_its_first_step_is_judged(tmp_path):
    found = by_case("X2", cell(tmp_path), world(corrupted={"noise": 0.1, "blur": 3.0}))
    assert found["noise"].verdict is Verdict.PASS
    assert found["blur"].verdict is Verdict.FAIL
    severities = [one.at["severity"] for one in found["blur"].observations]
    assert severities == [0, 1, 2, 3, 4, 5]
    areas = [one.value for one in found["noise"].observations]
    assert areas[0] > areas[-1]


def test_each_change_and_each_target_has_evidence_of_its_own(tmp_path):
    outlined = cell(tmp_path, roi=OUTLINED)

    class Source(Stored):
        precisions = SimpleNamespace(of=lambda pair: "fp32")

        def model_digest(self, card, fold):
            return "model"

    source = Source([case(0, 1), case(1, 0)], {})
    needs = [changed(n) for n in ("noise", "blur", "finding-removed")] + [
        changed("noise", severity=2)
    ]
    keys = [need.requests(outlined)[1].key(source, 0) for need in needs]
    whole = needs[0].requests(outlined)[0].key(source, 0)
    assert len({*keys, whole}) == 5


@pytest.fixture
def files(tmp_path):
    """Images of patients of whom every second has a bright spot, with its outline."""
    rows = ["image,patient_id,sick,mask,spot"]
    square = np.zeros((32, 32), np.uint8)
    square[6:26, 6:26] = 255
    Image.fromarray(square).save(tmp_path / "lung.png")
    rng = np.random.default_rng(0)
    for number in range(8):
        image = rng.normal(100, 3, (32, 32))
        spot = np.zeros((32, 32), np.uint8)
        if number % 2:
            spot[10 + number : 16 + number, 12:18] = 255
            image[spot > 0] = 240
        Image.fromarray(image.astype(np.uint8)).save(tmp_path / f"{number}.png")
        Image.fromarray(spot).save(tmp_path / f"spot{number}.png")
        outline = f"spot{number}.png" if number % 2 else ""
        rows.append(f"{number}.png,p{number},{number % 2},lung.png,{outline}")
    (tmp_path / "m.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


CARD = """
schema = 1
name = "d"
reader = "manifest"
manifest = "m.csv"
masks = {{ shared = ["lungs"], source = "one mask for all" }}
[targets.sick]
column = "sick"
roi = ["lungs"]
finding = "{finding}"
[regions.lungs]
column = "mask"
[regions.spots]
column = "spot"
"""


def test_findings_are_taken_away_and_put_into_files(files):
    (files / "d.toml").write_text(CARD.format(finding="spots"))
    dataset = load_dataset(load_dataset_card(files / "d.toml"))
    gone = changed_dataset(dataset, "finding-removed", 1, "sick", seed=0)
    put = changed_dataset(dataset, "finding-pasted", 1, "sick", seed=0)
    for index, one in enumerate(dataset.cases):
        before = dataset.read(index).image.astype(int)
        if one.labels["sick"]:
            assert before.max() > 230
            assert gone.read(index).image.max() < 150
        else:
            assert np.array_equal(gone.read(index).image, before)
            assert put.read(index).image.max() > 200
    assert np.array_equal(put.read(0).image, put.read(0).image)
    assert dataset.digest == gone.digest, "the key says what was changed"


@pytest.mark.parametrize("finding", ["lungs", "nothing"])
def test_the_outline_is_a_region_of_its_own(files, finding):
    (files / "d.toml").write_text(CARD.format(finding=finding))
    with pytest.raises(AuditError, match=r"targets\.sick\.finding"):
        load_dataset_card(files / "d.toml")


def test_cards_that_name_no_finding_keep_their_digest(tmp_path):
    here = cell(tmp_path)
    assert not {"finding", "sided"} & set(here.dataset.targets["sick"].model_dump())


def test_the_median_has_the_interval_of_woodruff():
    """It covers the truth with several images a patient, and holds where all values are equal."""
    held = 0
    for seed in range(120):
        rng = np.random.default_rng(seed)
        values = np.repeat(rng.exponential(size=80), 3) + 0.01 * rng.random(240)
        patients = np.repeat(np.arange(80), 3).astype(str)
        low, high = estimate_median(values, patients, "d", "m").interval()
        held += low < np.log(2) + 0.005 < high
    assert held >= 107  # 114 expected
    same = estimate_median(np.zeros(100), np.arange(100).astype(str), "d", "m")
    assert (same.value, same.interval()) == (0, (0, 0))
    assert same.compare("<", 0.05).verdict is Verdict.PASS
    normal = norm.ppf((np.arange(999) + 0.5) / 999)
    assert estimate_median(normal, np.arange(999).astype(str), "d", "m").se == pytest.approx(
        (np.pi / 2 / 999) ** 0.5, rel=0.03
    )

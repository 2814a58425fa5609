"""Dilation: every point against masks dilated by iterations, and what R10, C2 and C12 make of it."""

from __future__ import annotations

import numpy as np
import pytest
from cards import dataset_card, input_spec, model_card, phantom_card
from hypothesis import given
from hypothesis import strategies as st
from needs.evidence import (
    Stored,
    binormal,
    case,
    cell,
    judged,
    table,
    verdict,
)
from scipy.ndimage import binary_dilation

from audit_suite import FACTORS, NotApplicable, OnlyROI, WithoutROI, at_margin, auroc, dilated
from audit_suite import selective as selective_dilation
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.needs import Need
from audit_suite.needs.scores.dilation import FRAME, as_factor, radius
from audit_suite.report.charts.curves import curves
from audit_suite.statistics import estimate_auroc

SIZE = 32
SHARE = FRAME / SIZE  # pixels of the paper's frame in one of ours


def pixels_of(factor):
    """Iterations of dilation in a frame of 32: at least one for a factor that is not 0."""
    return 0 if factor == 0 else max(1, round(factor / SHARE))


def grown(mask, iterations):
    return binary_dilation(mask, iterations=iterations) if iterations else mask


class Drawn(Stored):
    """Discs on noise; the model's score is the mean of what it is shown."""

    def __init__(self, count=60, size=(4.0, 4.0), seed=0):
        rng = np.random.default_rng(seed)
        labels = rng.permutation(np.arange(count) % 2)
        # Two images of every third patient.
        patients = [f"p{i - (i % 3 == 1)}" for i in range(count)]
        super().__init__(
            [case(i, labels[i], patients[i]) for i in range(count)], self._table, "drawn"
        )
        y, x = np.mgrid[:SIZE, :SIZE]
        centres = rng.uniform(12, 20, (count, 2))
        radii = np.where(labels, size[1], size[0]) + rng.normal(0, 0.8, count)
        self.masks = (y - centres[:, :1, None]) ** 2 + (
            x - centres[:, 1:, None]
        ) ** 2 <= np.maximum(radii, 1.5)[:, None, None] ** 2
        self.images = rng.random((count, SIZE, SIZE)) + 0.15 * labels[:, None, None] * self.masks
        self.asked = []

    def visible(self, keep, iterations):
        masks = np.stack([grown(mask, iterations) for mask in self.masks])
        return masks if keep == "inside" else ~masks

    def scores(self, keep, iterations):
        shown = np.where(self.visible(keep, iterations), self.images, 0)
        return shown.mean(axis=(1, 2)).astype(np.float32)

    def _table(self, request):
        self.asked.append(request)
        masking = request.masking
        visible = self.visible(masking.keep, masking.dilation)
        return table(self.scores(masking.keep, masking.dilation), 1 - visible.mean(axis=(1, 2)))


@pytest.fixture
def here(tmp_path):
    return cell(tmp_path, size=SIZE)


@pytest.mark.parametrize("masking", [WithoutROI(), OnlyROI()], ids=lambda masking: masking.id)
def test_every_point_of_a_curve_is_the_auroc_on_masks_dilated_by_iterations(here, masking):
    drawn = Drawn()
    for factor in FACTORS:
        found = dilated(masking, factor).estimate(here, drawn)
        count = pixels_of(factor)
        expected = estimate_auroc(
            drawn.labels,
            drawn.scores(masking.keep, count).astype(float),
            drawn.patients,
            "drawn",
        )
        share = drawn.visible(masking.keep, count).mean(axis=(1, 2))
        assert (found.value, found.se) == (expected.value, expected.se)
        assert found.at["masking"] == masking.id
        assert found.at["radius"] == count * SHARE
        assert found.at["visible"] == pytest.approx(np.median(share), abs=1e-6)
        assert found.label == f"AUROC {masking.label}, dilated {count * SHARE:g}/512"


def test_a_curve_goes_on_until_nothing_is_left_to_see(here):
    """A single masking that hides nine tenths is refused; the end of a curve is not."""
    drawn = Drawn()
    end = WithoutROI(dilation=pixels_of(FACTORS[-1]))
    assert dilated(WithoutROI(), FACTORS[-1]).estimate(here, drawn).at["visible"] == 0
    with pytest.raises(NotApplicable, match="fills a median 100% of the image"):
        auroc(end).estimate(here, drawn)


def test_the_engine_shows_the_model_what_masks_dilated_by_iterations_show(tmp_path):
    """End to end: phantoms, the executor's one distance transform, the stored scores."""
    (tmp_path / "net.py").write_text(
        "import torch\nclass Mean(torch.nn.Module):\n    def forward(self, batch):\n"
        "        return batch.mean(dim=(2, 3))\ndef mean():\n    return Mean()\n"
    )
    model = model_card(
        tmp_path, targets=["consolidation"], architecture="net.py:mean", activation="none"
    )
    card = phantom_card(tmp_path)
    place = Cell(model, (None,), card, "consolidation")
    source = EvidenceSource(
        EvidenceStore(tmp_path / "store"), EvidenceProfile(device="cpu", threads=1)
    )
    dataset = source.dataset(card)
    samples = [dataset.read(index) for index in range(len(dataset.cases))]
    for need in (dilated(WithoutROI(), 0), dilated(WithoutROI(), 25), dilated(OnlyROI(), 50)):
        (request,) = need.requests(place)
        shown = []
        for sample in samples:
            inside = grown(sample.regions["lungs"], pixels_of(need.factor))
            keep = inside if need.masking.keep == "inside" else ~inside
            top = np.iinfo(sample.image.dtype).max
            shown.append(np.where(keep, sample.image / top, 0).mean())
        scores = source.read(request).scores[:, 0]
        assert scores == pytest.approx(shown, abs=1e-5)
        expected = estimate_auroc(
            [case.labels["consolidation"] for case in dataset.cases],
            scores.astype(float),
            [case.patient for case in dataset.cases],
            dataset.digest,
        )
        assert need.estimate(place, source).value == expected.value


@given(st.integers(8, 1024), st.integers(8, 1024), st.integers(0, 500))
def test_a_factor_is_a_share_of_the_longer_side(height, width, factor):
    spec = input_spec((height, width))
    pixels = radius(spec, factor)
    assert (pixels == 0) == (factor == 0), "the smallest dilation is no dilation only if it is 0"
    assert pixels <= radius(spec, factor + 1)
    exact = factor * max(height, width) / FRAME
    assert abs(pixels - exact) <= 0.5 or (pixels == 1 and exact < 0.5)
    assert as_factor(spec, pixels) * max(height, width) == pytest.approx(pixels * FRAME)


def test_in_the_papers_frame_a_factor_is_that_many_pixels():
    assert [radius(input_spec((512, 512)), factor) for factor in FACTORS] == list(FACTORS)


def test_factors_that_a_small_input_cannot_tell_apart_are_one_point_placed_where_it_lies(here):
    drawn = Drawn()
    five, ten, twenty_five = (dilated(WithoutROI(), factor) for factor in (5, 10, 25))
    assert five.requests(here) == ten.requests(here) != twenty_five.requests(here)
    first, second, third = (need.estimate(here, drawn) for need in (five, ten, twenty_five))
    assert first.at == second.at
    assert first.at["radius"] == SHARE, "one pixel of 32 is 16 of 512, not 5 and not 10"
    assert third.at["radius"] == 2 * SHARE
    assert (first.value, first.label) == (second.value, second.label)
    ((_, _, points),) = curves([one.to_record() for one in (first, second, third)]).series
    assert [point.at["radius"] for point in points] == [SHARE, 2 * SHARE]


def test_needs_of_dilation_say_who_they_are(here):
    needs = [
        dilated(WithoutROI(), 25),
        dilated(OnlyROI(), 25),
        at_margin(WithoutROI()),
        selective_dilation(OnlyROI(), 25, "positive"),
        selective_dilation(OnlyROI(), 25, "negative"),
    ]
    assert len({need.id for need in needs}) == len(needs)
    for need in needs:
        assert isinstance(need, Need)
        assert need.id.isascii()


# --- the margin a card declares (C12) ---


def test_the_margin_is_the_cards(tmp_path):
    drawn = Drawn()
    place = cell(tmp_path, size=SIZE, roi='roi = ["lungs"]\nroi_margin = 40')
    need = at_margin(WithoutROI(fill="mean"))
    found = need.estimate(place, drawn)
    expected = dilated(WithoutROI(fill="mean"), 40).estimate(place, drawn)
    assert found.value == expected.value
    assert found.at["radius"] == expected.at["radius"] == round(40 / SHARE) * SHARE
    assert [request.masking.id for request in need.requests(place)] == ["without-lungs-d2-mean"]


def test_a_margin_of_nothing_is_the_region_itself(tmp_path):
    drawn = Drawn()
    place = cell(tmp_path, size=SIZE, roi='roi = ["lungs"]\nroi_margin = 0')
    need = at_margin(WithoutROI())
    assert need.requests(place) == auroc(WithoutROI()).requests(place)
    assert need.estimate(place, drawn).value == auroc(WithoutROI()).estimate(place, drawn).value


def test_without_a_declared_margin_there_is_nothing_to_ask(here):
    for ask in (at_margin(WithoutROI()).requests, lambda c: at_margin(OnlyROI()).estimate(c, None)):
        with pytest.raises(NotApplicable, match=r"targets\.sick\.roi_margin, pixels of 512"):
            ask(here)


def test_a_margin_that_hides_the_whole_image_is_no_pass(tmp_path):
    """Black images have an AUROC of one half: C12 would pass for any model."""
    place = cell(tmp_path, size=SIZE, roi='roi = ["lungs"]\nroi_margin = 400')
    with pytest.raises(NotApplicable, match=r"fills a median 9\d% of the image \(limit 90%\)"):
        at_margin(WithoutROI()).estimate(place, Drawn())


# --- the masks of one class alone (C2) ---


@pytest.mark.parametrize("grows", ["positive", "negative"])
@pytest.mark.parametrize("masking", [WithoutROI(), OnlyROI()], ids=lambda masking: masking.id)
def test_only_the_masks_of_one_class_grow(here, masking, grows):
    drawn = Drawn()
    found = selective_dilation(masking, 50, grows).estimate(here, drawn)
    plain = drawn.scores(masking.keep, 0).astype(float)
    larger = drawn.scores(masking.keep, pixels_of(50)).astype(float)
    mixed = np.where(drawn.labels == (grows == "positive"), larger, plain)
    before = estimate_auroc(drawn.labels, plain, drawn.patients, "drawn")
    after = estimate_auroc(drawn.labels, mixed, drawn.patients, "drawn")
    assert found.value == after.value - before.value
    assert found.se == (after - before).se, "paired, patient by patient"
    assert found.at == {"masking": masking.id, "grown": grows, "radius": 3 * SHARE}


def test_a_selective_dilation_reads_what_the_curves_read(here):
    asked = selective_dilation(OnlyROI(), 50, "negative").requests(here)
    assert asked == (
        *auroc(OnlyROI()).requests(here),
        *dilated(OnlyROI(), 50).requests(here),
    )


def test_a_model_that_reads_the_size_of_the_mask_shows_chaksus_pattern(here):
    """Larger discs of the sick; growing the healthy ones' takes the skill away, and turns it."""
    drawn = Drawn(size=(4.0, 5.0))
    start = auroc(OnlyROI()).estimate(here, drawn).value
    changes = {
        (grows, factor): selective_dilation(OnlyROI(), factor, grows).estimate(here, drawn)
        for grows in ("positive", "negative")
        for factor in (16, 32, 96)
    }
    assert start > 0.8
    assert start + changes["negative", 32].value < 0.6
    assert start + changes["negative", 96].value < 0.1
    assert start + changes["positive", 96].value == 1.0
    assert changes["negative", 96].interval()[1] < 0


# --- what the checks make of it ---


def skill(**auc_by_masking):
    """Tables of 200 patients a class with these AUROCs: by masking ``value, share hidden``."""
    labels, _ = binormal(0.5, 200)
    cases = [case(i, label) for i, label in enumerate(labels)]
    tables = {
        name.replace("_", "-"): table(binormal(value, 200)[1], hidden)
        for name, (value, hidden) in auc_by_masking.items()
    }
    return Stored(cases, tables)


class Falling(Stored):
    """AUROC by the share hidden: tables on demand for R10, with made-up shares.

    ``nearly`` is the AUROC with 95 to 98 % hidden; beyond, there is nothing left to tell.
    """

    def __init__(self, full, nearly, shares):
        base = skill(full=(full, 0.0))
        super().__init__(base.cases, self._table)
        self.full, self.nearly, self.shares = full, nearly, shares

    def _table(self, request):
        masking = request.masking
        if masking.keep == "all":
            return table(binormal(self.full, 200)[1], 0.0)
        hidden = self.shares.get(masking.dilation, 0.5)
        hidden = hidden if masking.keep == "outside" else 1 - hidden
        value = self.full if hidden < 0.95 else (self.nearly if hidden < 0.98 else 0.5)
        return table(binormal(value, 200)[1], hidden)


@pytest.mark.parametrize(
    ("full", "nearly", "said"),
    [
        (0.90, 0.52, "pass"),
        (0.90, 0.93, "fail"),
        (0.90, 0.85, "inconclusive"),
        (0.62, 0.50, "not_applicable"),
    ],
)
def test_r10_asks_at_the_first_factor_that_hides_almost_all(here, full, nearly, said):
    # Pixels 6 (factor 100) hide 96 %, the next one 99 %, the others all: one half for any model.
    evidence = Falling(full, nearly, {6: 0.96, 9: 0.99, 12: 1.0, 19: 1.0, 25: 1.0, 31: 1.0})
    ((found, recorded),) = judged("R10", here, evidence).values()
    assert found == said
    assert len(recorded.observations) == 2 * len(FACTORS), "the curves are shown in any case"
    if said != "not_applicable":
        (comparison,) = recorded.comparisons
        assert "dilated 96/512" in comparison.estimate.label
        assert comparison.margin == 0.05


@pytest.mark.parametrize(
    "shares",
    [{}, {6: 0.9, 9: 1.0, 12: 1.0, 19: 1.0, 25: 1.0, 31: 1.0}],
    ids=["never enough", "from too little to everything"],
)
def test_r10_is_not_asked_where_no_factor_hides_almost_all(here, shares):
    assert verdict("R10", here, Falling(0.9, 0.5, shares)) == "not_applicable"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0.50, 0.50, 0.50), "pass"),
        ((0.80, 0.70, 0.75), "fail"),
        ((0.80, 0.50, 0.75), "fail"),  # two of three
        ((0.80, 0.50, 0.50), "inconclusive"),  # one fill may upset the model
        ((0.55, 0.55, 0.55), "inconclusive"),
    ],
)
def test_c12_fails_by_two_of_three_fills_and_passes_by_all(tmp_path, values, said):
    place = cell(tmp_path, size=SIZE, roi='roi = ["lungs"]\nroi_margin = 16')
    labels, _ = binormal(0.5, 1500)
    fills = zip(("", "-mean", "-blur"), values, strict=True)
    tables = {f"without-lungs-d1{fill}": table(binormal(value, 1500)[1]) for fill, value in fills}
    tables["full"] = table(binormal(0.9, 1500)[1])
    source = Stored([case(i, label) for i, label in enumerate(labels)], tables)
    assert verdict("C12", place, source) == said


def test_c12_is_not_asked_without_a_margin(here):
    assert verdict("C12", here, Drawn()) == "not_applicable"


def test_c2_reports_and_judges_nothing(here):
    ((found, recorded),) = judged("C2", here, Drawn()).values()
    assert found == "not_applicable"
    assert not recorded.comparisons
    assert {estimate.at["grown"] for estimate in recorded.observations} == {"positive", "negative"}


def test_a_target_without_a_region_has_no_curve(tmp_path):
    card = dataset_card(tmp_path, "bare", roi="")
    place = Cell(cell(tmp_path).model, (None,), card, "sick")
    for need in (dilated(WithoutROI(), 5), selective_dilation(OnlyROI(), 5, "positive")):
        with pytest.raises(NotApplicable, match="declares no ROI for 'sick'"):
            need.requests(place)

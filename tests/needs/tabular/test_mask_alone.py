"""What masks alone tell (C1, C13): each aspect finds the cue planted for it, and only that one."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from needs.evidence import Stored, case, cell, judged, table

from audit_suite import NotApplicable, outline_auroc, outline_property
from audit_suite.errors import AuditError
from audit_suite.evidence.scores.request import THUMBNAIL
from audit_suite.needs import Need
from audit_suite.statistics import estimate_auroc

COUNT = 160
FINE = 4  # masks are drawn at four times the resolution of the stored outline


def outlines(centres, heights, widths, fine=FINE):
    """Ellipses (half axes in pixels of the outline) as the evidence stores them: tile by tile."""
    side = THUMBNAIL * fine
    y, x = ((np.mgrid[:side, :side] + 0.5) / fine)[:, None]
    inside = ((y - centres[:, :1, None]) / heights[:, None, None]) ** 2 + (
        (x - centres[:, 1:, None]) / widths[:, None, None]
    ) ** 2 <= 1
    tiles = inside.reshape(len(centres), THUMBNAIL, fine, THUMBNAIL, fine).mean((2, 4))
    return np.round(tiles * 255).astype(np.uint8)


@cache
def planted(cue):
    """Evidence on 160 patients whose masks tell the label by one thing, or by nothing."""
    rng = np.random.default_rng(13)
    labels = rng.permutation(np.arange(COUNT) % 2)
    centres = rng.uniform(14, 18, (COUNT, 2))
    size = np.exp(rng.normal(np.log(6), 0.08, COUNT))
    ratio = np.exp(rng.normal(0, 0.12, COUNT))  # height to width, at one area
    if cue == "size":
        size *= np.where(labels, 1.12, 0.9)
    elif cue == "shape":
        ratio *= np.where(labels, 1.3, 0.8)
    elif cue == "place":
        centres[:, 0] += np.where(labels, 1.5, -1.5)
    drawn = outlines(centres, size * ratio**0.5, size / ratio**0.5)
    share = drawn.mean(axis=(1, 2)) / 255
    scores = np.zeros(COUNT)  # the model's scores are not looked at
    return Stored(
        [case(i, label) for i, label in enumerate(labels)],
        {"without-lungs": table(scores, share, outlines=drawn)},
        digest=cue,
    )


@pytest.fixture
def here(tmp_path):
    return cell(tmp_path)


def told(aspect, cue, here):
    return outline_auroc(aspect).estimate(here, planted(cue))


@pytest.mark.parametrize(
    ("aspect", "cue"),
    [
        ("geometry", "size"),
        ("geometry", "shape"),
        ("position", "place"),
        ("pixels", "size"),
        ("pixels", "shape"),
        ("pixels", "place"),
    ],
)
def test_each_aspect_finds_the_cue_planted_for_it(here, aspect, cue):
    found = told(aspect, cue, here)
    assert found.value > 0.85
    assert found.interval()[0] > 0.75
    assert found.label == f"AUROC of the ROI's {aspect} alone"
    assert (found.n_patients >= COUNT, found.n_images) == (True, COUNT)


@pytest.mark.parametrize(
    ("aspect", "cue"), [("position", "size"), ("position", "shape"), ("geometry", "place")]
)
def test_a_cue_is_not_found_by_the_aspect_that_is_blind_to_it(here, aspect, cue):
    """Else 'framing' and 'mask leak' could not be told apart."""
    assert told(aspect, cue, here).interval()[0] < 0.5


@pytest.mark.parametrize("aspect", ["geometry", "pixels", "position"])
def test_masks_that_tell_nothing_are_told_apart_by_nothing(here, aspect):
    low, high = told(aspect, "nothing", here).interval()
    assert low < 0.5 < high


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("aspect", "drawn"),
    [
        ("geometry", "all alike"),
        ("position", "all alike"),
        ("pixels", "all alike"),
        ("geometry", "all empty"),
        ("position", "all empty"),
        ("geometry", "all full"),
    ],
)
def test_masks_without_any_difference_give_one_half_with_its_uncertainty(here, aspect, drawn):
    one = planted("nothing").tables["without-lungs"].outlines[0]
    mask = {"all alike": one, "all empty": 0 * one, "all full": 0 * one + 255}[drawn]
    stored = Stored(
        planted("nothing").cases,
        {"without-lungs": table(np.zeros(COUNT), outlines=np.stack([mask] * COUNT))},
        digest=drawn,
    )
    found = outline_auroc(aspect).estimate(here, stored)
    assert found.value == pytest.approx(0.5)
    assert found.interval()[0] < 0.49


def test_an_empty_mask_among_others_is_no_error(here):
    whole = planted("size").tables["without-lungs"]
    drawn = whole.outlines.copy()
    drawn[:3] = 0
    stored = Stored(
        planted("size").cases, {"without-lungs": table(np.zeros(COUNT), outlines=drawn)}
    )
    for aspect in ("geometry", "position"):
        assert 0 < outline_auroc(aspect).estimate(here, stored).value < 1


def test_images_that_could_not_be_read_are_left_out(here):
    """Their outlines are blank; were they taken for masks, blank would tell the label."""
    base = planted("nothing")
    used = (base.labels == 0) | (np.arange(COUNT) % 3 > 0)
    drawn = base.tables["without-lungs"].outlines * used[:, None, None].astype(np.uint8)
    share = np.where(used, drawn.mean(axis=(1, 2)) / 255, 0)
    stored = Stored(
        base.cases,
        {"without-lungs": table(np.zeros(COUNT), share, used, drawn)},
        digest="some unread",
    )
    for need in (outline_auroc("geometry"), outline_property("area")):
        found = need.estimate(here, stored)
        assert found.n_images == used.sum()
        assert found.interval()[0] < 0.5 < found.interval()[1]


def test_position_does_not_care_for_size_nor_geometry_for_place():
    """The features themselves, on ellipses that differ in one thing."""
    from audit_suite.needs.tabular.mask_alone import _geometry, _position

    centre, one = np.array([[16.0, 16.0]]), np.ones(1)
    base = outlines(centre, 6 * one, 5 * one) / 255
    larger = outlines(centre, 8 * one, 7 * one) / 255
    moved = outlines(centre + np.array([3, -4]), 6 * one, 5 * one) / 255
    assert _position(larger) == pytest.approx(_position(base), abs=1e-3)
    assert _geometry(moved) == pytest.approx(_geometry(base), rel=1e-3)
    assert (_position(moved) - _position(base))[0] == pytest.approx(
        [3 / 32, -4 / 32, 3 / 32, -4 / 32], abs=1e-3
    )
    assert _geometry(base)[0, :3] == pytest.approx([np.pi * 30 / 32**2, 12 / 32, 10 / 32], abs=2e-3)


def test_needs_of_outlines_say_who_they_are(here):
    needs = [
        *map(outline_auroc, ("geometry", "pixels", "position")),
        *map(outline_property, ("area", "quality")),
    ]
    assert [need.id for need in needs] == ["geometry", "pixels", "position", "area", "quality"]
    for need in needs:
        assert isinstance(need, Need)
        assert [request.masking.id for request in need.requests(here)] == ["without-lungs"]


def test_a_target_without_a_region_has_no_mask_to_ask(tmp_path):
    for need in (outline_auroc("pixels"), outline_property("area")):
        with pytest.raises(NotApplicable, match="declares no ROI"):
            need.requests(cell(tmp_path, roi=""))


# --- area and quality (C13) ---


def test_area_is_the_share_of_the_frame_as_a_score(here):
    stored = planted("size")
    found = outline_property("area").estimate(here, stored)
    share = stored.tables["without-lungs"].hidden_fraction.astype(float)
    expected = estimate_auroc(stored.labels, share, stored.patients, "size")
    assert (found.value, found.se) == (expected.value, expected.se)
    assert found.value > 0.85
    assert found.label == "AUROC of the mask's area"


def graded(quality):
    labels = np.arange(COUNT) % 2
    cases = [case(i, label, quality=quality(i, label)) for i, label in enumerate(labels)]
    return Stored(cases, {"without-lungs": table(np.zeros(COUNT))})


def test_quality_is_taken_where_it_is_known(here):
    rng = np.random.default_rng(0)
    values = rng.random(COUNT)
    stored = graded(lambda i, label: None if i % 5 == 0 else values[i] * (0.7 if label else 1))
    found = outline_property("quality").estimate(here, stored)
    known = np.arange(COUNT) % 5 > 0
    factor = np.where(stored.labels, 0.7, 1)
    expected = estimate_auroc(
        stored.labels[known], (values * factor)[known], stored.patients[known], "digest"
    )
    assert (found.value, found.n_images) == (expected.value, known.sum())
    assert found.interval()[1] < 0.5, "the masks of the sick are the worse ones"


@pytest.mark.parametrize(
    ("quality", "said"),
    [
        (lambda i, label: None, "gives no quality of its masks"),
        (lambda i, label: 0.9, "have the same quality"),
    ],
)
def test_no_quality_or_one_for_all_is_nothing_to_ask(here, quality, said):
    with pytest.raises(NotApplicable, match=said):
        outline_property("quality").estimate(here, graded(quality))


def test_masks_of_one_area_are_nothing_to_ask(here):
    with pytest.raises(NotApplicable, match="have the same area"):
        outline_property("area").estimate(here, graded(lambda i, label: None))


def test_a_quality_known_of_one_class_only_is_no_pass(here):
    with pytest.raises(AuditError, match="0 without the finding"):
        outline_property("quality").estimate(
            here, graded(lambda i, label: 0.5 + i / 1000 if label else None)
        )


# --- what the checks make of it ---


@pytest.mark.parametrize(
    ("cue", "failing"),
    [
        ("size", {"geometry", "pixels"}),
        ("shape", {"geometry", "pixels"}),
        ("place", {"position", "pixels"}),
        ("nothing", set()),
    ],
)
def test_c1_names_the_aspect_that_tells(here, cue, failing):
    found = judged("C1", here, planted(cue))
    assert set(found) == {"geometry", "pixels", "position"}
    assert {aspect for aspect, (verdict, _) in found.items() if verdict == "fail"} == failing
    for verdict, recorded in found.values():
        (comparison,) = recorded.comparisons
        assert comparison.fail_level == pytest.approx(0.05 / 4 / 3), "three cases share a quarter"
        assert verdict in ("fail", "inconclusive"), "160 patients cannot show a distance of .05"


def test_c1_can_be_passed_by_enough_masks_that_tell_nothing(here):
    rng = np.random.default_rng(2)
    count = 1600
    drawn = outlines(rng.uniform(14, 18, (count, 2)), *rng.uniform(5, 7, (2, count)), fine=1)
    stored = Stored(
        [case(i, i % 2) for i in range(count)],
        {"without-lungs": table(np.zeros(count), outlines=drawn)},
        digest="many",
    )
    assert outline_auroc("position").estimate(here, stored).distance_to(0.5) < 0.05


@pytest.mark.parametrize(("tilt", "said"), [(0.0, "pass"), (0.5, "fail"), (0.06, "inconclusive")])
def test_c13_by_how_much_quality_goes_with_the_label(here, tilt, said):
    count = 1500
    spread = (np.arange(count) + 0.5) / count
    quality = np.stack([spread * (1 - tilt), spread * (1 - tilt) + tilt], axis=1).ravel()
    labels = np.tile([0, 1], count)
    stored = Stored(
        [case(i, label, quality=quality[i]) for i, label in enumerate(labels)],
        {"without-lungs": table(np.zeros(2 * count))},
    )
    found = judged("C13", here, stored)
    assert found["quality"][0] == said
    assert found["area"][0] == "not_applicable", "all masks are of one size"

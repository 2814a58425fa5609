"""What a model card expects, on made-up attributions and scores."""

from __future__ import annotations

import numpy as np
import pytest
from needs.evidence import Stored, attributions, case, cell, table

from audit_suite import each_never, expected_excess, outside_shapley
from audit_suite.needs import Expanding, Need
from audit_suite.needs.maps.expected_regions import NeverAlone, NeverShare
from audit_suite.verdict import NotApplicable

COUNT = 40
EXPECTING = """
[expectations.sick]
expected = ["lungs"]
never = ["marker", "border"]
source = "a reader"
"""
REGIONS = 'roi = ["lungs"]\n[regions.marker]\ncolumn = "marker"'


@pytest.fixture
def here(tmp_path):
    return cell(tmp_path, model=EXPECTING, roi=REGIONS)


@pytest.fixture
def ask(here):
    """An estimate of a need from Shapley values, shares of regions and areas, each (n, P)."""

    def estimate(need, values, inside=0.0, apart=0.0, area=0.25, here=here):
        shape = values.shape
        arrays = {
            "values": values,
            "inside": np.broadcast_to(inside, shape),
            "area": np.broadcast_to(area, shape),
            "apart": np.broadcast_to(apart, (*shape, 2)),
        }
        made = attributions(shape[0], **arrays)
        cases = [case(i, i % 2) for i in range(COUNT)]
        return need.estimate(here, Stored(cases, lambda request: made))

    return estimate


def answers(*shares):
    """Shapley values of as many players, of the same shares in every image; the second negative."""
    return np.tile(np.array(shares) * np.resize([1, -1], len(shares)), (COUNT, 1))


def test_the_excess_is_share_less_area(ask):
    found = ask(expected_excess(), answers(0.6, 0.2, 0.1, 0.1), inside=[1, 0.5, 0, 0])
    assert found.value == pytest.approx(0.6 + 0.1 - 0.375)
    assert found.at["area"] == pytest.approx(0.375)
    assert "of lungs above" in found.label


def test_an_answer_spread_evenly_has_no_excess(ask):
    turning = np.stack([np.roll([0.6, -0.2, 0.1, 0.1], row) for row in range(COUNT)])
    found = ask(expected_excess(), turning, inside=[1, 0, 0, 0])
    low, high = found.interval(0.95)
    assert found.value == pytest.approx(0)
    assert low < 0 < high


def test_an_image_in_which_nothing_moves_the_model_has_no_share(ask):
    values = answers(0.6, 0.4, 0, 0)
    values[:5] = 0
    assert ask(expected_excess(), values, inside=[1, 0, 0, 0]).n_images == COUNT - 5


@pytest.mark.parametrize(("region", "share"), [("border", 0.3), ("marker", 0.45)])
def test_each_region_has_the_share_of_its_own_pixels(ask, region, share):
    apart = np.zeros((4, 2))
    apart[1, 0] = 1  # regions told apart are in the order of their names: border, marker
    apart[2, 1] = apart[3, 1] = 0.9
    found = ask(NeverShare(region), answers(0.2, 0.3, 0.4, 0.1), apart=apart)
    assert found.value == pytest.approx(share)
    assert found.at["region"] == region
    assert found.at["area"] == pytest.approx(0.25 if region == "border" else 0.45)


def test_images_without_the_region_do_not_count(ask):
    apart = np.zeros((COUNT, 4, 2))
    apart[::2, 0, 1] = 1
    found = ask(NeverShare("marker"), answers(0.6, 0.2, 0.1, 0.1), apart=apart)
    assert found.n_images == COUNT / 2
    assert found.value == pytest.approx(0.6), "where it is it counts, and is not thinned out"
    with pytest.raises(NotApplicable, match="no explained image shows the region 'border'"):
        ask(NeverShare("border"), answers(0.6, 0.2, 0.1, 0.1), apart=apart)


def lone(here, hidden, region="marker", seed=1, tells=1.0):
    """AUROC of a region alone, of scores that tell the label so far."""
    rng = np.random.default_rng(seed)
    cases = [case(i, i % 2) for i in range(200)]
    scores = np.array([c.labels["sick"] for c in cases]) * tells + rng.normal(0, 1, 200)
    stored = Stored(cases, {f"only-{region}-swap": table(scores, hidden)})
    return NeverAlone(region).estimate(here, stored)


def test_alone_a_region_that_tells_is_told_from_one_that_does_not(here):
    found = lone(here, 0.97, tells=2.0)
    assert found.interval(0.95)[0] > 0.7
    assert found.at == {"masking": "only-marker-swap", "region": "marker"}
    low, high = lone(here, 0.97, tells=0.0).interval(0.95)
    assert low < 0.5 < high


def test_images_that_lack_a_region_are_left_out_until_they_are_many(here):
    hidden = np.full(200, 0.97)
    hidden[:10] = 1
    assert lone(here, hidden).n_images == 190
    hidden[:11] = 1
    with pytest.raises(NotApplicable, match=r"only 94% of the images show the region 'marker'"):
        lone(here, hidden)


def test_a_region_that_fills_the_frame_asks_nothing(here):
    with pytest.raises(NotApplicable, match="hiding or keeping it is not informative"):
        lone(here, 0.02)


def test_one_case_a_region(here):
    for expanding in (each_never("share"), each_never("alone")):
        assert isinstance(expanding, Expanding)
        needs = expanding.expand(here, ())
        assert [need.id for need in needs] == ["marker", "border"]
        assert all(isinstance(need, Need) for need in needs)


def test_a_kind_that_does_not_exist_is_refused_where_it_is_written():
    with pytest.raises(
        ValueError, match=r"each_never\('shares'\): expected one of \('share', 'alone'"
    ):
        each_never("shares")


def test_needs_of_shapley_values_take_no_other_method():
    for need in (outside_shapley, expected_excess):
        assert need().method == "region-shapley"
        with pytest.raises(TypeError, match="takes 1 positional argument"):
            need("gradient")


def test_all_that_is_expected_in_a_cell_is_explained_once(here):
    asked = {
        *expected_excess().requests(here),
        *(one for need in each_never("share").expand(here, ()) for one in need.requests(here)),
    }
    (request,) = asked
    assert (request.region, request.apart) == (("lungs",), ("border", "marker"))
    (masked,) = NeverAlone("border").requests(here)
    assert masked.masking.id == "only-border-swap"


def reasons(here):
    """Why nothing is judged, need by need."""
    found = []
    for need in (
        expected_excess(),
        *each_never("share").expand(here, ()),
        *each_never("alone").expand(here, ()),
    ):
        with pytest.raises(NotApplicable) as caught:
            need.estimate(here, Stored([], {}))
        with pytest.raises(NotApplicable):
            need.requests(here)
        found.append(str(caught.value))
    return found


def test_no_expectations_no_verdict(tmp_path):
    assert (
        reasons(cell(tmp_path))
        == ["the model card declares no expectations for 'sick' (key expectations.sick)"] * 3
    )


def test_a_region_that_the_data_set_does_not_have_is_no_pass(tmp_path):
    model = EXPECTING.replace('"lungs"', '"heart"').replace(', "border"', "")
    heart, *markers = reasons(cell(tmp_path, model=model))
    assert heart == (
        "data set 'd' has no region 'heart'; give it one under 'regions' to have it checked"
    )
    assert set(markers) == {heart.replace("heart", "marker")}


def test_half_an_expectation_leaves_the_other_half_unjudged(tmp_path, here, ask):
    only_never = EXPECTING.replace('expected = ["lungs"]', "")
    bare = cell(tmp_path, model=only_never, roi=REGIONS)
    with pytest.raises(NotApplicable, match=r"names no regions for 'sick' under .*sick\.expected"):
        expected_excess().requests(bare)
    assert ask(NeverShare("border"), answers(0.5, 0.5, 0, 0), apart=0.1, here=bare).value > 0
    only_expected = cell(tmp_path, model=EXPECTING.replace('never = ["marker", "border"]', ""))
    (nothing,) = each_never("share").expand(only_expected, ())
    assert nothing.id == "nothing"
    with pytest.raises(NotApplicable, match=r"under expectations\.sick\.never"):
        nothing.requests(only_expected)

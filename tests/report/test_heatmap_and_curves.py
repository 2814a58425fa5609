"""Heat map and curves: what stands where, what can be told apart in grey, and nothing made up."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite import FACTORS
from audit_suite.record import EstimateRecord, MatrixRecord
from audit_suite.report.charts.curves import HEIGHT, WIDTH, curves
from audit_suite.report.charts.heatmap import heatmap

values = st.floats(0, 1)


def estimate(value, half=0.05, **at):
    return EstimateRecord(
        label="AUROC",
        value=value,
        low=value - half,
        high=value + half,
        n_patients=100,
        n_images=100,
        n_positives=50,
        at=at,
    )


def matrix(cells, rows=("full", "only-roi"), columns=("full", "without-roi-box")):
    return MatrixRecord(
        study="s",
        dataset="d",
        target="t",
        statistic="AUROC",
        rows=list(rows),
        columns=list(columns),
        cells=cells,
    )


def shade(value):
    return heatmap(matrix([[estimate(value)]], ["full"], ["full"])).rows[0].cells[0].shade


# --- the heat map ---


@given(values, values)
def test_a_higher_auroc_is_never_paler(one, other):
    low, high = sorted((one, other))
    assert 0 <= shade(low) <= shade(high) <= 10


def test_chance_is_the_middle_and_the_ends_are_the_ends():
    assert (shade(0), shade(0.5), shade(1)) == (0, 5, 10)
    assert len({shade(step / 10) for step in range(11)}) == 11, "every tenth has its shade"


@pytest.mark.parametrize("value", [-0.2, 1.2])
def test_a_value_beyond_the_scale_keeps_the_last_shade(value):
    assert shade(value) in (0, 10)


def test_rows_and_columns_are_laid_out_as_recorded():
    cells = [[estimate(0.9), estimate(0.8)], [None, estimate(0.6)]]
    found = heatmap(matrix(cells))
    assert found.columns == ("full image", "without ROI box")
    assert [row.name for row in found.rows] == ["full image", "only ROI"]
    assert [[cell.estimate for cell in row.cells] for row in found.rows] == cells


def test_a_cell_tested_as_it_was_trained_is_marked_whatever_the_order():
    cells = [[estimate(0.5)] * 3 for _ in range(2)]
    found = heatmap(matrix(cells, ("only-roi", "full"), ("full", "without-roi", "only-roi")))
    marked = [[cell.trained_as_tested for cell in row.cells] for row in found.rows]
    assert marked == [[False, False, True], [True, False, False]]


def test_what_was_not_asked_has_no_number_and_the_shade_of_chance():
    (cell,) = heatmap(matrix([[None]], ["full"], ["full"])).rows[0].cells
    assert cell.estimate is None
    assert cell.shade == 5


def test_a_matrix_of_nothing_is_drawn_as_nothing():
    found = heatmap(matrix([], (), ()))
    assert (found.rows, found.columns) == ((), ())


def test_a_row_that_lacks_a_cell_is_refused_and_not_shifted():
    with pytest.raises(ValueError, match="shorter"):
        heatmap(matrix([[estimate(0.9)], [estimate(0.8)]]))


# --- curves ---


def curve(name="without-roi", points=((0, 1.0, 0.9), (25, 0.6, 0.8), (500, 0.0, 0.5)), **more):
    return [
        estimate(value, masking=name, radius=float(radius), visible=visible, **more)
        for radius, visible, value in points
    ]


def inside(panel, x, y):
    return panel.left <= x <= panel.right and 0 <= y <= panel.bottom


def test_there_is_a_panel_for_each_axis_everything_is_placed_on():
    found = curves(curve())
    assert [panel.axis for panel in found.panels] == [
        "dilation, pixels of a frame of 512",
        "share of the image that is visible",
    ]
    half = curve()
    del half[1].at["visible"]
    assert [panel.axis for panel in curves(half).panels] == ["dilation, pixels of a frame of 512"]


@pytest.mark.parametrize(
    "observed", [[], [estimate(0.5)], [estimate(0.5, masking="full", visible=1.0)]]
)
def test_what_is_placed_on_no_radius_is_no_curve(observed):
    assert curves(observed) is None


def test_estimates_without_a_place_do_not_disturb_those_that_have_one():
    assert curves([estimate(0.3), *curve()]) == curves(curve())


@given(
    st.lists(
        st.tuples(st.integers(0, 500), values, values),
        min_size=1,
        max_size=12,
        unique_by=lambda point: point[0],
    )
)
def test_points_lie_inside_the_frame_and_in_the_order_of_their_axes(points):
    found = curves(curve(points=points))
    for panel, key in zip(found.panels, (0, 1), strict=True):
        (series,) = panel.series
        expected = sorted(points, key=lambda point: (point[key], point[0]))
        assert len(series.points) == len(points)
        xs = [point.x for point in series.points]
        assert xs == sorted(xs)
        for point in series.points:
            assert inside(panel, point.x, point.y)
            assert point.high <= point.y <= point.low, "up is more"
            assert inside(panel, point.x, point.low)
            assert inside(panel, point.x, point.high)
        by_value = sorted(
            zip([v for _, _, v in expected], [p.y for p in series.points], strict=True)
        )
        ys = [y for _, y in by_value]
        assert ys == sorted(ys, reverse=True), "a higher AUROC is never drawn lower"


def test_the_axis_of_radii_is_stretched_like_the_papers_factors():
    found = curves(curve(points=[(factor, 0.5, 0.5) for factor in FACTORS]))
    panel = found.panels[0]
    xs = [point.x for point in panel.series[0].points]
    span = panel.right - panel.left
    assert xs == pytest.approx(
        [panel.left + span * math.sqrt(factor / 500) for factor in FACTORS], abs=0.06
    )
    assert xs[2] - xs[1] > (xs[-1] - xs[-2]) / 5, "10 to 25 has room beside 400 to 500"


def test_the_axis_of_shares_is_straight_and_whole():
    panel = curves(curve()).panels[1]
    span = panel.right - panel.left
    assert [point.x for point in panel.series[0].points] == pytest.approx(
        [panel.left, panel.left + 0.6 * span, panel.right], abs=0.06
    )
    assert [label for _, label in panel.x_ticks] == ["0%", "25%", "50%", "75%", "100%"]


def test_ticks_stand_where_their_numbers_do():
    panel = curves(curve()).panels[0]
    at = {label: y for y, label in panel.y_ticks}
    assert list(at) == ["0", "0.25", "0.5", "0.75", "1"]
    assert panel.chance == at["0.5"]
    on_tick = curves(curve(points=[(0, 1, 0.25), (50, 0.5, 0.75)])).panels[0]
    assert [point.y for point in on_tick.series[0].points] == [at["0.25"], at["0.75"]]
    marks = {label: x for x, label in on_tick.x_ticks}
    assert list(marks) == ["0", "5", "25", "50"], "no tick beyond the last radius"
    assert [point.x for point in on_tick.series[0].points] == [marks["0"], marks["50"]]


@pytest.mark.parametrize("value", [0.3, -0.3])
def test_a_change_is_drawn_about_zero_whichever_way_it_goes(value):
    """Were gains drawn on the scale of an AUROC, 'no change' would stand at one half."""
    panel = curves(curve(points=[(5, 0.5, value), (50, 0.4, value)], grown="positive")).panels[0]
    at = {label: y for y, label in panel.y_ticks}
    assert list(at) == ["−1", "−0.5", "0", "0.5", "1"]
    assert panel.chance == at["0"]
    for point in panel.series[0].points:
        assert (point.y < panel.chance) == (value > 0)


def test_an_interval_that_leaves_the_scale_ends_at_its_edge():
    (panel, _) = curves([estimate(0.98, 0.1, masking="only-roi", radius=5.0, visible=0.2)]).panels
    (point,) = panel.series[0].points
    assert point.high == {label: y for y, label in panel.y_ticks}["1"]


def test_lines_differ_by_mark_and_name_and_not_by_colour_alone():
    observed = [
        *curve("without-roi"),
        *curve("only-roi"),
        *curve("only-roi-box", grown="positive"),
        *curve("only-roi-box", grown="negative"),
    ]
    found = curves(observed)
    names = [name for name, _, _ in found.series]
    assert names == [
        "without ROI",
        "only ROI",
        "only ROI box, positives' masks grown",
        "only ROI box, negatives' masks grown",
    ]
    marks = [mark for _, mark, _ in found.series]
    assert len(set(marks)) == 4
    for panel in found.panels:
        assert [(series.name, series.mark) for series in panel.series] == list(
            zip(names, marks, strict=True)
        ), "the legend shows the marks of the panel"
        assert [series.number for series in panel.series] == [0, 1, 2, 3]


def test_a_fifth_line_is_drawn_too_with_a_number_of_its_own():
    names = ["without-roi", "only-roi", "without-roi-box", "only-roi-box", "without-roi-mean"]
    found = curves([one for name in names for one in curve(name)])
    assert len(found.series) == 5
    assert [series.number for series in found.panels[0].series] == list(range(5))


def test_the_line_goes_through_its_points_from_left_to_right():
    (series,) = curves(curve()).panels[0].series
    drawn = [tuple(map(float, pair.split())) for pair in re.split("[ML]", series.path)[1:]]
    assert drawn == [(point.x, point.y) for point in series.points]
    assert series.path.startswith("M")


def test_points_at_one_place_are_one_and_the_table_holds_what_is_drawn():
    """Two factors of the paper may be one dilation of a small input."""
    twice = curve(points=[(16, 0.7, 0.8), (0, 1.0, 0.9)]) + curve(points=[(16, 0.7, 0.8)])
    found = curves(twice)
    ((_, _, shown),) = found.series
    assert [one.at["radius"] for one in shown] == [0, 16]
    assert len(found.panels[0].series[0].points) == 2


def test_a_curve_of_one_point_at_no_dilation_is_no_division_by_zero():
    found = curves(curve(points=[(0, 1.0, 0.9)]))
    (point,) = found.panels[0].series[0].points
    assert point.x == found.panels[0].left
    assert found.panels[0].x_ticks == ((point.x, "0"),)


def test_panels_leave_room_for_their_labels():
    for panel in curves(curve()).panels:
        assert (panel.width, panel.height) == (WIDTH, HEIGHT)
        assert panel.left >= 6 + 4 * 7, "four characters of a tick"
        assert panel.height - panel.bottom >= 34 + 6, "two lines below the axis"

"""Calibration of probabilities (K1 to K3): a model too sure by construction, and a calibrated one."""

from __future__ import annotations

import numpy as np
import pytest
from needs.evidence import Stored, case, cell, findings, table
from report.example import example
from scipy.special import expit

from audit_suite import Verdict, reliability
from audit_suite.report import render_html

TAGS = 'metadata = ["site"]'


def world(sure=1.0, north=0.0, count=3000):
    """Labels drawn from log odds; the model gives ``sure`` times these, and more in the north."""
    rng = np.random.default_rng(0)
    odds = rng.normal(0, 1.5, count)
    labels = (rng.random(count) < expit(odds)).astype(int)
    sites = np.array(["south", "north"])[rng.integers(0, 2, count)]
    cases = [case(i, y, site=str(s)) for i, (y, s) in enumerate(zip(labels, sites, strict=True))]
    return Stored(cases, {"full": table(sure * odds + north * (sites == "north"))})


def numbers(check, cell, source):
    ((_, finding, _),) = findings(check, cell, source)
    assert finding.role == "context"
    return finding


def by_statistic(finding, **at):
    return {
        one.at["statistic"]: one
        for one in finding.observations
        if all(one.at.get(key) == value for key, value in at.items())
    }


def holds(estimate, value):
    return estimate.low < value < estimate.high


def test_a_calibrated_model_and_one_that_is_too_sure(tmp_path):
    here = cell(tmp_path, top=TAGS)
    good = by_statistic(numbers("K1", here, world()))
    assert holds(good["slope"], 1.0)
    assert holds(good["intercept"], 0.0)
    sure = by_statistic(numbers("K1", here, world(sure=3.0)))
    assert holds(sure["slope"], 1 / 3)
    assert sure["error"].low > sure["error"].at["by_chance"]


def test_another_prevalence_alone_is_left_out_of_the_adjusted_error(tmp_path):
    here = cell(tmp_path)
    source = world()
    source.tables["full"] = table(source.tables["full"].scores[:, 0] + 1.5)
    found = by_statistic(numbers("K1", here, source))
    assert holds(found["intercept"], -1.5)
    assert found["error"].low > 0.1
    adjusted = found["error-adjusted"]
    assert adjusted.value == pytest.approx(adjusted.at["by_chance"], abs=0.01)


def test_one_site_may_be_off(tmp_path):
    found = numbers("K2", cell(tmp_path, top=TAGS), world(north=1.0))
    assert holds(by_statistic(found, group="site: north")["intercept"], -1.0)
    assert holds(by_statistic(found, group="site: south")["intercept"], 0.0)


def test_numbers_that_are_no_probabilities_have_no_calibration(tmp_path):
    bare = cell(tmp_path, activation="none")
    finding = numbers("K1", bare, world())
    assert finding.verdict is Verdict.NOT_APPLICABLE
    assert "are no probabilities" in finding.reason
    assert "declares no metadata" in numbers("K2", cell(tmp_path), world()).reason


def test_the_report_draws_the_curve_and_a_row_for_each_group(tmp_path):
    here = cell(tmp_path, top=TAGS)
    source = world(north=1.0)
    found = [numbers("K1", here, source), numbers("K2", here, source)]
    made = example()
    html = render_html(made.model_copy(update={"findings": [*made.findings, *found]}))
    assert html.count("Reliability of m, d, sick") == 1
    assert html.count('<tr><th scope="row">site: north</th>') == 1
    assert '<tr><th scope="row">full image</th>' in html
    bins = [one for one in reliability().answer(here, source) if "predicted" in one.at]
    assert len(bins) == 10

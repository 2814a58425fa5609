"""The instrument's own error rates: shipped, in every record, and shown in the report."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import pytest
from report.example import example

from audit_suite.calibration import calibration
from audit_suite.report import render_html
from audit_suite.report.words import RATES


def shipped():
    return json.loads(files("audit_suite").joinpath("calibration.json").read_text())


def test_what_is_shipped_is_a_full_run_that_meets_its_targets():
    figures = shipped()["figures"]
    assert shipped()["command"] == "python benchmarks/detection.py"
    assert figures["n_honest"] >= 200
    assert figures["n_outside"] >= 100
    assert figures["honest_blocked"] <= 0.05
    assert figures["outside_blocked"] >= 0.95
    assert figures["framing_blocked"] >= 0.95
    assert figures["cause_right"] >= 0.9
    assert figures["honest_blocked"] <= figures["naive_honest_blocked"]
    assert figures["outside_blocked"] >= figures["naive_outside_blocked"]


def test_figures_are_what_the_shipped_table_says():
    table, figures = shipped()["table"], shipped()["figures"]
    honest = [line for line in table if line["group"] == "honest" and line["own"]]
    assert sum(line["eligible"] for line in honest) == figures["n_honest"]
    blocked = sum(line["fail"] for line in honest) / sum(line["models"] for line in honest)
    assert blocked == pytest.approx(figures["honest_blocked"])
    named = sum(line["right_cause"] for line in table if line["own"] and line["expected_cause"])
    asked = sum(line["models"] for line in table if line["own"] and line["expected_cause"])
    assert named / asked == pytest.approx(figures["cause_right"], abs=0.02)
    assert calibration().models == sum(line["models"] for line in table if line["own"])
    assert {rate.name for rate in calibration().rates} == set(RATES)


def test_the_more_patients_the_fewer_honest_models_are_left_without_a_verdict():
    shares = [
        share for _, share in sorted(calibration().inconclusive.items(), key=lambda i: int(i[0]))
    ]
    assert len(shares) >= 3
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < shares[0]


def test_the_report_shows_it_and_a_record_without_it_can_be_shown():
    audited = example()
    audited.provenance.calibration = calibration()
    page = render_html(audited)
    assert "How often is this instrument wrong?" in page
    assert "An honest model failed a check of region sensitivity" in page
    assert f"{calibration().models:,} small networks" in page
    caveat = "seen while the rules were made, which have changed since"
    (line,) = re.findall(r"Measured on [^<]+", page)
    assert line.startswith(f"Measured on {calibration().models:,} synthetic models ({caveat}): ")
    assert f", on models {caveat}:</p>" in page.partition('id="errors"')[2]
    audited.provenance.calibration = calibration().model_copy(update={"caveat": ""})
    assert "synthetic models: an honest" in render_html(audited)
    assert "caveat" not in audited.provenance.calibration.model_dump(), "as in older records"
    audited.provenance.calibration = None
    assert "How often is this instrument wrong?" not in render_html(audited)

"""Images for readers by power: against simulated studies, and what must be monotone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t
from typer.testing import CliRunner

from audit_suite.cli import app
from audit_suite.errors import AuditError
from audit_suite.planning.reader_study import (
    LEVEL,
    ReaderStudy,
    positives_needed,
    power,
    precision_of,
)
from audit_suite.statistics import planned_cases
from audit_suite.statistics.auroc import hanley_mcneil


def simulated(study, margin, positives, times=6000):
    """Share of simulated studies that show it, analysed with the known covariance of cases."""
    rng = np.random.default_rng(7)
    case = hanley_mcneil(1 - study.auroc, positives, positives)
    each = study.readers // study.groups
    shared = case * (1 + study.alike - 2 * study.with_model)
    alone = case * (1 - study.alike)
    size = (times, study.groups, each)
    found = study.difference + rng.normal(0, np.sqrt(study.between**2 + alone), size)
    found += rng.normal(0, np.sqrt(shared), size[:2])[..., None]
    square = found.var(axis=2, ddof=1).mean(axis=1)  # of readers within their group
    variance = square / study.readers + shared / study.groups
    df = (square + each * shared) ** 2 / (square**2 / (study.readers - study.groups))
    ahead = found.mean(axis=(1, 2)) + t.ppf(1 - LEVEL, df) * np.sqrt(variance)
    return (ahead < margin).mean()


@pytest.mark.parametrize(
    "study",
    [
        ReaderStudy(5),
        ReaderStudy(4, between=0.06),
        ReaderStudy(8, difference=-0.02, auroc=0.9, alike=0.3),
        ReaderStudy(6, groups=2),
        ReaderStudy(9, groups=3, between=0.05, alike=0.6),
    ],
    ids=str,
)
@pytest.mark.parametrize("positives", [40, 150])
def test_the_power_is_that_of_simulated_studies(study, positives):
    assert power(study, 0.08, positives) == pytest.approx(
        simulated(study, 0.08, positives), abs=0.03
    )


def test_with_three_readers_it_is_a_little_too_low():
    study = ReaderStudy(3, between=0.06)
    for positives in (40, 150):
        planned, seen = power(study, 0.08, positives), simulated(study, 0.08, positives)
        assert seen - 0.05 < planned < seen + 0.01, "never promised too much"


def test_at_the_margin_the_power_is_the_level():
    assert power(ReaderStudy(5, difference=0.05), 0.05, 100) == pytest.approx(LEVEL)


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 12), st.floats(0.6, 0.95), st.floats(0.0, 0.08), st.integers(10, 500))
def test_more_images_and_wider_margins_help(readers, auroc, between, positives):
    study = ReaderStudy(readers, auroc=auroc, between=between)
    here = power(study, 0.05, positives)
    least = here - 0.001  # fewer degrees of freedom, where readers' differences remain alone
    assert power(study, 0.05, 2 * positives) >= least
    assert power(study, 0.08, positives) >= here - 1e-9


def test_the_fewest_images_are_the_fewest():
    study = ReaderStudy(5)
    found = positives_needed(study, 0.05)
    assert power(study, 0.05, found) >= 0.8 > power(study, 0.05, found - 1)
    split = positives_needed(ReaderStudy(6, groups=2), 0.05)
    assert split < positives_needed(ReaderStudy(6), 0.05), "each reads fewer images"


def test_readers_who_differ_too_much_need_more_readers():
    assert positives_needed(ReaderStudy(3, between=0.3), 0.05) is None
    with pytest.raises(AuditError, match=r"not below a margin of 0\.05"):
        positives_needed(ReaderStudy(5, difference=0.05), 0.05)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"readers": 2}, "2 readers in 1 groups"),
        ({"readers": 6, "groups": 4}, "6 readers in 4 groups"),
        ({"readers": 5, "alike": 0.2, "with_model": 0.7}, "cannot be alike the model"),
    ],
)
def test_what_cannot_be_planned_for(wrong, message):
    with pytest.raises(AuditError, match=message):
        ReaderStudy(**wrong)


@pytest.mark.parametrize("positives", [10, 66, 258])
def test_the_precision_that_export_is_given_takes_so_many(positives):
    assert planned_cases(precision_of(positives)) == positives


def test_the_command_says_what_to_export():
    words = ["readers", "plan", "--readers", "6", "--groups", "2"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    found = positives_needed(ReaderStudy(6, groups=2), 0.05)
    assert f"{found} images with the finding and {found} without" in done.output
    assert f"{4 * found} images in all" in done.output
    assert f"--precision {precision_of(found):.3f} --readers 3" in done.output
    assert "2 times, each with another --seed" in done.output
    done = CliRunner().invoke(app, ["readers", "plan", "--between", "0.3"])
    assert done.exit_code == 1
    assert "ask more readers" in done.output

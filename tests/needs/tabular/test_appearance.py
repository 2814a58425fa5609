"""What shuffled images tell of the label (M5), and whether the model's skill needs their order."""

from __future__ import annotations

import numpy as np
import pytest
from needs.evidence import (
    Stored,
    attributions,
    binormal,
    case,
    cell,
    findings,
    judged,
    table,
    with_arrays,
)

from audit_suite import NotApplicable, acquisition_auroc, appearance_auroc
from audit_suite.datasets.acquisition import AREAS, EACH
from audit_suite.datasets.properties import PROPERTIES
from audit_suite.maskings import Full
from audit_suite.verdict import Verdict

COUNT = 200  # images of each class


def measured(rng, labels, acquired, region=True):
    """Measurements of files whose outside of the box is brighter in the sick by ``acquired``."""
    found = rng.normal(0, 1, (len(labels), len(PROPERTIES) + len(AREAS) * EACH))
    found[:, len(PROPERTIES) :] += acquired * labels[:, None]
    if not region:
        found[:, len(PROPERTIES) : len(PROPERTIES) + EACH] = np.nan
    return found.astype(np.float32)


def stored(full=0.95, pixels=0.5, edge=0.0, told=0.0, count=COUNT, acquired=0.0, hidden=None):
    """Evidence with an AUROC on full and on shuffled images, an edge's share, and an exposure.

    ``hidden``: the AUROC with the rim or the corners hidden, the same as on full images unless given.
    """
    labels, scores = binormal(full, count)
    rng = np.random.default_rng(3)
    cases = [case(i, label) for i, label in enumerate(labels)]
    looks = rng.normal(0, 1, (2 * count, 6)) + told * labels[:, None]
    tables = {
        "full": with_arrays(table(scores, 0.0), properties=measured(rng, labels, acquired)),
        "shuffled-pixels": with_arrays(
            table(binormal(pixels, count)[1], 0.0), appearance=looks.astype(np.float32)
        ),
        "shuffled-patches": with_arrays(table(scores, 0.0), appearance=looks.astype(np.float32)),
    }
    without = table(scores if hidden is None else binormal(hidden, count)[1], 0.1)
    explained = np.arange(min(48, 2 * count))
    positive = labels[explained][:, None]
    values = np.concatenate([edge * positive, (1 - edge) * positive], axis=1)
    values = values + rng.normal(0, 0.02, values.shape)
    parts = attributions(
        0,
        explained,
        values=values,
        inside=np.tile([1.0, 0.0], (len(explained), 1)),
        area=np.tile([0.2, 0.8], (len(explained), 1)),
        players=("frame.corners", "frame.centre"),
    )

    def read(request):
        if hasattr(request, "method"):
            return parts
        id = request.masking.id
        return without if id.startswith("without-frame") else tables[id]

    return Stored(cases, read)


@pytest.fixture
def here(tmp_path):
    return cell(tmp_path, roi="")


def test_a_classifier_tells_what_the_images_tell_without_their_order(here):
    told = appearance_auroc("pixels").estimate(here, stored(told=0.6))
    assert told.interval(0.95)[0] > 0.6
    assert told.at["masking"] == "shuffled-pixels"
    nothing = appearance_auroc("patches").estimate(here, stored())
    low, high = nothing.interval(0.95)
    assert low < 0.5 < high


@pytest.mark.parametrize("area", AREAS)
def test_a_classifier_tells_what_shows_where_no_finding_does(here, area):
    told = acquisition_auroc(area).estimate(here, stored(acquired=0.3))
    assert told.interval(0.95)[0] > 0.6
    low, high = acquisition_auroc(area).estimate(here, stored()).interval(0.95)
    assert low < 0.5 < high


def test_without_a_region_nothing_is_known_to_lie_outside_it(here):
    made = stored(acquired=0.3)
    labels = made.labels
    full = made.tables(here.requests(Full())[0])
    looks = measured(np.random.default_rng(1), labels, 0.3, region=False)
    without = Stored(made.cases, {"full": with_arrays(full, properties=looks)})
    with pytest.raises(NotApplicable, match="no image has a region of interest"):
        acquisition_auroc("outside").estimate(here, without)
    assert acquisition_auroc("edge").estimate(here, without).value > 0.6


def test_too_few_patients_are_not_applicable(here):
    with pytest.raises(NotApplicable, match="too few"):
        appearance_auroc("pixels").estimate(here, stored(count=6))


def test_what_the_data_tell_is_reported_and_never_judged(here):
    for _, finding, _ in findings("M5", here, stored(told=3.0)):
        assert finding.verdict is Verdict.NOT_APPLICABLE
        assert finding.observations


@pytest.mark.parametrize(
    ("pixels", "edge", "expected"),
    [
        (0.50, 0.0, Verdict.PASS),
        (0.30, 0.0, Verdict.PASS),  # noise upsets a model the other way
        (0.90, 0.0, Verdict.INCONCLUSIVE),  # a bright finding
        (0.90, 0.4, Verdict.FAIL),  # an exposure, which shows at the edge too
        (0.74, 0.4, Verdict.INCONCLUSIVE),
    ],
)
def test_the_skill_needs_the_order_of_the_pixels(here, pixels, edge, expected):
    ((verdict, _),) = judged("M5-score", here, stored(pixels=pixels, edge=edge)).values()
    assert verdict is expected


@pytest.mark.parametrize(
    ("hidden", "edge", "expected"),
    [
        (None, 0.0, Verdict.PASS),
        (None, 0.4, Verdict.PASS),
        (0.70, 0.0, Verdict.INCONCLUSIVE),  # a hole upsets an honest network
        (0.70, 0.1, Verdict.INCONCLUSIVE),
        (0.70, 0.4, Verdict.FAIL),  # it reads the edge
        (0.99, 0.4, Verdict.INCONCLUSIVE),
    ],
)
def test_hiding_the_edge_accuses_only_where_the_edge_contributes(here, hidden, edge, expected):
    ((_, finding, _),) = findings("P3-hidden", here, stored(edge=edge, hidden=hidden))
    assert finding.verdict is expected
    assert ("upset by the hole" in finding.reason) == (hidden == 0.70 and edge < 0.4)


@pytest.mark.parametrize(
    ("edge", "expected"),
    [(0.0, Verdict.PASS), (0.1, Verdict.INCONCLUSIVE), (0.4, Verdict.FAIL)],
)
def test_the_edge_separates_little(here, edge, expected):
    ((verdict, _),) = judged("P3", here, stored(edge=edge)).values()
    assert verdict is expected


def test_a_model_without_skill_has_nothing_to_locate(here):
    ((verdict, _),) = judged("P3", here, stored(full=0.5, edge=0.4)).values()
    assert verdict is Verdict.NOT_APPLICABLE

"""What is prepared of an image: what maskings ask for, and no more."""

from __future__ import annotations

import numpy as np
import pytest
from cards import model_card, phantom_card

from audit_suite.datasets import load_dataset
from audit_suite.evidence.scores.geometry import geometry
from audit_suite.evidence.scores.prepare import prepare
from audit_suite.evidence.scores.prepared import Wanted
from audit_suite.evidence.scores.recalled import Recalled
from audit_suite.models import preprocessing
from audit_suite.regions import signed_distance

AREAS = [(("heart", "spine"), "own"), (("frame.rim",), "own"), (("border",), "own")]


@pytest.fixture
def world(tmp_path):
    spec = model_card(tmp_path, targets=("consolidation",)).input
    return load_dataset(phantom_card(tmp_path)), Wanted({geometry(spec): spec}, AREAS), spec


def test_only_masks_that_are_asked_for_are_brought_to_the_models_size(world, monkeypatch):
    dataset, wanted, _ = world
    fitted = []
    fit = preprocessing.fit_mask

    def noted(mask, spec):
        fitted.append(mask)
        return fit(mask, spec)

    monkeypatch.setattr(preprocessing, "fit_mask", noted)
    prepare(Recalled(dataset, wanted, 1), 0)
    assert len(dataset.read(0).regions) == 6
    assert len(fitted) == 4, "heart, spine, border, and the frame that the image fills"


def test_distances_are_those_of_each_area_of_the_image(world):
    dataset, wanted, spec = world
    made = prepare(Recalled(dataset, wanted, 1), 0)[geometry(spec)]
    assert list(made.distances) == sorted(AREAS)
    regions = dataset.read(0).regions
    both = preprocessing.fit_mask(regions["heart"], spec)
    both |= preprocessing.fit_mask(regions["spine"], spec)
    assert np.array_equal(made.distances[AREAS[0]], signed_distance(both))
    again = prepare(Recalled(dataset, wanted, 1), 1)[geometry(spec)]
    assert again.distances[AREAS[1]] is made.distances[AREAS[1]], "one rim for all images"
    assert not np.array_equal(again.distances[AREAS[0]], made.distances[AREAS[0]])

"""Numbers first: every shape and fill has its AUROC in the finding R0, and in the report."""

from __future__ import annotations

import numpy as np
import pytest
from needs.evidence import Stored, auc, case, findings, table
from needs.evidence import cell as make_cell

from audit_suite import auroc, folded_auroc, numbers
from audit_suite.maskings import Masking
from audit_suite.needs.scores.numbers import FILLS, SHOWN
from audit_suite.verdict import Verdict

N = 120
LABELS = np.arange(N) % 2


def scores_of(request):
    """Another AUROC under every masking."""
    seed = sum(map(ord, request.masking.id)) + 7 * (request.fold or 0)
    rng = np.random.default_rng(seed)
    return rng.normal(LABELS * rng.uniform(0, 2), 1)


def stored(scores=scores_of):
    cases = [case(i, label) for i, label in enumerate(LABELS)]
    return Stored(cases, lambda request: table(scores(request)))


def test_every_shape_and_fill_is_there():
    ids = [masking.id for masking in SHOWN]
    expected = {
        f"{side}-roi{box}{'' if fill == 'black' else '-' + fill}"
        for side in ("without", "only")
        for box in ("", "-box")
        for fill in FILLS
    }
    assert ids[0] == "full"
    assert set(ids[1:]) == expected
    assert len(ids) == 13


def test_each_has_its_auroc_and_folded_auroc(tmp_path):
    cell, evidence = make_cell(tmp_path), stored()
    found = numbers().answer(cell, evidence)
    assert len(found) == 2 * len(SHOWN)
    for masking, area, fold in zip(SHOWN, found[::2], found[1::2], strict=True):
        (request,) = cell.requests(masking)
        assert area.at["masking"] == fold.at["masking"] == masking.id
        assert area.value == pytest.approx(auc(LABELS, scores_of(request)))
        assert area.interval() == auroc(masking).estimate(cell, evidence).interval()
        assert fold.value == folded_auroc(masking).estimate(cell, evidence).value


def test_what_is_asked_for_is_what_is_read(tmp_path):
    cell = make_cell(tmp_path, folds=(0, 1), model='folds = ["a", "b"]')
    asked = {(request.fold, request.masking.id) for request in numbers().requests(cell)}
    read = set()

    def noting(request):
        read.add((request.fold, request.masking.id))
        return scores_of(request)

    found = numbers().answer(cell, stored(noting))
    assert read == asked
    assert len(asked) == 2 * len(SHOWN)
    assert len(found[0].folds) == 2


def test_without_a_region_the_whole_image_still_has_its_number(tmp_path):
    cell = make_cell(tmp_path, roi="")
    assert [request.masking.id for request in numbers().requests(cell)] == ["full"]
    found = numbers().answer(cell, stored())
    assert [each.label for each in found] == ["AUROC", "folded AUROC"]


def test_ties_keep_no_number_back(tmp_path):
    cell = make_cell(tmp_path)
    found = numbers().answer(cell, stored(lambda _: LABELS * (np.arange(N) > 30) * 1.0))
    assert len(found) == 2 * len(SHOWN)
    assert found[0].at["ties"] > 0.2


def test_r0_reports_without_a_verdict(tmp_path):
    ((_, finding, _),) = findings("R0", make_cell(tmp_path), stored())
    assert finding.verdict is Verdict.NOT_APPLICABLE
    assert len(finding.observations) == 2 * len(SHOWN)
    assert {Masking.parse(str(e.at["masking"])) for e in finding.observations} == set(SHOWN)
    assert finding.estimate.label == "AUROC"

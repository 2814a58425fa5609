"""Scores in another precision: how far they are from fp32, and whose evidence they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from cards import phantom_card

from audit_suite.cards import load_model_card
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore, compute
from audit_suite.evidence.arithmetic import computing_in
from audit_suite.evidence.precision import Change, Precisions, precision_key
from audit_suite.evidence.scores.in_batches import Scorer
from audit_suite.evidence.scores.neutral import change_between, measure
from audit_suite.maskings import Full, WithoutROI
from audit_suite.models.preprocessing import fit_geometry

ZOO = Path(__file__).parents[2] / "model_zoo"


@pytest.fixture
def cell(tmp_path):
    """A trained network: the scores of random weights hardly differ, so any rounding moves them."""
    model = load_model_card(ZOO / "models/phantom-honest.toml")
    card = phantom_card(tmp_path, patients=40)
    return Cell(model, (None,), card, "consolidation")


def source(folder, device="cpu", precision="fp32"):
    profile = EvidenceProfile(device=device, threads=1, precision=precision)
    return EvidenceSource(EvidenceStore(folder / "store"), profile)


def test_change_is_the_worst_of_all_targets():
    exact = np.array([[0.0, 0], [1, 2], [2, 4], [3, 6]])
    labels = [[0, 1, 0, 1], [0, 0, 1, None]]
    assert change_between(exact, exact, labels) == Change(0.0, 0.0, pytest.approx(1.0))
    swapped = exact.copy()
    swapped[[0, 1], 0] = swapped[[1, 0], 0]
    change = change_between(exact, swapped, labels)
    assert change.logit == pytest.approx(1 / exact[:, 0].std())
    assert change.auroc == pytest.approx(0.25)  # 3 of 4 pairs are right, then 2
    assert change.rank == pytest.approx(0.8)
    other = exact.copy()
    other[0, 1] = 9  # the target whose one positive it overtakes
    assert change_between(exact, other, labels).auroc == pytest.approx(0.5)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_scores_that_are_not_numbers_are_not_neutral(broken):
    exact = np.array([[0.0], [1], [2]])
    other = exact.copy()
    other[1] = broken
    assert not change_between(exact, other, [[0, 1, 1]]).neutral
    assert not change_between(exact, np.ones_like(exact), [[0, 1, 1]]).neutral


def test_a_sample_is_scored_in_every_precision(tmp_path, cell):
    here = source(tmp_path)
    pair = (cell.model, None, cell.dataset)
    measure(here, lambda line: None, *pair)
    stored = here.store.read(precision_key(here, pair))
    changes = {name: Change(*row.tolist()) for name, row in stored.items()}
    assert list(changes) == ["bf16"], "a processor has no tf32"
    assert 0 < changes["bf16"].logit < 0.1
    assert changes["bf16"].neutral


def test_the_precision_decides_scores_and_keys(tmp_path, cell):
    exact, rounded = source(tmp_path), source(tmp_path, precision="bf16")
    requests = [*cell.requests(Full()), *cell.requests(WithoutROI())]
    for request in requests:
        assert request.key(exact, 0) != request.key(rounded, 0)
    compute(requests, exact)
    compute(requests, rounded)
    for request in requests:
        one, other = (each.read(request).scores for each in (exact, rounded))
        assert not np.array_equal(one, other)
        assert np.abs(one - other).max() < 0.1 * one.std()
    # Its own scores are not taken for those of a changed model.
    again = source(tmp_path, precision="bf16")
    said: list[str] = []
    compute(requests, again, said.append)
    assert said == []


def test_a_precision_that_changes_scores_too_much_is_refused(tmp_path, cell):
    here = source(tmp_path, precision="bf16")
    pair = (cell.model, None, cell.dataset)
    here.store.write(precision_key(here, pair), {"bf16": np.array([0.7, 0.01, 0.97])})
    (request,) = cell.requests(Full())
    with pytest.raises(
        AuditError, match=r"an AUROC by up to 0\.01, a score by up to 0\.7"
    ) as caught:
        here.read(request)
    assert "--audit-precision=bf16" in str(caught.value)
    assert "fp32" in caught.value.remedy


def test_the_last_layer_stays_exact(tmp_path, cell):
    """In bf16 scores of 17 lie .125 apart, and most images would tie."""
    model = source(tmp_path).model(cell.model, None)
    batch = torch.rand(16, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    before = model(batch)[0]
    with computing_in("bf16", model):
        inside = model(batch)[0]
    assert len(inside[:, 0].unique()) == 16
    assert inside.dtype == torch.float64
    assert torch.equal(model(batch)[0], before), "nothing of it stays"


@pytest.mark.gpu
def test_runs_on_a_card_give_the_same_bytes_in_any_order(tmp_path, cell):
    scored = [*cell.requests(Full()), *cell.requests(WithoutROI(fill="noise"))]
    explained = [request for name in ("gradient", "deep") for request in cell.explanations(name)]
    runs = []
    orders = (scored + explained,), (scored + explained,), (explained, scored), (scored, explained)
    for number, order in enumerate(orders):
        here = source(tmp_path / str(number), "cuda", None)
        for together in order:  # the last in a process that begins with what is stored
            compute(together, here)
            if number == 3:
                here = source(tmp_path / str(number), "cuda", None)
        runs.append([here.read(request) for request in scored + explained])
    for one, *others in zip(*runs, strict=True):
        for other in others:
            if hasattr(one, "scores"):
                assert np.array_equal(one.scores, other.scores)
            else:
                assert all(np.array_equal(one.arrays[key], other.arrays[key]) for key in one.arrays)


@pytest.mark.usefixtures("gpu")
def test_a_card_measures_its_precision_and_its_batch(tmp_path, cell):
    from audit_suite.evidence.scores.trial import batch_size

    here = source(tmp_path, "cuda", None)
    (request,) = cell.requests(Full())
    pair = (cell.model, None, cell.dataset)
    assert here.precisions.of(pair) == Precisions(here).of(pair)
    assert here.precisions.summary()[0]["images"] == 128
    assert batch_size(request, here) == batch_size(request, here) in (64, 128, 256)


def test_what_is_tried_image_by_image_is_scored_in_the_precision_of_the_table(tmp_path, cell):
    """Else the effect of a change would be that of the rounding too."""
    table, tried = [], []
    for precision in ("fp32", "bf16"):
        here = source(tmp_path, precision=precision)
        (request,) = cell.requests(Full())
        compute([request], here)
        data = here.dataset(cell.dataset)
        images = [fit_geometry(data.read(n).image, {}, cell.model.input)[0] for n in range(40)]
        table.append(here.read(request).scores[:, 0])
        tried.append(Scorer(request.pair, here)(np.stack(images), "consolidation"))
    rounding = np.abs(table[0] - table[1]).max()
    assert rounding > 0
    for one, other in zip(table, tried, strict=True):
        assert np.abs(one - other).max() < 0.01 * rounding

"""Memory that runs out: batches are halved, it is said, and the scores stay what they were."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import torch
from cards import model_card, phantom_card

from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore, compute
from audit_suite.evidence.budget import Budget
from audit_suite.evidence.remembered import Remembered
from audit_suite.evidence.scores.trial import batch_size
from audit_suite.maskings import Full, WithoutROI

NET = """
import weakref
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU())
        self.head = torch.nn.Linear(2, 1)
        for p in self.parameters():
            torch.nn.init.constant_(p, 0.1)
    def forward(self, batch):
        torch.nn.Module.seen = weakref.ref(batch)
        if len(batch) > torch.nn.Module.most:
            raise torch.nn.Module.error
        return self.head(self.body(batch).mean((2, 3)))
"""
FULL = (
    "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "GET was unable to find an engine to execute this computation",
    "Failed to allocate memory for requested buffer of size 9",
)


@pytest.fixture(scope="module")
def cell(tmp_path_factory):
    folder = tmp_path_factory.mktemp("memory")
    (folder / "net.py").write_text(NET)
    model = model_card(
        folder, targets=("consolidation",), architecture="net.py:Net", activation="none", size=32
    )
    return Cell(model, (None,), phantom_card(folder, patients=40), "consolidation")


@pytest.fixture
def limit(monkeypatch):
    def set(most, error=None):
        monkeypatch.setattr(torch.nn.Module, "most", most, raising=False)
        monkeypatch.setattr(torch.nn.Module, "error", error, raising=False)

    set(10**9)
    return set


def source(folder, **profile):
    settings = {"device": "cpu", "threads": 1, "batch_size": 16}
    profile = EvidenceProfile(**settings | profile)
    return EvidenceSource(EvidenceStore(folder), profile, explaining=Budget(images=8))


@pytest.mark.parametrize(
    "error",
    [MemoryError(), *map(RuntimeError, FULL), torch.OutOfMemoryError("CUDA out of memory")],
)
@pytest.mark.parametrize("most", [5, 15])
def test_scores_in_smaller_batches_are_the_same(cell, limit, tmp_path, error, most):
    wanted = [*cell.requests(Full()), *cell.requests(WithoutROI())]
    whole, halved, lines = source(tmp_path / "whole"), source(tmp_path / "halved"), []
    compute(wanted, whole)
    limit(most, error)
    compute(wanted, halved, lines.append)
    for request in wanted:
        np.testing.assert_allclose(
            halved.read(request).scores, whole.read(request).scores, atol=1e-6
        )
    sizes = [size for size in (8, 4) if 2 * size > most]
    assert [line for line in lines if "memory" in line] == [
        f"m: memory ran out; from here on {size} images at once" for size in sizes
    ]


def test_a_single_image_that_is_too_large_is_an_error(cell, limit, tmp_path):
    here = source(tmp_path)
    here.model(cell.model, None)
    limit(0, MemoryError())
    with pytest.raises(AuditError, match="memory ran out on a single image"):
        here.read(cell.requests(Full())[0])


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("most", [1, 3, 5, 15])
def test_a_card_that_takes_few_images_is_given_as_many_and_its_precision_is_known(
    cell, limit, tmp_path, most
):
    wanted = [*cell.requests(Full()), *cell.requests(WithoutROI())]
    compute(wanted, exact := source(tmp_path / "cpu"))
    here = source(tmp_path / "gpu", device="cuda", batch_size=None, precision=None)
    here.model(cell.model, None)
    limit(most, torch.OutOfMemoryError("CUDA out of memory"))
    compute(wanted, here)
    for request in wanted:
        np.testing.assert_allclose(here.read(request).scores, exact.read(request).scores, atol=1e-2)
    assert here.precisions.summary()[0]["images"] > 16
    assert batch_size(wanted[0], here) in {1 << n for n in range(most.bit_length())}


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("precision", [None, "fp32"])
def test_a_card_that_takes_no_image_is_an_error(cell, limit, tmp_path, precision):
    here = source(tmp_path, device="cuda", batch_size=None, precision=precision)
    here.model(cell.model, None)
    limit(0, torch.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(AuditError, match="memory ran out on a single image"):
        here.read(cell.requests(Full())[0])


@pytest.mark.parametrize("method", [None, "region-shapley", "gradient"])
def test_no_image_is_held_for_the_error_that_is_remembered(cell, limit, tmp_path, method):
    here = source(tmp_path)
    here.model(cell.model, None)
    limit(0, torch.OutOfMemoryError("CUDA out of memory"))
    wanted = cell.requests(Full()) if method is None else cell.explanations(method)
    compute(wanted, here)
    assert here.failures
    torch.nn.Module.error = None
    gc.collect()
    assert torch.nn.Module.seen() is None


@pytest.mark.parametrize(
    "put",
    [
        lambda kept, error: kept.__setitem__("model", error),
        lambda kept, error: kept.update({"model": error}),
        lambda kept, error: kept.setdefault("model", error),
    ],
)
def test_an_error_is_remembered_without_what_led_to_it_however_it_is_put_in(put):
    def run_out():
        try:
            raise MemoryError
        except MemoryError:
            raise AuditError("memory ran out", "use less") from None

    kept = Remembered()
    with pytest.raises(AuditError) as caught:
        run_out()
    put(kept, caught.value)
    assert kept["model"] is caught.value
    assert caught.value.__traceback__ is caught.value.__context__ is None


@pytest.mark.usefixtures("gpu")
def test_explanations_on_a_card_begin_to_halve_at_what_they_took(cell, limit, tmp_path):
    (wanted,) = cell.explanations("gradient")
    here, lines = source(tmp_path, device="cuda", batch_size=None), []
    here.model(cell.model, None)
    limit(40, torch.OutOfMemoryError("CUDA out of memory"))
    compute([wanted], here, lines.append)
    assert len(here.read(wanted).outputs) == 8
    said = [line for line in lines if "memory ran out" in line]
    assert said == [
        f"m: memory ran out; gradient goes on with {size} images at once" for size in (64, 32)
    ]


@pytest.mark.parametrize("method", ["region-shapley", "gradient"])
def test_explanations_go_on_with_smaller_batches(cell, limit, tmp_path, method):
    (wanted,) = cell.explanations(method)
    whole, halved, lines = source(tmp_path / "whole"), source(tmp_path / "halved"), []
    expected = whole.read(wanted)
    limit(9, MemoryError())
    compute([wanted], halved, lines.append)
    np.testing.assert_allclose(halved.read(wanted).outputs, expected.outputs, atol=1e-6)
    assert any("memory ran out" in line for line in lines)

"""A model on a card: the same scores from every kind of program."""

from __future__ import annotations

import pytest
import torch
from cards import model_card
from torch import nn

from audit_suite.models.load import load_model
from audit_suite.models.onnx_program import OnnxProgram

IMAGES = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(1))


class Making(nn.Module):
    """A network that makes tensors of its own, as those with positions do."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Linear(64, 2)
        self.register_buffer("scale", torch.rand(1, 64))
        self.loose = torch.rand(1, 64)

    def forward(self, batch):
        flat = batch.flatten(1)
        places = torch.arange(64, dtype=batch.dtype, device=batch.device)
        none = torch.zeros(batch.shape[0], 64, device=batch.device)
        loose = self.loose.to(batch.device)
        return self.head((flat + none) * places * self.scale + loose.float())


def exported(path, sizes):
    torch.export.save(
        torch.export.export(Making().eval(), (IMAGES[:2],), dynamic_shapes=sizes), path
    )


PROGRAMS = {
    "any number of images": ("export", lambda p: exported(p, ({0: torch.export.Dim("n")},))),
    "two images": ("export", lambda p: exported(p, None)),
    "ONNX": ("onnx", lambda p: torch.onnx.export(Making().eval(), (IMAGES[:2],), p, dynamo=True)),
}


@pytest.fixture(scope="module", params=PROGRAMS)
def card(request, tmp_path_factory):
    """Made before there is a card."""
    loader, write = PROGRAMS[request.param]
    if loader == "onnx":
        pytest.importorskip("onnxscript")
    folder = tmp_path_factory.mktemp("program")
    write(str(folder / ("w" + {"export": ".pt2", "onnx": ".onnx"}[loader])))
    (weights,) = (file.name for file in folder.iterdir() if file.suffix != ".data")
    top = f'weights = "{weights}"'
    return model_card(folder, top, loader=loader, architecture=None, targets=("a", "b"), size=8)


@pytest.mark.usefixtures("gpu")
def test_a_program_scores_on_a_card_as_on_the_cpu(card):
    here, there = (load_model(card, device=device) for device in ("cpu", "cuda"))
    scores, _ = there(IMAGES.cuda())
    assert scores.is_cuda
    assert torch.allclose(scores.cpu(), here(IMAGES)[0], atol=1e-4)


def test_onnx_runtime_is_asked_to_repeat_itself_on_a_card(tmp_path, monkeypatch):
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    torch.onnx.export(Making().eval(), (IMAGES[:2],), str(tmp_path / "w.onnx"), dynamo=True)
    program, started = OnnxProgram(tmp_path / "w.onnx"), []
    own = onnxruntime.InferenceSession

    def start(path, settings, providers):
        started.append((settings.use_deterministic_compute, *providers))
        return own(path, settings, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", start)
    program._session("cuda")
    ((repeats, (name, options), fallback),) = started
    assert repeats
    assert (name, fallback) == ("CUDAExecutionProvider", "CPUExecutionProvider")
    assert options["cudnn_conv_algo_search"] == "HEURISTIC", "the default takes the time of each"
    assert options["use_tf32"] == "0"

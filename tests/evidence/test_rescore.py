"""Before evidence is used: models are tried on real images, and stored scores are their own."""

from __future__ import annotations

import numpy as np
import pytest
from cards import model_card, phantom_card

from audit_suite.audit.opening import open_audit
from audit_suite.audit.settings import Settings
from audit_suite.audit.vetting import unusable_models
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore, compute
from audit_suite.maskings import Full, WithoutROI

NET = """
from pathlib import Path
import torch

class Reading(torch.nn.Module):
    '''Reads a file whenever it scores, which no digest can know.'''

    def forward(self, batch):
        factor = float((Path(__file__).parent / "factor.txt").read_text())
        return factor * batch.mean(dim=(1, 2, 3))[:, None]

class Fickle(torch.nn.Module):
    '''A function of noise, but not of images of this data set.'''

    def forward(self, batch):
        score = batch.mean(dim=(1, 2, 3))[:, None]
        dark = batch[:, :, 0, 0].max() < 0.2
        return score - score.mean() if dark else score

def reading(): return Reading()
def fickle(): return Fickle()
"""
MASKINGS = (Full(), WithoutROI(), WithoutROI(fill="mean"))


@pytest.fixture
def project(tmp_path):
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "factor.txt").write_text("1.0")
    phantom_card(tmp_path, patients=40)
    return tmp_path


def cell(folder, function="reading", top=""):
    keys = {"architecture": f"net.py:{function}", "activation": "none", "size": 32}
    model = model_card(folder, top, targets=("consolidation",), **keys)
    return Cell(model, (None,), phantom_card(folder, patients=40), "consolidation")


def source(folder, **more):
    return EvidenceSource(
        EvidenceStore(folder / "store"), EvidenceProfile(device="cpu", threads=1), **more
    )


def requests(cell, maskings=MASKINGS):
    return [request for masking in maskings for request in cell.requests(masking)]


def test_stored_scores_of_another_model_are_discarded_and_computed_again(project):
    here, lines = cell(project), []
    compute(requests(here), source(project), lines.append)
    assert lines == []
    first = source(project).read(requests(here)[1]).scores
    (project / "factor.txt").write_text("2.0")
    again = source(project)
    compute(requests(here)[:1], again, lines.append)
    (said,) = [line for line in lines if "discarded" in line]
    assert "m on d: stored scores differ by up to 0." in said
    assert not again.store.has(requests(here)[1].key(again, 0)), "also what this run does not ask"
    assert np.allclose(again.read(requests(here)[1]).scores, 2 * first)
    assert again.store.discarded(again.subject(requests(here)[0])) == [said]


def test_stored_scores_of_the_same_model_are_kept(project):
    here, lines = cell(project), []
    compute(requests(here), source(project), lines.append)
    files = {path: path.stat().st_mtime_ns for path in (project / "store").rglob("*.safetensors")}
    compute(requests(here), source(project), lines.append)
    assert lines == []
    after = {path: path.stat().st_mtime_ns for path in (project / "store").rglob("*.safetensors")}
    assert after == files


def test_offline_nothing_is_scored(project):
    here = cell(project)
    compute(requests(here), source(project))
    (project / "factor.txt").write_text("2.0")
    stored = source(project, offline=True)
    assert stored.read(requests(here)[0]).used.all()


def test_a_model_is_tried_once_a_run_on_each_data_set(project, monkeypatch):
    from audit_suite.evidence.scores import rescore

    tried = []
    check = rescore.check_function
    monkeypatch.setattr(
        rescore, "check_function", lambda *args: tried.append(args[2]) or check(*args)
    )
    here, run = cell(project), source(project)
    compute(requests(here), run)
    compute(requests(here), run)
    run.read(cell(project).requests(WithoutROI(dilation=2))[0])
    assert tried == ["images of 'd'"]


def test_a_model_that_is_no_function_of_real_images_is_refused_before_anything_is_stored(project):
    here, run = cell(project, "fickle"), source(project)
    run.model(here.model, None)  # noise tells nothing
    compute(requests(here), run)
    for request in requests(here):
        with pytest.raises(AuditError, match=r"images \(images of 'd'\) scored in one batch and"):
            run.read(request)
    assert not list((project / "store").rglob("*.safetensors"))


def test_what_was_stored_of_a_model_that_became_none_is_not_used(project):
    here = cell(project)
    compute(requests(here), source(project))
    (project / "factor.txt").write_text("no number")
    run = source(project)
    compute(requests(here), run)
    with pytest.raises(AuditError, match="raised ValueError"):
        run.read(requests(here)[0])


def opened(folder, *models):
    paths = tuple(folder / f"{name}.toml" for name in models)
    return open_audit(
        Settings(paths, (folder / "d.toml",), evidence=folder / "store", device="cpu")
    )


def test_what_breaks_all_checks_of_a_model_is_said_once_before_anything_runs(project):
    """Weights that are missing or unsafe, and code that nobody declared."""
    keys = {"targets": ("consolidation",), "architecture": "net.py:never"}
    model_card(project, name="good", **{**keys, "architecture": "net.py:reading"})
    model_card(project, 'weights = "none.pt"', name="missing", loader="architecture", **keys)
    (project / "bad.pt").write_bytes(b"no weights")
    model_card(project, 'weights = "bad.pt"', name="broken", loader="architecture", **keys)
    model_card(project, name="undeclared", **keys)
    card = project / "undeclared.toml"
    card.write_text(card.read_text().replace("trusted = true\n", ""))
    (project / "net.py").write_text("raise SystemExit('this ran')")
    audit = opened(project, "good", "missing", "broken", "undeclared")
    said = unusable_models(audit)
    assert len(said) == 3
    for name, words in (
        ("missing", "none.pt does not exist"),
        ("broken", "cannot be read"),
        ("undeclared", "runs code: callable net.py:never"),
    ):
        (one,) = [line for line in said if f"{name}.toml" in line]
        assert words in one

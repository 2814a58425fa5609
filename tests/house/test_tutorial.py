"""The tutorial: on the files that it describes, its first command writes what it says."""

from __future__ import annotations

import importlib.util
import re
import shlex

import pytest
from house.pages import DOCS, ROOT, blocks
from torchvision.models import resnet18
from typer.testing import CliRunner

from audit_suite.audit.settings import FIRST_LOOK
from audit_suite.cards import load_dataset_card, load_model_card
from audit_suite.cli import app
from audit_suite.datasets import load_dataset

PAGE = DOCS / "tutorial.md"

if not PAGE.exists():
    pytest.skip("runs in a checkout, not beside a wheel", allow_module_level=True)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    """The files of the tutorial, but for the training of the network."""
    path = ROOT / "model_zoo" / "examples" / "hospital" / "make.py"
    spec = importlib.util.spec_from_file_location("hospital", path)
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    folder = tmp_path_factory.mktemp("hospital")
    make.write_data(folder)
    make.save_checkpoint(resnet18(weights=None, num_classes=2), folder / "model.ckpt")
    return folder


def test_init_prints_what_the_page_shows_and_the_cards_load(hospital, monkeypatch):
    monkeypatch.chdir(hospital)
    command = next(b for b in blocks(PAGE) if b.startswith("audit-suite init")).replace("\\\n", " ")
    result = CliRunner().invoke(app, shlex.split(command)[1:], catch_exceptions=False)
    shown = next(b for b in blocks(PAGE, "text") if b.startswith("assumed"))
    assert result.output == shown
    model = load_model_card(hospital / "audit" / "model.toml")
    assert model.architecture == "torchvision:resnet18"
    data = load_dataset(load_dataset_card(hospital / "audit" / "data.toml"))
    patients = {case.patient for case in data.cases}
    doctor = next(b for b in blocks(PAGE, "text") if b.startswith("note"))
    positives = sum(case.labels["consolidation"] for case in data.cases)
    assert f"{len(patients)} patients, {positives} with the finding" in doctor


def test_the_page_shows_the_verdicts_of_a_first_look_in_its_words():
    text = PAGE.read_text(encoding="utf-8")
    assert f"at most {FIRST_LOOK} images" in text
    assert re.findall(r"^  PASS +(\S+) ", text, re.MULTILINE) == ["C14", "R1", "R8-box"]

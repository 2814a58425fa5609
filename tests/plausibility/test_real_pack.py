"""From real radiographs to the report: a pack exported, read in a browser, imported and shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("selenium", reason="selenium drives the browser")

from plausibility.driver import NEEDS_BROWSER
from typer.testing import CliRunner

import audit_suite
from audit_suite.cards import load_dataset_card
from audit_suite.cli import app
from audit_suite.datasets import load_dataset

pytestmark = [*NEEDS_BROWSER, pytest.mark.real_data]

ROOT = Path(__file__).parents[2]
CARD = ROOT / "audits" / "real_cxr" / "cxr-covid-test.toml"
MODEL = """
schema = 1
name = "rim-reader"
targets = ["covid"]
loader = "callable"
architecture = "model.py:build"
trusted = true
[input]
size = [64, 64]
channels = 1
resize = "pad"
mean = [0.0]
std = [1.0]
"""
NETWORK = """
import torch

class Rim(torch.nn.Module):
    def forward(self, batch):
        rim = torch.ones(64, 64)
        rim[8:56, 8:56] = 0
        return (batch * rim).mean(dim=(1, 2, 3), keepdim=True)[..., 0, 0] * 20 - 5

def build():
    return Rim()
"""


def command(*arguments):
    """What `audit-suite` prints; models run in a child process, as for users."""
    done = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def see_nothing_without_lungs(item):
    """How our reader reads: finds COVID in the sick's full images, and nothing without lungs."""
    masking, sick = item
    if masking == "without-roi-box":
        return ("u",)
    return ("y4",) if sick else ("n4",)


@pytest.mark.skipif(not CARD.exists(), reason="runs in a checkout, not beside a wheel")
def test_real_radiographs_from_export_to_report(tmp_path, radiologist, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(NETWORK)
    (tmp_path / "rim.toml").write_text(MODEL)
    said = command(
        "readers", "export", "--model", "rim.toml", "--dataset", CARD, "--out", "packs",
        "--precision", "0.35", "--masking", "full", "--masking", "without-roi-box",
        "--washout", "0",
    )  # fmt: skip
    assert "covid, without-roi-box: 6 with and 6 without it" in said
    key = json.loads((tmp_path / "packs.key.json").read_text())
    cases = load_dataset(load_dataset_card(CARD)).cases

    pack = tmp_path / "packs" / "reader-1"
    for path in pack.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert not any(case.patient in text for case in cases if len(case.patient) > 6)
    radiologist.begin(pack)
    radiologist.browser.save_screenshot(str(tmp_path / "reading.png"))
    items = json.loads((pack / "items.js").read_text().removeprefix("window.PACK = ").rstrip(";\n"))
    for number, item in enumerate(items["items"]):
        if radiologist.shown("rest"):
            radiologist.click("go-on")
        radiologist.see()
        what = key["items"][item["code"]]
        radiologist.press(
            *see_nothing_without_lungs((what["masking"], cases[what["index"]].labels["covid"]))
        )
        radiologist.press("\ue007")
        assert number < len(items["items"])
    assert radiologist.text("rest-title") == "You have read all images"
    assert radiologist.complaints() == []
    answers = radiologist.export()
    assert len(answers.answers) == len(key["items"])

    exported = radiologist.downloads / "answers-reader-1.json"
    said = command("readers", "import", exported, "--pack", "packs", "--out", "readings.json")
    assert f"reader-1: {len(key['items'])} of {len(key['items'])} items answered" in said
    made = audit_suite.run(
        ["rim.toml"], [CARD], ["plausibility"], readings="readings.json", executor="inline"
    )
    made.report("audit.html")
    record = json.loads(made.to_json())
    verdicts = {finding["check"]: finding["verdict"] for finding in record["findings"]}
    assert verdicts["H1"] == "pass"
    (skill,) = [f for f in record["findings"] if f["check"] == "H3"]
    shown = {
        (e["at"]["masking"], e["at"]["reader"], e["at"]["measure"]): e["value"]
        for e in skill["observations"]
    }
    assert shown["full", "reader-1", "AUROC"] == 1
    assert shown["without-roi-box", "reader-1", "AUROC"] == 0.5
    assert shown["without-roi-box", "reader-1", "cannot be read"] == 1
    assert ("without-roi-box", "model", "AUROC") in shown
    assert {image["masking"] for image in record["read"]} == {"full", "without-roi-box"}
    page = (tmp_path / "audit.html").read_text()
    assert "One reader can show what that reader saw in these images" in page
    assert "<script" not in page, "only the pack may run scripts"

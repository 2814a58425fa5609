"""What a model card expects, end to end: verdicts of models whose truth is planted, and reasons."""

from __future__ import annotations

import json

import numpy as np
import pytest
from once import made_once
from PIL import Image

SUITE = ("--audit-suite=plausibility", "-k", "expected_regions or must_not_matter")

EXPECTATIONS = """
[expectations.sick]
expected = ["square"]
never = [{never}]
source = "two readers, 2026-03"
"""

NOWHERE = """
import torch

class Nowhere(torch.nn.Module):
    def __init__(self, where):
        super().__init__()
        weight = torch.randn(256, generator=torch.Generator().manual_seed(3))
        sign = torch.arange(256) % 2 * 2 - 1
        self.weight = weight.abs() * sign.float()

    def forward(self, batch):
        return (batch.flatten(1) @ self.weight)[:, None]

def build(where):
    return Nowhere(where)
"""


@pytest.fixture
def plausible(world, images):
    """The world, its corner drawn as a region in all images, in every second one, or in none."""
    world.dataset("plain", images(400))
    (world.path / "nowhere.py").write_text(NOWHERE)
    world.model("random", "nowhere")
    card = world.path / "random.toml"
    card.write_text(card.read_text().replace("model.py", "nowhere.py"))
    for name in ("honest", "shortcut", "random"):
        expect(world, name, '"marker", "border"')
    for name, patients, every in (("marked", 3200, 1), ("rarely", 400, 2)):
        draw_marker(images(patients), every)
        world.dataset(name, images(patients))
        card = world.path / f"{name}.toml"
        text = card.read_text().replace("manifest.csv", f"every-{every}.csv")
        card.write_text(text + '[regions.marker]\ncolumn = "marker"\n')
    return world


def draw_marker(folder, every):
    """A manifest with a mask of the corner in every so manyth image of each label."""
    mask = np.zeros((16, 16), np.uint8)
    mask[:2, :2] = 255
    Image.fromarray(mask).save(folder / "marker.png")
    header, *rows = (folder / "manifest.csv").read_text().splitlines()
    marked = (number // 2 % every == 0 for number in range(len(rows)))  # labels take turns
    lines = [
        f"{row},{'marker.png' if here else ''}" for row, here in zip(rows, marked, strict=True)
    ]
    (folder / f"every-{every}.csv").write_text("\n".join([f"{header},marker", *lines]) + "\n")


def expect(world, model, never):
    card = world.path / f"{model}.toml"
    plain = card.read_text().partition("[expectations")[0]
    card.write_text(plain + EXPECTATIONS.format(never=never))


def findings(world, model, dataset):
    """What an audit finds of some models on some data sets, each as if it were audited alone."""
    world.run(*SUITE, "--audit-multiplicity=none", model=model, dataset=dataset)
    return [f for f in world.record()["findings"] if f["check"].startswith("P")]


@pytest.fixture
def found(plausible, tmp_path_factory):
    """Findings of a model on a data set, by check and case: of one audit of them all."""

    def audit(folder):
        card = plausible.path / "random.toml"
        card.write_text(card.read_text().replace("[input]", 'datasets = ["marked"]\n[input]'))
        every = findings(plausible, "honest,shortcut,random", "marked,plain,rarely")
        (folder / "findings.json").write_text(json.dumps(every))

    every = json.loads(
        (made_once(tmp_path_factory, "plausible", audit) / "findings.json").read_text()
    )

    def of(model, dataset):
        mine = [f for f in every if (f["model"], f["dataset"]) == (model, dataset)]
        return {(f["check"], f["case"]): f for f in mine}

    return of


def said(findings):
    return {key: finding["verdict"] for key, finding in findings.items()}


MARKER = [("P2", "marker"), ("P2-alone", "marker")]
BORDER = [("P2", "border"), ("P2-alone", "border")]
CASES = [("P1", ""), *MARKER, *BORDER]


def test_the_honest_pass_everywhere_and_chance_passes_nothing(found):
    assert said(found("honest", "marked")) == dict.fromkeys(CASES, "pass")
    random = found("random", "marked")
    assert said(random) == dict.fromkeys(CASES, "not_applicable")
    assert "skill on full images is not shown" in random["P2", "marker"]["reason"]


def test_the_shortcut_fails_and_what_lies_in_a_region_of_its_own_is_no_border(found):
    shortcut = found("shortcut", "marked")
    assert said(shortcut) == dict.fromkeys([("P1", ""), *MARKER], "fail") | dict.fromkeys(
        BORDER, "pass"
    )
    assert shortcut["P2", "marker"]["estimate"]["at"] == {
        "method": "region-shapley",
        "region": "marker",
        "area": 0.0156,
    }


def test_who_says_so_stands_beside_the_margin(found):
    for finding in found("honest", "marked").values():
        assert finding["margin_source"].endswith("; regions after two readers, 2026-03")


def test_a_region_without_masks_is_no_pass_and_the_border_is_there_for_all(found):
    plain = found("shortcut", "plain")
    for check in ("P2", "P2-alone"):
        assert plain[check, "marker"]["verdict"] == "not_applicable"
        assert plain[check, "marker"]["reason"] == (
            "data set 'plain' has no region 'marker'; give it one under 'regions' to have it checked"
        )
        assert plain[check, "border"]["verdict"] == "fail", "most of the corner lies in the rim"
    assert "fail" not in said(found("honest", "plain")).values()


def test_a_region_in_some_images_only_is_judged_by_its_share(found):
    rarely = found("shortcut", "rarely")
    assert rarely["P2", "marker"]["verdict"] == "fail"
    assert rarely["P2", "marker"]["estimate"]["n_images"] < 48
    assert rarely["P2-alone", "marker"]["verdict"] == "not_applicable"
    assert "only 50% of the images show" in rarely["P2-alone", "marker"]["reason"]
    assert said(found("honest", "rarely"))["P2", "marker"] != "fail"


def test_a_card_that_expects_nothing_is_told_the_key(plausible):
    card = plausible.path / "honest.toml"
    card.write_text(card.read_text().partition("[expectations")[0])
    found = findings(plausible, "honest", "small")
    assert {(f["check"], f["case"]) for f in found} == {
        ("P1", ""),
        ("P2", "nothing"),
        ("P2-alone", "nothing"),
    }
    for finding in found:
        assert finding["verdict"] == "not_applicable"
        assert finding["reason"] == (
            "the model card declares no expectations for 'sick' (key expectations.sick)"
        )


def test_a_preregistered_margin_is_taken(plausible):
    card = plausible.path / "shortcut.toml"
    card.write_text(card.read_text() + '[margins.P2]\nvalue = 0.999\nsource = "protocol 7"\n')
    (finding,) = (
        found
        for found in findings(plausible, "shortcut", "rarely")
        if (found["check"], found["case"]) == ("P2", "marker")
    )
    assert finding["margin"] == 0.999
    assert finding["margin_source"] == (
        "model card 'shortcut': protocol 7; regions after two readers, 2026-03"
    )

"""What a model card expects, end to end: verdicts of models whose truth is planted, and reasons."""

from __future__ import annotations

import numpy as np
import pytest
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
    world.dataset("big", images(3200))
    (world.path / "nowhere.py").write_text(NOWHERE)
    world.model("random", "nowhere")
    card = world.path / "random.toml"
    card.write_text(card.read_text().replace("model.py", "nowhere.py"))
    for name in ("honest", "shortcut", "random"):
        expect(world, name, '"marker"')
    for name, patients, every in (("marked", 3200, 1), ("few", 400, 1), ("rarely", 400, 2)):
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


@pytest.fixture
def verdicts(plausible):
    """Findings of a model on a data set, by check and case."""

    def run(model, dataset="few"):
        plausible.run(*SUITE, model=model, dataset=dataset)
        return {
            (f["check"], f["case"]): f
            for f in plausible.record()["findings"]
            if f["check"].startswith("P")
        }

    return run


def said(findings):
    return {key: finding["verdict"] for key, finding in findings.items()}


CASES = [("P1", ""), ("P2", "marker"), ("P2-alone", "marker")]


@pytest.mark.parametrize(
    ("model", "verdict"), [("honest", "pass"), ("shortcut", "fail"), ("random", "not_applicable")]
)
def test_the_honest_pass_the_shortcut_fails_and_chance_passes_nothing(verdicts, model, verdict):
    found = verdicts(model, "marked")
    assert said(found) == dict.fromkeys(CASES, verdict)
    if model == "random":
        assert "skill on full images is not shown" in found["P2", "marker"]["reason"]
    else:
        assert found["P2", "marker"]["estimate"]["at"] == {
            "method": "region-shapley",
            "region": "marker",
            "area": 0.0156,
        }


def test_who_says_so_stands_beside_the_margin(verdicts):
    for finding in verdicts("honest").values():
        assert finding["margin_source"].endswith("; regions after two readers, 2026-03")


def test_a_region_without_masks_is_no_pass_and_the_border_is_there_for_all(plausible, verdicts):
    expect(plausible, "shortcut", '"marker", "border"')
    found = verdicts("shortcut", "big")
    for check in ("P2", "P2-alone"):
        assert found[check, "marker"]["verdict"] == "not_applicable"
        assert found[check, "marker"]["reason"] == (
            "data set 'big' has no region 'marker'; give it one under 'regions' to have it checked"
        )
        assert found[check, "border"]["verdict"] == "fail", "most of the corner lies in the rim"
    expect(plausible, "honest", '"marker", "border"')
    found = verdicts("honest", "big")
    assert {found[check, "border"]["verdict"] for check in ("P2", "P2-alone")} == {"pass"}


def test_what_lies_in_a_region_of_its_own_is_no_border(plausible, verdicts):
    expect(plausible, "shortcut", '"marker", "border"')
    found = said(verdicts("shortcut", "marked"))
    assert found["P2", "marker"] == found["P2-alone", "marker"] == "fail"
    assert found["P2", "border"] == found["P2-alone", "border"] == "pass"


def test_a_region_in_some_images_only_is_judged_by_its_share(verdicts):
    found = verdicts("shortcut", "rarely")
    assert found["P2", "marker"]["verdict"] == "fail"
    assert found["P2", "marker"]["estimate"]["n_images"] < 48
    assert found["P2-alone", "marker"]["verdict"] == "not_applicable"
    assert "only 50% of the images show" in found["P2-alone", "marker"]["reason"]
    assert said(verdicts("honest", "rarely"))["P2", "marker"] != "fail"


def test_a_card_that_expects_nothing_is_told_the_key(plausible, verdicts):
    card = plausible.path / "honest.toml"
    card.write_text(card.read_text().partition("[expectations")[0])
    found = verdicts("honest", "small")
    assert set(found) == {("P1", ""), ("P2", "nothing"), ("P2-alone", "nothing")}
    for finding in found.values():
        assert finding["verdict"] == "not_applicable"
        assert finding["reason"] == (
            "the model card declares no expectations for 'sick' (key expectations.sick)"
        )


def test_a_preregistered_margin_is_taken(plausible, verdicts):
    card = plausible.path / "shortcut.toml"
    card.write_text(card.read_text() + '[margins.P2]\nvalue = 0.999\nsource = "protocol 7"\n')
    finding = verdicts("shortcut")["P2", "marker"]
    assert finding["margin"] == 0.999
    assert finding["margin_source"] == (
        "model card 'shortcut': protocol 7; regions after two readers, 2026-03"
    )

"""The suite on embeddings end to end: a site that one model sees and another does not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

PATIENTS = 160

SEEING = """
import torch

class Seeing(torch.nn.Module):
    '''Answers by the region; its embedding is means of tiles: of the whole image, or of the region.'''

    def __init__(self, what):
        super().__init__()
        self.what = what
        self.embedding = torch.nn.Flatten()

    def forward(self, batch):
        seen = batch if self.what == "all" else batch[:, :, 4:12, 4:12]
        found = self.embedding(torch.nn.functional.avg_pool2d(seen, 4))
        inside = batch[:, :, 4:12, 4:12].mean(dim=(1, 2, 3))
        return (8 * (inside - 0.5)).unsqueeze(1) + 0 * found[:, :1]

def build(what):
    return Seeing(what)
"""


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    """Images whose region tells the finding and whose corner tells the site; neither goes with the other."""
    folder = tmp_path_factory.mktemp("sites")
    rng = np.random.default_rng(7)
    mask = np.zeros((16, 16), np.uint8)
    mask[4:12, 4:12] = 255
    Image.fromarray(mask).save(folder / "mask.png")
    rows = ["image,mask,patient_id,sick,site,age"]
    for patient in range(PATIENTS):
        label, site = patient % 2, int(rng.integers(2))
        image = rng.normal(118, 6, (16, 16))
        image[4:12, 4:12] += 25 * label + rng.normal(0, 9)
        image[0:4, 0:4] += 30 * site
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / f"secret-{patient}.png")
        age = int(rng.integers(20, 90))
        rows.append(f"secret-{patient}.png,mask.png,secret-{patient},{label},{'ew'[site]},{age}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def world(world, sites):
    (world.path / "seeing.py").write_text(SEEING)
    for name, what in (("open", "all"), ("narrow", "roi")):
        world.model(name, what, more="[claims]\n")
        card = world.path / f"{name}.toml"
        text = card.read_text().replace("model.py", "seeing.py").replace("where =", "what =")
        card.write_text(text.replace("[input]", 'embedding_layer = "embedding"\n[input]'))
    world.dataset("sites", sites, more='metadata = ["site", "age"]')
    return world


def audited(world, *args, **more):
    world.run("--audit-suite=embeddings", *args, dataset="sites", **more)
    content = world.record()
    content.pop("environment")
    return content


def test_it_reports_which_model_sees_the_site_and_gives_no_patient_away(world):
    models = {"model": "open,narrow"}
    first = audited(world, "--audit-report=audit.html", "--audit-evidence=one", **models)
    page = (world.path / "audit.html").read_text(encoding="utf-8")
    again = audited(world, "--audit-evidence=one", "--audit-offline", **models)
    assert json.dumps(first) == json.dumps(again), "from stored evidence alone"

    of_the_suite = [f for f in first["findings"] if f["check"] != "C14"]
    found = {(f["model"], f["check"], f["case"]): f for f in of_the_suite}
    assert {f["verdict"] for f in found.values()} == {"not_applicable"}
    assert all(f["reason"].startswith("reported only") for f in found.values())

    def told(model, case):
        return found[model, "E2", case]["observations"][0]

    assert told("open", "site")["value"] > 0.95
    assert told("open", "site")["low"] > 0.6
    assert told("open", "site")["at"]["tag"] == "site"
    assert told("narrow", "site")["low"] < 0.5 < told("narrow", "site")["high"]
    assert told("narrow", "age")["low"] < 0.5 < told("narrow", "age")["high"]
    assert "tag" not in told("open", "domain-without-roi")["at"]
    for model in ("open", "narrow"):
        ranked = [
            estimate["at"]
            for key, finding in found.items()
            if key[:2] == (model, "E2")
            for estimate in finding["observations"][:1]
        ]
        assert len(ranked) == 3
        assert all(at["p"] <= at["p_holm"] <= 1 for at in ranked)
        assert min(at["p_holm"] for at in ranked) == pytest.approx(
            3 * min(at["p"] for at in ranked)
        )

    similar = {
        (e["at"]["masking"], e["at"].get("against"), e["at"]["among"]): e
        for e in found["narrow", "E1", ""]["observations"]
    }
    assert len(similar) == 9
    assert similar["without-roi", None, "all"]["value"] == pytest.approx(0, abs=1e-6)
    assert similar["without-roi-elsewhere", None, "all"]["value"] == pytest.approx(1, abs=1e-5)
    assert similar["without-roi", "without-roi-elsewhere", "all"]["high"] < -0.9

    assert [e["model"] for e in first["embeddings"]] == ["open", "narrow"]
    assert {len(cloud["x"]) for e in first["embeddings"] for cloud in e["clouds"]} == {80}
    assert page.count("Map of the embeddings of") >= 2
    for text in (json.dumps(first), page):
        assert "secret" not in text


def test_a_model_without_a_layer_and_a_run_of_other_checks_have_no_map(world):
    found = audited(world, model="honest")
    assert found["embeddings"] == []
    asked = [f for f in found["findings"] if f["case"] != "age" and f["check"] != "C14"]
    reasons = {f["check"]: f["reason"] for f in asked}
    assert all("names no layer to take embeddings from" in why for why in reasons.values())
    assert set(reasons) == {"E1", "E2", "E3", "E4"}
    world.run("--audit-suite=dilation", model="open", dataset="sites")
    assert world.record()["embeddings"] == []

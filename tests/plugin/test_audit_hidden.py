"""An audit with a hull around lungs records what outline and box hide of its images."""

from __future__ import annotations

import numpy as np
from PIL import Image

from audit_suite.datasets.shapes import hull_mask

CHECKS = """
@check("A", hidden=auroc(WithoutROI()))
def test_a(hidden):
    assert hidden < 0.9

@check("B", hidden=auroc(WithoutROI(shape="box")))
def test_b(hidden):
    assert hidden < 0.9
"""
CARD = """
schema = 1
name = "chest"
reader = "manifest"
manifest = "manifest.csv"
[targets.sick]
column = "sick"
roi = ["lungs-mediastinum"]
[regions.lungs]
column = "mask"
[regions.lungs-mediastinum]
format = "hull"
of = ["lungs"]
"""


def test_the_shares_are_those_of_the_masks(world):
    rng = np.random.default_rng(5)
    rows, shares = ["image,mask,patient_id,sick"], []
    for number in range(50):
        image = rng.integers(60, 180, (16, 16)).astype(np.uint8)
        mask = np.zeros((16, 16), bool)
        mask[3 : 9 + number % 5, 2:6] = mask[5 - number % 3 : 12, 10 : 13 + number % 2] = True
        Image.fromarray(image).save(world.path / f"i{number}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(world.path / f"m{number}.png")
        rows.append(f"i{number}.png,m{number}.png,secret-{number},{number % 2}")
        box = np.ptp(np.argwhere(mask), axis=0) + 1
        shares.append((hull_mask(mask).mean(), box.prod() / mask.size))
    (world.path / "manifest.csv").write_text("\n".join(rows) + "\n")
    (world.path / "chest.toml").write_text(CARD)
    world.check(CHECKS)
    world.run("test_checks.py", "--audit-report=audit.html", "-k", "test_", dataset="chest")
    record = world.record()
    outline, box = np.array(shares).T
    (found,) = record["sections"]["hidden"]
    assert found == {
        "dataset": "chest",
        "region": ["lungs-mediastinum"],
        "kind": "lungs and between",
        "targets": ["sick"],
        "models": ["honest"],
        "images": 50,
        "outline": round(float(np.median(outline)), 4),
        "box": round(float(np.median(box)), 4),
        "visible": round(float(np.median(1 - outline / box)), 4),
    }
    text = (world.path / "audit.html").read_text(encoding="utf-8")
    assert "The hull lungs-mediastinum hides" in text
    assert "secret" not in text

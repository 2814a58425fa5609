"""Every card of docs/howto/masks.md reads masks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nibabel
import numpy as np
import pytest
from datasets.mask_formats.test_dicom_seg import Segmented
from datasets.masked import SHAPE

from audit_suite.cards import load_dataset_card
from audit_suite.datasets import load_dataset
from audit_suite.registry import MASK_FORMATS, SHIPPED

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "masks.md"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="runs in a checkout")
HEAD, *SNIPPETS = (
    re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.S) if PAGE.exists() else [""]
)
MASK = np.zeros(SHAPE, bool)
MASK[4:20, 5:26] = True
CORNERS = [[5, 4], [25, 4], [25, 19], [5, 19]]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Four images, and one mask for each, kept in every way."""
    own = Segmented(tmp_path_factory.mktemp("howto"))
    own.lungs[:] = MASK
    own.write(each=True)
    (own.path / "seg").rename(own.path / "segmentations")
    (own.path / "nifti").mkdir()
    (own.path / "numpy").mkdir()
    (own.path / "labelme").mkdir()
    runs = " ".join(f"{c * 24 + 5} 16" for c in range(5, 26))
    coco = {
        "images": [], "annotations": [],
        "categories": [{"id": 1, "name": "left lung"}, {"id": 2, "name": "right lung"}],
    }  # fmt: skip
    chex, boxes = {}, []
    for i in range(4):
        pixels = (MASK * 255).astype(np.uint8)
        stem, size = f"a{i}", {"imageHeight": 24, "imageWidth": 31}
        for name in ("masks/{}_lungs", "lung_masks/{}", "masks/{}_left", "masks/{}_right"):
            own.image(name.format(stem) + ".png", pixels)
        own.image(f"label_maps/{stem}.png", (MASK + (np.arange(31) > 15) * MASK).astype(np.uint8))
        nibabel.save(
            nibabel.Nifti1Image(MASK.T.astype(np.uint8), np.eye(4)),
            own.path / f"nifti/{stem}.nii.gz",
        )
        np.savez(own.path / f"numpy/{stem}.npz", lungs=MASK, other=~MASK)
        shape = {"label": "lung", "points": CORNERS, "shape_type": "polygon"}
        (own.path / f"labelme/{stem}.json").write_text(json.dumps({"shapes": [shape], **size}))
        coco["images"].append({"id": i, "file_name": f"{stem}.dcm", "height": 24, "width": 31})
        flat = [float(n) for point in ([5, 4], [26, 4], [26, 20], [5, 20]) for n in point]
        coco["annotations"].append(
            {"id": i, "image_id": i, "category_id": 1 + i % 2, "segmentation": [flat]}
        )
        chex[stem] = {"img_size": list(SHAPE), "Airspace Opacity": [CORNERS]}
        boxes.append(
            {
                "image_id": stem,
                "x_min": 5,
                "y_min": 4,
                "x_max": 26,
                "y_max": 20,
                "class_name": "Cardiomegaly",
            }
        )
        own.rows[i] |= {"mask": f"lung_masks/{stem}.png", "lungs_rle": runs}
        own.rows[i] |= {"pneumonia": str(i % 2), "cardiomegaly": str(i % 2)}
    own.table("images.csv", own.rows)
    own.table(
        "train-rle.csv",
        [{"ImageId": f"a{i}", "EncodedPixels": runs, "class": "lung"} for i in range(4)],
    )
    own.table("lung_boxes.csv", boxes)
    own.table("annotations.csv", boxes[1::2])
    (own.path / "instances.json").write_text(json.dumps(coco))
    (own.path / "gt_annotations.json").write_text(json.dumps(chex))
    return own


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda text: text.partition("\n")[0])
def test_a_card_of_the_page_reads_its_masks(world, snippet):
    head = HEAD[: HEAD.index("[targets")] if "[targets" in snippet else HEAD
    (world.path / "card.toml").write_text(head + snippet)
    dataset = load_dataset(load_dataset_card(world.path / "card.toml"))
    assert len(dataset.cases) == 4
    for i in range(4):
        regions = dataset.read(i).regions
        assert set(regions) == set(re.findall(r"\[regions\.([\w-]+)\]", snippet))
        for mask in regions.values():  # the hull of a rectangle is that rectangle
            if "population" in snippet or "drawn" in snippet:
                assert 0.2 < mask.mean() < 0.9
            else:
                assert np.array_equal(mask, MASK)


def test_the_page_shows_every_format():
    shown = {name for text in SNIPPETS for name in re.findall(r'format = "([\w-]+)"', text)}
    shipped = {name for name in MASK_FORMATS if MASK_FORMATS.origin(name) == SHIPPED}
    assert shown | {"image"} == shipped


def test_the_page_quotes_messages_that_exist():
    source = "".join(
        path.read_text() for path in (PAGE.parents[2] / "audit_suite" / "datasets").rglob("*.py")
    )
    for words in (
        "there is no file for",
        "its rows and columns are exchanged",
        "could mean this image",
        "was it drawn on an image of another size?",
        "instead of 0 and one other",
        "the mask is empty",
    ):
        assert words in PAGE.read_text()
        assert words in re.sub(r'"\s*f?"', "", source), words

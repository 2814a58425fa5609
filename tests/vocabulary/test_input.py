"""A model card's input: what must be written, what goes together, and what enters digests."""

from __future__ import annotations

import pytest
import tomli_w
from cards import input_spec

from audit_suite.cards import InputSpec, load_model_card
from audit_suite.errors import AuditError
from audit_suite.evidence.scores.geometry import geometry
from audit_suite.models.vetting import vet

BASE = {
    "schema": 1,
    "name": "m",
    "targets": ["a"],
    "loader": "architecture",
    "architecture": "torchvision:resnet18",
    "weights": "w.safetensors",
}
INPUT = {"size": [224, 224], "resize": "pad", "mean": [0.5], "std": [0.25]}


def refused(folder, table):
    """What is said of a card with this table `input`; None for a card without one."""
    content = BASE if table is None else BASE | {"input": table}
    (folder / "card.toml").write_text(tomli_w.dumps(content))
    with pytest.raises(AuditError) as caught:
        vet(load_model_card(folder / "card.toml"), None)
    assert "card.toml" in caught.value.what
    assert "\n" not in caught.value.what
    return caught.value.what


@pytest.mark.parametrize(
    ("key", "choices"),
    [
        ("size", "size = [height, width] in pixels"),
        ("resize", 'resize = "pad", "stretch", "crop" or "short-side" (with resize_to)'),
        ("mean", "mean = [0.485, 0.456, 0.406] (ImageNet's) or [0.0] for none"),
        ("std", "std = [0.229, 0.224, 0.225] (ImageNet's) or [1.0] for none"),
    ],
)
def test_what_decides_the_input_has_no_silent_default(tmp_path, key, choices):
    said = refused(tmp_path, {k: v for k, v in INPUT.items() if k != key})
    wrong = f"key 'input': '{key}' missing: write what the model was trained with: {choices}"
    assert said.endswith(wrong), "the keys that are there are not asked for"


@pytest.mark.parametrize("table", [None, {}, {"channels": 1}])
def test_all_that_is_missing_is_said_at_once(tmp_path, table):
    assert "key 'input': 'size', 'resize', 'mean', 'std' missing" in refused(tmp_path, table)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"resize": "squash"}, "should be 'pad', 'stretch', 'crop' or 'short-side'"),
        ({"interpolation": "lanczos"}, "key 'input.interpolation': Input should be 'bilinear'"),
        ({"scale": "max"}, "key 'input.scale': Input should be 'unit', 'image_max', 'min_max'"),
        ({"resize": "short-side"}, "'resize_to' and resize = \"short-side\" need each other"),
        ({"resize_to": 256}, "'resize_to' and resize = \"short-side\" need each other"),
        ({"resize": "short-side", "resize_to": 200}, "'resize_to' 200 is smaller than 'size'"),
        ({"resize": "crop", "pad_at": "end"}, "'pad_at' needs resize = \"pad\""),
        ({"scale": "percentile"}, "need each other, for example percentiles = [1, 99]"),
        ({"percentiles": [1, 99]}, "'percentiles' and scale = \"percentile\" need each other"),
        ({"scale": "percentile", "percentiles": [99, 1]}, "needs the lower number first: [99"),
        ({"scale": "percentile", "percentiles": [1, 101]}, "key 'input.percentiles.1'"),
        ({"stored_range": [4095, 0]}, "'stored_range' needs the lower number first"),
        ({"stored_range": [0, 9], "scale": "min_max"}, "'stored_range' fixes what"),
        ({"scale_on": "input"}, "'scale_on' needs a 'scale' that is measured on each image"),
        ({"scale": "z_score"}, "needs 'range', the standard deviations that are kept"),
        ({"range": [1, 1]}, "'range' needs the lower number first"),
        ({"mean": [123.675]}, "'mean' [123.675] lies outside 'range' [0.0, 1.0]: write the range"),
        ({"order": "bgr", "channels": 1}, 'order = "bgr" needs channels = 3'),
        ({"std": [0.0]}, "key 'input.std.0'"),
        ({"clahe": {"clip_limit": 0}}, "key 'input.clahe.clip_limit'"),
        ({"antialias": "no"}, "key 'input.antialias'"),
    ],
)
def test_what_does_not_go_together_is_said_with_the_way_out(tmp_path, more, said):
    assert said in refused(tmp_path, INPUT | more)


EVERY_KEY = [
    {"resize": "short-side", "resize_to": 256},
    {"pad_at": "end"},
    {"interpolation": "area"},
    {"antialias": False},
    {"stored_range": (0.0, 4095.0)},
    {"scale": "min_max"},
    {"scale": "percentile", "percentiles": (1.0, 99.0)},
    {"scale": "image_max", "scale_on": "input"},
    {"scale": "z_score", "range": (-5.0, 5.0)},
    {"clahe": {"tiles": 4}},
]
AFTER = [
    {"order": "bgr"},
    {"range": (0.0, 255.0)},
    {"range": (0.1, 0.9)},
    {"mean": (0.5,)},
    {"std": (0.5,)},
]


@pytest.mark.parametrize("more", EVERY_KEY + AFTER, ids=str)
def test_a_key_that_is_used_is_written_and_read_back(more):
    spec = input_spec(**more)
    assert InputSpec.model_validate(spec.model_dump(mode="json")) == spec
    assert more.keys() <= spec.model_dump().keys()
    assert spec.model_dump() != input_spec().model_dump()


def test_keys_that_are_not_used_enter_no_digest():
    written = {"size", "channels", "resize", "scale", "mean", "std"}
    assert input_spec().model_dump().keys() == written


def test_models_share_images_that_look_the_same_before_masking():
    shared = geometry(input_spec())
    assert all(geometry(input_spec(**more)) != shared for more in EVERY_KEY)
    assert all(geometry(input_spec(**more)) == shared for more in AFTER)
    wider = input_spec(scale="z_score", range=(-6, 6))
    assert geometry(wider) != geometry(input_spec(scale="z_score", range=(-5, 5)))

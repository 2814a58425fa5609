"""Other readings of a card: each is one change, and the right one is found among them."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
from cards import input_spec
from PIL import Image
from torchvision import transforms

from audit_suite.models.alternatives import alternatives, closest_readings
from audit_suite.models.preprocessing import model_input

SIZE = (56, 56)
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
TWELVE_BITS = {"stored_range": (0.0, 4095.0)}


def pictures(shapes=((90, 131), (120, 75)), colour=True, top=255):
    """Smooth images with edges and some noise, 8 or 16 bits."""
    made = []
    for seed, (height, width) in enumerate(shapes):
        rng = np.random.default_rng(seed)
        rows, columns = np.mgrid[:height, :width]
        wave = 0.45 + 0.25 * np.sin(rows / 5 + seed) * np.cos(columns / 8)
        wave = wave[..., None] * np.array([1.0, 0.8, 0.6]) if colour else wave
        wave = (wave + rng.normal(0, 0.08, wave.shape)).clip(0, 1)
        made.append((wave * top).astype(np.uint8 if top == 255 else np.uint16))
    return made


def closest(truth, card, images):
    """The closest reading when the release does ``truth`` and the card says ``card``."""
    return closest_readings([(image, model_input(image, truth)) for image in images], card)[0]


SLIPS = [
    ({"resize": "stretch"}, {}),
    ({"resize": "crop"}, {}),
    ({"resize": "short-side", "resize_to": 64}, {}),
    ({}, {"resize": "short-side", "resize_to": 64}),
    ({"antialias": False}, {}),
    ({}, {"antialias": False}),
    ({"interpolation": "nearest"}, {}),
    ({"interpolation": "nearest-floor"}, {}),
    ({"interpolation": "area"}, {}),
    ({"interpolation": "bicubic"}, {}),
    (IMAGENET, {}),
    ({}, IMAGENET),
    ({"range": (-1, 1)}, {}),
    ({"range": (-1024, 1024)}, IMAGENET),
    ({"range": (0, 255)}, {}),
    ({"order": "bgr", **IMAGENET}, IMAGENET),
    ({"range": (0, 255), "order": "bgr", "mean": (103.939, 116.779, 123.68)}, {}),
    ({"scale": "image_max"}, {}),
    ({"scale": "min_max"}, {}),
    ({"scale": "percentile", "percentiles": (1, 99)}, {}),
    ({"scale": "z_score", "range": (-10, 10)}, {}),
    ({}, {"scale": "percentile", "percentiles": (2, 98)}),
]


@pytest.mark.parametrize(("truth", "card"), SLIPS, ids=str)
def test_a_slip_is_found_and_named(truth, card):
    truth, card = input_spec(SIZE, **truth), input_spec(SIZE, **card)
    images = [image // 2 + 20 for image in pictures()]  # no image uses the whole range
    found = closest(truth, card, images)
    assert found.spec == truth
    assert found.largest == pytest.approx(0, abs=1e-4)
    assert truth in [spec for _, spec in alternatives(card, images)], "it is a single slip"


@pytest.mark.parametrize(
    ("truth", "card"),
    [
        ({"resize": "stretch", **IMAGENET}, {}),
        ({"resize": "short-side", "resize_to": 64, **IMAGENET}, {"resize": "crop"}),
        ({"resize": "stretch", "antialias": False}, {}),
        ({"resize": "stretch", "antialias": False, **IMAGENET}, {}),
    ],
    ids=str,
)
def test_two_and_three_slips_at_once_are_found(truth, card):
    truth, card = input_spec(SIZE, **truth), input_spec(SIZE, **card)
    assert closest(truth, card, pictures()).spec == truth


def test_twelve_bits_in_sixteen_are_found_by_the_brightest_pixel():
    images = pictures(colour=False, top=4095)
    card, truth = input_spec(SIZE, channels=1), input_spec(SIZE, channels=1, **TWELVE_BITS)
    found = closest(truth, card, images)
    assert found.words == "stored_range = [0.0, 4095.0]"
    assert found.spec == truth
    assert truth not in [spec for _, spec in alternatives(card)], "without images: no such guess"
    full = pictures(colour=False, top=65535)
    assert all(spec.stored_range is None for _, spec in alternatives(card, full))


@pytest.mark.parametrize("more", [{}, {"channels": 1}, *({**c, **t} for t, c in SLIPS)], ids=str)
def test_no_alternative_is_the_card_and_the_words_are_its_lines(more):
    card = input_spec(SIZE, **more)
    found = alternatives(card, pictures(top=4095))
    assert len({spec for _, spec in found}) == len(found) > 10
    for words, spec in found:
        assert spec != card
        assert spec.channels == 3 or spec.order == "rgb"
        content = card.model_dump(mode="json")
        for line in words.split(" and "):
            if line.startswith("no "):
                content.pop(line.removeprefix("no "))
            else:
                content |= tomllib.loads(line)
        assert type(card).model_validate(content) == spec, "who writes the lines has that reading"


def test_a_pipeline_of_torchvision_and_pil_is_recognised_through_its_rounding():
    """Eight bits, resized by PIL: no reading is exact, and the right one is a grey level off."""
    pipeline = transforms.Compose(
        [
            transforms.Resize(64),
            transforms.CenterCrop(56),
            transforms.ToTensor(),
            transforms.Normalize(IMAGENET["mean"], IMAGENET["std"]),
        ]
    )
    shown = [(image, pipeline(Image.fromarray(image)).numpy()) for image in pictures()]
    best = closest_readings(shown, input_spec(SIZE))[0]
    assert best.spec == input_spec(SIZE, resize="short-side", resize_to=64, **IMAGENET)
    assert 0 < best.largest <= 1.01 / 255 / min(IMAGENET["std"])

"""Pictures for readers: depth and size of the file kept, and nothing hidden shows."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from audit_suite.datasets import Sample
from audit_suite.errors import AuditError
from audit_suite.maskings import Masking
from audit_suite.maskings.fill import Fill, register_fill
from audit_suite.plausibility.picturing import LARGEST, check_readable, draw, thumbnail

ROI = ("lungs",)


def sample(height=60, width=80, kind=np.uint8, colour=False, seed=0):
    top = np.iinfo(kind).max
    shape = (height, width, 3) if colour else (height, width)
    image = np.random.default_rng(seed).integers(0, top + 1, shape).astype(kind)
    region = np.zeros((height, width), bool)
    region[height // 4 : height // 2, width // 4 : width // 2] = True
    return Sample(image, {"lungs": region})


def pixels(picture):
    """What the page makes of it."""
    data = base64.b64decode(picture["png"].removeprefix("data:image/png;base64,"))
    found = np.array(Image.open(io.BytesIO(data)))
    assert found.shape[:2] == (picture["height"], picture["width"])
    if picture["bits"] == 16:
        assert not found[..., 2].any(), "the third byte is empty, which the page checks"
        return found[..., 0].astype(int) * 256 + found[..., 1]
    return found


def shown(one, masking="full", side=512):
    return draw(one, Masking.parse(masking), ROI, side)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_every_grey_value_of_the_file_reaches_the_reader(kind):
    one = sample(kind=kind)
    picture = shown(one)
    assert picture["bits"] == np.iinfo(kind).bits
    assert (pixels(picture) == one.image).all()
    assert picture["window"] == [0.5, 1.0]


def test_shuffled_pixels_are_the_images_own():
    one = sample()
    picture = pixels(shown(one, "shuffled-pixels"))
    assert sorted(picture.ravel()) == sorted(one.image.ravel())
    assert (picture != one.image).any()


def test_colours_stay_colours():
    one = sample(colour=True)
    assert (pixels(shown(one)) == one.image).all()


def test_large_files_are_made_smaller_and_keep_their_shape():
    picture = shown(sample(1500, 3000))
    assert (picture["height"], picture["width"]) == (LARGEST // 2, LARGEST)


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from(["without-roi", "without-roi-box", "only-roi", "without-roi-blur"]),
    st.sampled_from([np.uint8, np.uint16]),
    st.integers(0, 99),
)
def test_what_is_hidden_decides_nothing_of_the_picture(masking, kind, seed):
    one, other = sample(kind=kind, seed=seed), sample(kind=kind, seed=seed)
    region = one.regions["lungs"]
    hidden = ~region if masking.startswith("only") else region
    noise = np.random.default_rng(seed + 1).integers(0, np.iinfo(kind).max, region.shape)
    other.image[hidden] = noise.astype(kind)[hidden]
    assert shown(one, masking)["png"] == shown(other, masking)["png"]
    visible = pixels(shown(one, masking))[~hidden]
    assert (visible == one.image[~hidden]).all(), "and the rest is as it was"


def test_dilation_is_counted_in_the_models_pixels():
    one = sample(100, 100)
    hidden = {side: (pixels(shown(one, "without-roi-d10", side)) == 0).sum() for side in (100, 50)}
    assert hidden[50] > hidden[100] > one.regions["lungs"].sum()


def test_a_thumbnail_is_the_same_picture_small():
    picture = Image.open(
        io.BytesIO(base64.b64decode(thumbnail(sample(400, 800), Masking.parse("full"), ROI, 512)))
    )
    assert picture.size == (192, 96)


def test_noise_is_the_same_each_time():
    assert shown(sample(), "without-roi-noise") == shown(sample(), "without-roi-noise")


@pytest.mark.parametrize(
    "masking",
    ["full", "only-roi-box-d3", "without-roi-blur", "only-roi-noise", "without-lungs-inpaint"],
)
def test_readers_are_shown_what_an_image_alone_decides(masking):
    check_readable(Masking.parse(masking))


@pytest.mark.parametrize(
    "masking",
    [
        "without-roi-mean",
        "only-roi-swap",
        "without-roi-foreign",
        "without-roi-population",
        "without-roi-elsewhere-noise",
        "only-roi-window-centre",
        "without-roi-plant-inside",
    ],
)
def test_what_takes_other_images_is_refused_by_its_option(masking):
    with pytest.raises(AuditError, match=rf"--masking={masking}: readers are shown") as caught:
        check_readable(Masking.parse(masking))
    assert "black, blur, inpaint, noise" in caught.value.what


class Grey(Fill):
    """One grey."""

    name = "grey"

    def __call__(self, visible, hidden, around):
        return torch.full_like(visible, 0.5)


@pytest.mark.parametrize("needs_mean", [False, True])
def test_an_extensions_fill_is_shown_unless_it_takes_other_images(monkeypatch, needs_mean):
    monkeypatch.setattr(Grey, "needs_mean", needs_mean)
    register_fill(Grey())
    masking = Masking.parse("without-roi-grey")
    if needs_mean:
        with pytest.raises(AuditError, match="readers are shown"):
            check_readable(masking)
        return
    check_readable(masking)
    one = sample()
    inside = one.regions["lungs"]
    drawn = pixels(shown(one, masking.id))
    assert (drawn[inside] == 128).all()
    assert (drawn[~inside] == one.image[~inside]).all()

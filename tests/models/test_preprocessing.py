"""From a decoded image to the model's input: against brute force, PIL, torchvision and OpenCV's rule."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from cards import input_spec
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.exposure import equalize_adapthist
from torchvision.transforms import CenterCrop, Compose, Resize, ToTensor

from audit_suite.errors import AuditError
from audit_suite.maskings import WithoutROI
from audit_suite.maskings.show import Alone, Batch, show
from audit_suite.models.preprocessing import fit_geometry, normalise
from audit_suite.regions import signed_distance

GREY_LEVEL = 1.001 / 255
RESIZES = [{"resize": name} for name in ("pad", "stretch", "crop")]
RESIZES += [{"resize": "pad", "pad_at": "end"}, {"resize": "short-side", "resize_to": 40}]
INTERPOLATIONS = [{"interpolation": n} for n in ("bilinear", "bicubic", "nearest", "area")]
INTERPOLATIONS += [{"interpolation": "nearest-floor"}, {"antialias": False}]


def spec(**more):
    return input_spec(**({"channels": 1} | more))


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (np.full((8, 8), 51, np.uint8), 0.2),
        (np.full((8, 8), 13107, np.uint16), 0.2),
        (np.full((8, 8), 0.2, np.float32), 0.2),
        (np.stack([np.full((8, 8), v, np.uint8) for v in (255, 0, 0)], -1), 0.299),
    ],
)
def test_intensities(image, expected):
    fitted, _ = fit_geometry(image, {}, spec())
    assert fitted.shape == (1, 8, 8)
    assert fitted.dtype == np.float32
    assert fitted == pytest.approx(expected, abs=1e-6)
    three, _ = fit_geometry(image, {}, spec(channels=3))
    assert three.shape == (3, 8, 8)


def test_image_max_divides_by_the_images_own_maximum():
    image = np.full((8, 8), 100, np.uint8)
    image[0, 0] = 200
    fitted, _ = fit_geometry(image, {}, spec(scale="image_max"))
    assert fitted.max() == 1
    assert fitted[0, 4, 4] == pytest.approx(0.5)
    assert fit_geometry(np.zeros((8, 8), np.uint8), {}, spec(scale="image_max"))[0].max() == 0


@pytest.mark.parametrize("resize", ["pad", "stretch", "crop"])
def test_regions_stay_on_their_pixels(resize):
    image = np.zeros((40, 20), np.uint8)
    image[10:30, 5:15] = 255
    region = image > 0
    fitted, regions = fit_geometry(image, {"r": region}, spec(size=(32, 32), resize=resize))
    assert fitted.shape == (1, 32, 32)
    inside = regions["r"]
    assert fitted[0][inside].mean() > 0.9
    assert fitted[0][~inside].mean() < 0.1
    share = {"pad": 0.25 / 2, "stretch": 0.25, "crop": 0.5}[resize]
    assert inside.mean() == pytest.approx(share, abs=0.04)


def test_what_cannot_be_scaled_is_said():
    with pytest.raises(AuditError, match="int32"):
        fit_geometry(np.zeros((8, 8), np.int32), {}, spec())
    with pytest.raises(AuditError, match=r"values from 0.0 to 3.0"):
        fit_geometry(np.linspace(0, 3, 64).reshape(8, 8), {}, spec())


def test_normalise():
    batch = torch.rand(2, 3, 4, 4)
    found = normalise(batch, spec(channels=3, mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0)))
    for channel, (mean, std) in enumerate(((0.1, 0.5), (0.2, 1.0), (0.3, 2.0))):
        assert torch.allclose(found[:, channel], (batch[:, channel] - mean) / std)
    assert torch.allclose(
        normalise(batch, spec(channels=3, mean=(0.5,), std=(0.25,))), (batch - 0.5) / 0.25
    )


# How pixels are found between pixels


def picture(height, width, seed=0):
    """Smooth, with some noise, 8 bits."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    wave = 110 + 60 * np.sin(rows / 7) * np.cos(columns / 5) + rng.normal(0, 20, (height, width))
    return wave.clip(0, 255).astype(np.uint8)


def fitted(image, size, **more):
    """One channel of the input, in [0, 1]."""
    return fit_geometry(image, {}, spec(size=size, **{"resize": "stretch"} | more))[0][0]


def taps(given, wanted, kernel, reach):
    """By brute force: for each wanted pixel, its sources (clamped to the image) and their weights.

    Centres of pixels lie at half numbers, as in OpenCV, TensorFlow 2 and PyTorch.
    """
    weights = np.zeros((wanted, given))
    for position in range(wanted):
        at = (position + 0.5) * given / wanted - 0.5
        first = int(np.floor(at))
        for source in range(first - reach + 1, first + reach + 1):
            weights[position, min(max(source, 0), given - 1)] += kernel(abs(at - source))
    return weights


def cubic(distance, a=-0.75):
    """Keys' kernel with the slope that OpenCV and PyTorch use without antialiasing."""
    if distance <= 1:
        return (a + 2) * distance**3 - (a + 3) * distance**2 + 1
    return a * (distance**3 - 5 * distance**2 + 8 * distance - 4) if distance < 2 else 0.0


@pytest.mark.parametrize("size", [(32, 32), (17, 29), (90, 120)])
@pytest.mark.parametrize(
    ("name", "kernel", "reach"),
    [("bilinear", lambda d: max(0.0, 1 - d), 1), ("bicubic", cubic, 2)],
)
def test_without_antialiasing_pixels_are_found_as_in_opencv_and_keras(size, name, kernel, reach):
    image = picture(50, 70)
    rows, columns = (taps(*sides, kernel, reach) for sides in zip((50, 70), size, strict=True))
    by_hand = (rows @ (image / 255) @ columns.T).clip(0, 1)
    found = fitted(image, size, interpolation=name, antialias=False)
    assert found == pytest.approx(by_hand, abs=1e-5)


@pytest.mark.parametrize("size", [(32, 32), (17, 29), (90, 120)])
@pytest.mark.parametrize(
    ("name", "pil"),
    [
        ("bilinear", Image.Resampling.BILINEAR),
        ("bicubic", Image.Resampling.BICUBIC),
        ("nearest", Image.Resampling.NEAREST),
    ],
)
def test_with_antialiasing_pixels_are_found_as_in_pil(size, name, pil):
    """In floating point; with 8 bits PIL rounds to whole grey levels, twice."""
    image = picture(50, 70)
    found = fitted(image, size, interpolation=name)
    theirs = Image.fromarray(image.astype(np.float32)).resize(size[::-1], pil)
    assert found == pytest.approx((np.asarray(theirs) / 255).clip(0, 1), abs=1e-5)
    rounded = np.asarray(Image.fromarray(image).resize(size[::-1], pil)) / 255
    gap = {"nearest": 1e-6, "bilinear": GREY_LEVEL, "bicubic": 1.125 * GREY_LEVEL}[name]
    assert found == pytest.approx(rounded, abs=gap)


@pytest.mark.parametrize("size", [(32, 32), (17, 29), (90, 120)])
def test_the_nearest_pixel_of_opencv_is_the_one_at_the_corner(size):
    image = picture(50, 70)
    rows = [row * 50 // size[0] for row in range(size[0])]
    columns = [column * 70 // size[1] for column in range(size[1])]
    by_hand = image[np.ix_(rows, columns)] / 255
    assert fitted(image, size, interpolation="nearest-floor") == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize("size", [(25, 35), (17, 29), (49, 69), (90, 120)])
def test_area_weighs_every_pixel_by_what_is_covered_of_it(size):
    image = picture(50, 70) / 255
    by_hand = np.zeros(size)
    for row, column in np.ndindex(size):
        top, bottom = row * 50 / size[0], (row + 1) * 50 / size[0]
        left, right = column * 70 / size[1], (column + 1) * 70 / size[1]
        for y in range(int(top), min(50, int(np.ceil(bottom)))):
            for x in range(int(left), min(70, int(np.ceil(right)))):
                high = min(bottom, y + 1) - max(top, y)
                wide = min(right, x + 1) - max(left, x)
                by_hand[row, column] += image[y, x] * max(0, high) * max(0, wide)
    by_hand /= (50 / size[0]) * (70 / size[1])
    assert fitted(image, size, interpolation="area") == pytest.approx(by_hand, abs=1e-5)


def test_area_of_whole_blocks_is_their_mean():
    image = picture(50, 70)
    blocks = image.reshape(25, 2, 35, 2).mean(axis=(1, 3)) / 255
    assert fitted(image, (25, 35), interpolation="area") == pytest.approx(blocks, abs=1e-6)


# Geometry


@pytest.mark.parametrize("shape", [(300, 451), (451, 300), (256, 256), (224, 224), (90, 100)])
def test_short_side_is_torchvisions_resize_and_centre_crop(shape):
    image = picture(*shape)
    found = fitted(image, (224, 224), resize="short-side", resize_to=256)
    pipeline = Compose([Resize(256), CenterCrop(224)])
    exact = pipeline(ToTensor()(image))[0].numpy()
    assert found == pytest.approx(exact.clip(0, 1), abs=1e-6)
    by_pil = np.asarray(pipeline(Image.fromarray(image))) / 255
    assert found == pytest.approx(by_pil, abs=GREY_LEVEL)


def test_padding_lies_around_the_image_or_at_its_end():
    image = np.full((10, 40), 255, np.uint8)
    centre = fitted(image, (32, 32), resize="pad")
    assert np.flatnonzero(centre.any(axis=1)).tolist() == list(range(12, 20))
    end = fitted(image, (32, 32), resize="pad", pad_at="end")
    assert np.flatnonzero(end.any(axis=1)).tolist() == list(range(8))
    end = fitted(image.T, (32, 32), resize="pad", pad_at="end")
    assert np.flatnonzero(end.any(axis=0)).tolist() == list(range(8))


sides = st.integers(20, 90)


@settings(deadline=None, max_examples=150)
@given(
    st.tuples(sides, sides),
    st.sampled_from([(32, 32), (40, 24), (24, 40)]),
    st.sampled_from(RESIZES),
    st.sampled_from(INTERPOLATIONS),
    st.data(),
)
def test_a_mask_follows_its_image(shape, size, resize, interpolation, data):
    """A white rectangle: its mask is where the resized image is white, up to boundary pixels."""
    image = np.zeros(shape, np.uint8)
    spans = []
    for side in shape:
        start = data.draw(st.integers(0, side - 12))
        spans.append(slice(start, data.draw(st.integers(start + 10, side))))
    image[tuple(spans)] = 255
    looks = spec(size=size, **resize, **interpolation)
    found, masks = fit_geometry(image, {"r": image > 0}, looks)
    inside, white = masks["r"], found[0] > 0.5
    if interpolation.get("interpolation", "").startswith("nearest"):
        assert (inside == white).all()
    for axis in (0, 1):  # the first and last line with a pixel of the rectangle
        ends = [np.flatnonzero(part.any(axis=axis)) for part in (inside, white)]
        if len(ends[0]) and len(ends[1]):
            assert abs(ends[0][0] - ends[1][0]) <= 1
            assert abs(ends[0][-1] - ends[1][-1]) <= 1
        else:
            assert max(map(len, ends)) <= 1, "cut off, or a rim of one pixel"


# Intensities


def ends_of(found):
    return float(found.min()), float(found.max())


def test_twelve_bits_in_sixteen_fill_the_range_by_the_stored_range():
    image = np.array([[0, 4095], [1000, 5000]], np.uint16).repeat(4, 0).repeat(4, 1)
    assert ends_of(fitted(image, (8, 8)))[1] == pytest.approx(5000 / 65535)
    found = fitted(image, (8, 8), stored_range=(0, 4095))
    assert found[0, 0] == 0
    assert found[0, 7] == 1
    assert found[7, 0] == pytest.approx(1000 / 4095)
    assert found[7, 7] == 1, "what lies above is cut off"
    signed = np.linspace(-1000, 3000, 64).reshape(8, 8)
    found = fitted(signed, (8, 8), stored_range=(-1024, 3071))
    assert found == pytest.approx((signed + 1024) / 4095, abs=1e-6)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_an_images_own_range(kind):
    image = (picture(8, 8).astype(np.float64) * 0.6 + 20).astype(np.uint8)
    image = image.astype(kind) / kind(255) if kind == np.float32 else image.astype(kind)
    values = image.astype(np.float64)
    low, high = values.min(), values.max()
    found = fitted(image, (8, 8), scale="min_max")
    assert found == pytest.approx((values - low) / (high - low), abs=1e-6)
    low, high = np.sort(values.ravel())[[6, 57]]  # of 64 pixels: 100 * 6 / 63 %
    percent = (100 * 6 / 63, 100 * 57 / 63)
    found = fitted(image, (8, 8), scale="percentile", percentiles=percent)
    assert found == pytest.approx(((values - low) / (high - low)).clip(0, 1), abs=1e-5)


@pytest.mark.parametrize("scale", ["image_max", "min_max", "percentile", "z_score"])
@pytest.mark.parametrize("value", [0, 7])
def test_an_image_of_one_value_is_no_division_by_zero(scale, value):
    more = {"percentile": {"percentiles": (1, 99)}, "z_score": {"range": (-5, 5)}}.get(scale, {})
    looks = spec(scale=scale, **more)
    found = fit_geometry(np.full((8, 8), value, np.uint8), {}, looks)[0]
    assert np.isfinite(found).all()
    expected = {"image_max": float(value > 0), "z_score": 0.5}.get(scale, 0.0)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("scale_on", ["file", "input"])
def test_standardised_images_have_mean_0_and_deviation_1(scale_on):
    image = picture(40, 40)
    looks = spec(size=(20, 20), scale="z_score", scale_on=scale_on, range=(-6, 6))
    unit = fit_geometry(image, {}, looks)[0]
    found = normalise(torch.from_numpy(unit)[None], looks)[0, 0].numpy()
    plain = fitted(image, (20, 20)).astype(np.float64)
    of = {"file": image / 255, "input": plain}[scale_on]
    assert found == pytest.approx((plain - of.mean()) / of.std(), abs=1e-4)
    assert (scale_on == "input") == (found.std() == pytest.approx(1, abs=1e-4))


def test_what_lies_beyond_the_standard_deviations_is_cut_off():
    image = np.zeros((8, 8), np.uint8)
    image[0, 0] = 255
    looks = spec(scale="z_score", range=(-2, 2))
    found = normalise(torch.from_numpy(fit_geometry(image, {}, looks)[0])[None], looks)
    assert float(found.max()) == pytest.approx(2)
    assert float(found.min()) == pytest.approx(-image.mean() / image.std(), abs=1e-5)


@pytest.mark.parametrize("scale_on", ["file", "input"])
@pytest.mark.parametrize("scale", ["image_max", "min_max", "percentile", "z_score"])
def test_hidden_pixels_do_not_change_how_the_rest_looks(scale, scale_on):
    """The brightest pixels lie in the region: without them, another scale would be measured."""
    image = picture(32, 32) // 2
    image[10:20, 10:20] = 255
    more = {"percentile": {"percentiles": (1, 99)}, "z_score": {"range": (-5, 5)}}.get(scale, {})
    looks = spec(size=(32, 32), scale=scale, scale_on=scale_on, **more)
    unit, masks = fit_geometry(image, {"r": image == 255}, looks)
    batch = torch.from_numpy(unit)[None]
    distance = torch.from_numpy(signed_distance(masks["r"]))[None]
    hidden = show(WithoutROI(), Batch.of_one_region(batch, distance), Alone(torch.zeros(1)))
    whole, without = (normalise(each, looks)[0, 0].numpy() for each in (batch, hidden.images))
    outside = ~masks["r"]
    assert whole[outside].tobytes() == without[outside].tobytes()


def model_input(image, **more):
    looks = spec(channels=3, **more)
    unit = fit_geometry(image, {}, looks)[0]
    return normalise(torch.from_numpy(unit)[None], looks)[0].numpy()


def test_ranges_of_well_known_libraries():
    image = np.random.default_rng(3).integers(0, 256, (8, 8, 3), np.uint8)
    first = image.transpose(2, 0, 1).astype(np.float64)
    xrv = model_input(image, range=(-1024, 1024))
    assert xrv == pytest.approx((2 * first / 255 - 1) * 1024, abs=1e-3)  # torchxrayvision
    assert model_input(image, range=(-1, 1)) == pytest.approx(first / 127.5 - 1, abs=1e-6)
    caffe = model_input(image, range=(0, 255), order="bgr", mean=(103.939, 116.779, 123.68))
    by_hand = first[::-1] - np.array([103.939, 116.779, 123.68])[:, None, None]
    assert caffe == pytest.approx(by_hand, abs=1e-4)  # Keras' mode "caffe"
    whole = {"range": (0, 255), "mean": (123.675, 116.28, 103.53), "std": (58.395, 57.12, 57.375)}
    unit = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
    assert model_input(image, **whole) == pytest.approx(model_input(image, **unit), abs=1e-5)


@pytest.mark.parametrize("colour", [False, True])
def test_clahe_is_scikit_images(colour):
    image = picture(48, 64)
    image = np.stack([image, image // 2, 255 - image], -1) if colour else image
    looks = spec(size=(48, 64), channels=3 if colour else 1, clahe={"tiles": 4, "clip_limit": 0.03})
    found = fit_geometry(image, {}, looks)[0]
    unit = image.astype(np.float32) / 255
    theirs = equalize_adapthist(unit, kernel_size=(12, 16), clip_limit=0.03)
    theirs = theirs.transpose(2, 0, 1) if colour else theirs[None]
    assert found == pytest.approx(theirs, abs=1e-6)
    assert found.max() <= 1
    assert np.abs(found - fit_geometry(image, {}, spec(size=(48, 64)))[0]).max() > 0.1


def test_clahe_leaves_an_image_of_one_value_alone():
    found = fit_geometry(np.full((48, 64), 51, np.uint8), {}, spec(size=(48, 64), clahe={}))[0]
    assert found == pytest.approx(0.2)


def test_clahe_without_scikit_image_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.exposure", None)
    with pytest.raises(AuditError, match=r"'input\.clahe' needs scikit-image") as raised:
        fit_geometry(picture(8, 8), {}, spec(clahe={}))
    assert 'pip install "audit-suite[clahe]"' in raised.value.remedy

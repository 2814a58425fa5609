"""Mask and image files: read as every viewer shows them, or refused with the reason."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile, ImageFilter
from scipy.ndimage import gaussian_filter

from audit_suite.datasets.images import read_image, read_shape
from audit_suite.datasets.masks import read_mask
from audit_suite.datasets.pictures import FORMATS, MOST_PIXELS

SHAPE = (24, 31)  # not square: an orientation that is not applied changes it
UPRIGHT = {  # what a viewer does to stored pixels, by the orientation tag
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: a[::-1, ::-1],
    4: np.flipud,
    5: np.transpose,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].T,
    8: lambda a: np.rot90(a, 1),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("masks")


def regions(draw) -> np.ndarray:
    """A shape without symmetry, with a hole in some."""
    seed = draw(st.integers(0, 2**32 - 1))
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=SHAPE), 3)
    return noise > np.quantile(noise, draw(st.floats(0.05, 0.95)))


def palette(region: np.ndarray, order: int, grey: tuple[int, int] = (0, 255)) -> Image.Image:
    """Black and white in a palette; ``order`` 0 stores white as index 0."""
    index = region if order else ~region
    picture = Image.fromarray(index.astype(np.uint8), "L").convert("P")
    picture.putdata(index.astype(np.uint8).ravel().tolist())
    shown = grey if order else grey[::-1]
    picture.putpalette([level for level in shown for _ in range(3)] + [77, 1, 9] * 254)
    return picture


STORED = {
    "one bit": lambda r: Image.fromarray(r),
    "0 and 255": lambda r: Image.fromarray(r.astype(np.uint8) * 255),
    "0 and 1": lambda r: Image.fromarray(r.astype(np.uint8)),
    "0 and 65535": lambda r: Image.fromarray(r.astype(np.uint16) * 65535),
    "palette, white first": lambda r: palette(r, 0),
    "palette, black first": lambda r: palette(r, 1),
}


def write(picture: Image.Image, path: Path, orientation: int | None = None, **options) -> Path:
    if orientation is not None:
        tags = Image.Exif()
        tags[274] = orientation
        options["exif"] = tags
    picture.save(path, **options)
    return path


def refused(read, path: Path, *more) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is what is tested
        read(path, *more)
    assert type(caught.value) is ValueError
    assert path.name not in str(caught.value)
    return str(caught.value)


@given(st.data())
def test_a_mask_is_what_viewers_show_however_it_is_stored(folder, data):
    region = regions(data.draw)
    stored = data.draw(st.sampled_from(list(STORED)))
    endings = ["png", "tif"] if "65535" in stored else ["png", "tif", "bmp", "gif"]
    path = folder / f"a.{data.draw(st.sampled_from(endings))}"
    assert np.array_equal(read_mask(write(STORED[stored](region), path)), region)


@given(st.data(), st.sampled_from(sorted(UPRIGHT)), st.sampled_from(["png", "tif", "jpg"]))
def test_orientation_tags_turn_images_and_masks_alike(folder, data, tag, ending):
    region = regions(data.draw)
    upright = UPRIGHT[tag](region)
    picture = Image.fromarray(region.astype(np.uint8) * 255)
    path = write(
        picture, folder / f"b.{ending}", tag, **({"quality": 100} if ending == "jpg" else {})
    )
    assert np.array_equal(read_mask(path), upright)
    assert np.array_equal(read_image(path) > 127, upright)


@given(st.data(), st.integers(60, 100))
def test_antialiased_and_jpeg_masks_are_cut_at_half_of_white(folder, data, quality):
    region = np.kron(regions(data.draw), np.ones((4, 4), bool))
    small = Image.fromarray(region.astype(np.uint8) * 255).resize((62, 48), Image.Resampling.BOX)
    half = np.asarray(small) >= 128
    assert np.array_equal(read_mask(write(small, folder / "c.png")), half)
    jpeg = write(Image.fromarray(half.astype(np.uint8) * 255), folder / "c.jpg", quality=quality)
    levels = np.asarray(Image.open(jpeg))
    assert np.array_equal(read_mask(jpeg), 2 * levels.astype(int) >= levels.max())
    assert (read_mask(jpeg) != half).mean() < 0.01


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.kron([[0, 127], [255, 0]], np.ones((9, 9))).astype(np.uint8), "3 values (0, 127, 255)"),
        (np.kron([[0, 1], [2, 3]], np.ones((9, 9))).astype(np.uint8), "4 values (0, 1, 2, 3)"),
        (np.kron([[0, 1], [255, 0]], np.ones((9, 9))).astype(np.uint8), "3 values (0, 1, 255)"),
        (np.kron([[50, 200]], np.ones((9, 9))).astype(np.uint8), "2 values (50, 200)"),
        (np.tile(np.arange(256, dtype=np.uint8), (9, 1)), "256 values (0, 1, 2, 3 ...)"),
        (np.eye(9, dtype=np.uint8) * 2 + np.eye(9, k=1, dtype=np.uint8), "3 values (0, 1, 2)"),
    ],
    ids=["ignored", "labels", "one label", "two greys", "ramp", "thin labels"],
)
def test_several_values_are_refused_until_the_card_names_one(folder, pixels, said):
    path = write(Image.fromarray(pixels), folder / "d.png")
    assert said in refused(read_mask, path)
    for value in np.unique(pixels).tolist():
        assert np.array_equal(read_mask(path, (value,)), pixels == value)
    assert np.array_equal(read_mask(path, (1, 255)), (pixels == 1) | (pixels == 255))


def test_a_soft_mask_is_refused(folder):
    disc = Image.fromarray(np.pad(np.full((20, 20), 255, np.uint8), 20))
    soft = disc.filter(ImageFilter.GaussianBlur(6))
    for path in (write(soft, folder / "e.png"), write(soft, folder / "e.jpg")):
        assert "not black and white" in refused(read_mask, path)


def test_a_value_is_an_index_where_there_is_a_palette_and_never_of_a_jpeg(folder):
    region = np.kron([[1, 0], [0, 0]], np.ones((9, 9))) > 0
    picture = palette(region, 1)
    picture.putpalette([128, 0, 0, 0, 128, 0])
    path = write(picture, folder / "f.png")
    assert "is coloured" in refused(read_mask, path)
    assert np.array_equal(read_mask(path, (1,)), region)
    jpeg = write(Image.fromarray(region.astype(np.uint8) * 255), folder / "f.jpg")
    assert "does not keep exact values" in refused(read_mask, jpeg, (255,))


@pytest.mark.parametrize("mode", ["LA", "RGB", "RGBA", "CMYK", "F"])
def test_masks_of_other_channels_are_refused(folder, mode):
    picture = Image.fromarray(np.eye(9, dtype=np.uint8) * 255).convert(mode)
    said = refused(read_mask, write(picture, folder / "g.tif"))
    assert "instead of one" in said or "pixel format F" in said


@pytest.mark.parametrize("stored", ["0 and 255", "palette, white first"])
def test_a_transparent_colour_is_refused(folder, stored):
    picture = STORED[stored](np.eye(9) > 0)
    assert "transparent" in refused(read_mask, write(picture, folder / "h.png", transparency=0))


@pytest.mark.parametrize("ending", ["tif", "gif", "png", "mpo"])
@pytest.mark.parametrize("read", [read_image, read_mask])
def test_several_pages_or_frames_are_refused(folder, ending, read):
    rng = np.random.default_rng(1)
    pages = [Image.fromarray(rng.integers(0, 2, (16, 16), np.uint8) * 255) for _ in range(3)]
    path = folder / f"i.{ending}"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    assert refused(read, path).startswith("holds 3 pages or frames")


def formats() -> list[str]:
    Image.init()
    return sorted({*Image.SAVE, *Image.SAVE_ALL} - {*FORMATS, "MPO", "DIB"})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("format", formats())
def test_other_formats_are_refused_whatever_their_ending(folder, format):
    """Some cannot be written here; every one that can is refused under an allowed name."""
    path = folder / f"{format}.png"
    for mode in ("RGB", "L", "1"):
        try:
            content = io.BytesIO()
            Image.new(mode, (16, 16)).save(content, format)
        except Exception:  # this format does not know the mode, or needs a program
            continue
        path.write_bytes(content.getvalue())
        for read in (read_image, read_mask):
            assert refused(read, path) == "is not in a format that can be read"


def test_formats_are_known_by_their_content(folder):
    region = np.eye(9) > 0
    path = folder / "j.dat"
    Image.fromarray(region).save(path, "PNG")
    assert np.array_equal(read_mask(path), region)


def bomb(path: Path, side: int) -> Path:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 99))
        + chunk(b"IEND", b"")
    )
    return path


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [int(MOST_PIXELS**0.5) + 1, 20_000, 2**31 - 1])
@pytest.mark.parametrize("read", [read_image, read_mask])
def test_files_that_claim_too_much_are_refused_also_where_the_process_lifted_the_limit(
    folder, monkeypatch, side, read
):
    assert refused(read, bomb(folder / "k.png", side)) == "claims to be unreasonably large"
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert refused(read, folder / "k.png") == "claims to be unreasonably large"


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(st.data(), st.sampled_from(["png", "jpg", "tif", "bmp", "gif"]), st.floats(0, 1))
def test_a_part_of_a_file_is_the_whole_picture_or_refused(folder, data, ending, share):
    ImageFile.LOAD_TRUNCATED_IMAGES = True  # as many training scripts do
    picture = Image.fromarray(regions(data.draw).astype(np.uint8) * 255)
    path = write(picture, folder / f"l.{ending}")
    content, whole = path.read_bytes(), read_image(path)
    path.write_bytes(content[: int(share * len(content))])
    try:
        part = read_image(path)
    except ValueError:
        return
    assert np.array_equal(part, whole)


def test_a_tiff_of_16_bits_in_which_0_is_white_is_refused(folder):
    deep = Image.fromarray(np.full((4, 6), 65535, np.uint16))
    path = write(deep, folder / "m.tif", tiffinfo={262: 0})
    for read in (read_image, read_mask):
        assert "0 is white" in refused(read, path)


@pytest.mark.parametrize("tag", sorted(UPRIGHT))
@pytest.mark.parametrize("ending", ["png", "tif", "jpg"])
def test_the_shape_in_the_header_is_that_of_the_image(folder, tag, ending):
    path = write(Image.fromarray(np.zeros(SHAPE, np.uint8)), folder / f"n.{ending}", tag)
    assert read_shape(path) == read_image(path).shape


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\nxxxx"])
def test_a_header_that_cannot_be_read_is_refused(folder, content):
    path = folder / "o.png"
    path.write_bytes(content)
    assert "format that can be read" in refused(read_shape, path)

"""The DICOM reader: pixels as PS3.3 says, whatever the header holds; and no identity leaves it."""

from __future__ import annotations

import io
import math
import os
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import data_store
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import config
from pydicom.datadict import DicomDictionary, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import Decoder
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit

from audit_suite.cards import load_dataset_card
from audit_suite.datasets import BadImage, describe, load_dataset
from audit_suite.datasets.dicom import read_dicom, read_metadata
from audit_suite.datasets.dicom_tags import METADATA
from audit_suite.datasets.images import read_image, read_shape
from audit_suite.errors import AuditError

TOP = 65_535
RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)  # every value of 12 bits
CANARY = "CANARY^DOE 19500102"
TEXT = tuple("AE AS CS DA DT LO LT PN SH ST TM UC UI UR UT".split())  # noqa: SIM905


def write(path: Path, pixels=RAMP, stored=12, raw=(), **tags) -> Path:
    """A radiograph; `tags` by keyword (None removes one); `raw` are (keyword, VR, bytes) as given."""
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = tags.pop("syntax", ExplicitVRLittleEndian)
    header.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    header.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    colour = pixels.ndim == 3 and pixels.shape[-1] == 3
    basic = {
        "NumberOfFrames": len(pixels) if pixels.ndim == 3 and not colour else None,
        "Rows": pixels.shape[-3 if colour else -2],
        "Columns": pixels.shape[-2 if colour else -1],
        "SamplesPerPixel": 3 if colour else 1,
        "PlanarConfiguration": 0 if colour else None,
        "PhotometricInterpretation": "RGB" if colour else "MONOCHROME2",
        "BitsAllocated": 8 * pixels.itemsize,
        "BitsStored": stored,
        "HighBit": stored - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        "PixelData": pixels.tobytes(),
    }
    for keyword, value in (basic | tags).items():
        if value is not None:
            vr = ("OB" if pixels.itemsize == 1 else "OW") if keyword == "PixelData" else None
            tag = tag_for_keyword(keyword)
            vr = vr or DicomDictionary[tag][0]
            header.add(DataElement(tag, vr, value, validation_mode=config.IGNORE))
    header.save_as(path, enforce_file_format=True)
    whole, found = path.read_bytes(), b""
    for keyword, vr, value in raw:  # by hand, just before the pixels: the last of a tag counts
        tag = tag_for_keyword(keyword)
        found += struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
        found += struct.pack("<HI" if vr == "SQ" else "<H", *[0] * (vr == "SQ"), len(value)) + value
    at = whole.rindex(b"\xe0\x7f\x10\x00") if "PixelData" in header else len(whole)
    path.write_bytes(whole[:at] + found + whole[at:])
    return path


def table(first, bits, entries, vr="US") -> Dataset:
    """A look-up table; OW is packed as 16-bit words."""
    item = Dataset()
    item.add(DataElement(0x00283002, "SS" if first < 0 else "US", [len(entries), first, bits]))
    values = [int(entry) for entry in entries]
    packed = np.asarray(values, "<u2").tobytes()
    item.add(DataElement(0x00283006, vr, packed if vr == "OW" else values))
    return item


def linear(x, c, w):  # PS3.3 C.11.2.1.2.1
    if x <= c - 0.5 - (w - 1) / 2:
        return 0.0
    if x > c - 0.5 + (w - 1) / 2:
        return 1.0
    return (x - (c - 0.5)) / (w - 1) + 0.5


def linear_exact(x, c, w):  # PS3.3 C.11.2.1.3.2
    if x <= c - w / 2:
        return 0.0
    return 1.0 if x > c + w / 2 else (x - c) / w + 0.5


def sigmoid(x, c, w):  # PS3.3 C.11.2.1.3.1
    return 1 / (1 + math.exp(-4 * (x - c) / w))


def assert_nearest(image, shares) -> None:
    """Each pixel is the 16-bit number nearest to the share of the full range."""
    assert (image.dtype, image.ndim) == (np.uint16, 2)
    error = np.abs(image.ravel() - TOP * np.asarray(shares, float).ravel())
    assert error.max() <= 0.5 + 1e-6


def refusal(read, *arguments) -> str:
    """What the refusal says: a ValueError, nothing else, and without identity."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        read(*arguments)
    assert type(caught.value) is ValueError
    for secret in ("CANARY", "DOE", "1950"):
        assert secret not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "CANARY.dcm"


@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (2.5, -1024), (-1, 4095)])
@pytest.mark.parametrize(
    ("name", "formula", "centre", "width"),
    [
        *((None, linear, c, w) for c, w in [(2048, 4096), (700.5, 301), (-100, 2), (768.5, 1)]),
        *(("LINEAR", linear, c, w) for c, w in [(1500, 1000), (40, 400), (0, 1)]),
        *(("LINEAR_EXACT", linear_exact, c, w) for c, w in [(1500, 1000), (99.7, 0.5), (64, 1)]),
        *(("SIGMOID", sigmoid, c, w) for c, w in [(1500, 1000), (500, 60), (2048, 8000)]),
    ],
)
def test_a_window_follows_the_formula_its_header_names_after_rescaling(
    path, name, formula, centre, width, slope, intercept
):
    tags = {"WindowCenter": [centre, 9], "WindowWidth": [width, 9], "VOILUTFunction": name}
    tags |= {"RescaleSlope": slope, "RescaleIntercept": intercept}
    shares = np.array([formula(slope * int(x) + intercept, centre, width) for x in RAMP.flat])
    assert_nearest(read_dicom(write(path, **tags)), shares)
    write(path, PhotometricInterpretation="MONOCHROME1", **tags)
    assert_nearest(read_dicom(path), 1 - shares)


@pytest.mark.parametrize(
    ("stored", "kind"),
    [(8, "u1"), (8, "i1"), (10, "u2"), (12, "u2"), (12, "i2"), (15, "u2"), (16, "u2"), (16, "i2")],
)
@pytest.mark.parametrize("rescale", [(None, None), (1e-4, 0), (3, -7), (-2, 50)])
def test_without_a_window_the_stored_bits_span_the_full_range(path, stored, kind, rescale):
    low = -(2 ** (stored - 1)) if kind[0] == "i" else 0
    pixels = np.linspace(low, low + 2**stored - 1, 256).round().astype(kind).reshape(16, 16)
    write(path, pixels, stored, RescaleSlope=rescale[0], RescaleIntercept=rescale[1])
    shares = (pixels.astype(float) - low) / (2**stored - 1)
    assert_nearest(read_dicom(path), 1 - shares if rescale[0] == -2 else shares)


@pytest.mark.parametrize("window", [(0, 0), (5, 0.5), (5, -3), ("", "")])
def test_a_window_that_the_standard_forbids_is_no_window(path, window):
    write(path, WindowCenter=window[0], WindowWidth=window[1])
    assert_nearest(read_dicom(path), RAMP / 4095)


@pytest.mark.parametrize("slope", [b"0 ", b"DOE^JOHN", b"1\\1950 ", b"inf "])
def test_a_rescale_slope_that_is_no_slope_is_refused_not_ignored(path, slope):
    write(path, raw=[("RescaleSlope", "DS", slope)], RescaleIntercept=5)
    assert "has a rescale, window or look-up table that cannot be used" in refusal(read_dicom, path)


@pytest.mark.parametrize("vr", ["US", "OW"])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize(("first", "length"), [(0, 4096), (1000, 300), (-24, 1000), (-1500, 100)])
def test_a_voi_table_maps_each_value_and_beats_a_window(path, bits, first, length, vr):
    entries = np.random.default_rng(0).integers(0, 2**bits, length)
    lut, tags = [table(first, bits, entries, vr)], {"WindowCenter": 9, "WindowWidth": 9}
    write(path, VOILUTSequence=lut, RescaleSlope=1, RescaleIntercept=-24, **tags)
    found = [entries[min(max(int(x) - 24 - first, 0), length - 1)] for x in RAMP.flat]
    assert_nearest(read_dicom(path), np.array(found) / (2**bits - 1))


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_a_modality_table_comes_before_the_window(path, bits):
    entries = np.random.default_rng(0).integers(0, 2**bits, 4096)
    write(path, ModalityLUTSequence=[table(0, bits, entries)])
    assert_nearest(read_dicom(path), entries / (2**bits - 1))
    lut = [table(0, bits, entries)]
    write(path, ModalityLUTSequence=lut, WindowCenter=90, WindowWidth=50)
    assert_nearest(read_dicom(path), [linear(int(x), 90, 50) for x in entries])


@pytest.mark.parametrize("key", ["VOILUTSequence", "ModalityLUTSequence"])
def test_an_empty_table_is_none_and_a_broken_one_is_refused(path, key):
    assert_nearest(read_dicom(write(path, **{key: []})), RAMP / 4095)
    short = table(0, 12, [1, 2, 3])
    short.LUTDescriptor = [4, 0, 12]
    for item in (Dataset(), short, table(0, 17, [1, 2, 3])):
        assert "cannot be used" in refusal(read_dicom, write(path, **{key: [item]}))


def test_overlays_in_unused_bits_are_dropped_and_left_aligned_pixels_refused(path):
    assert_nearest(read_dicom(write(path, RAMP | np.uint16(0xF000))), RAMP / 4095)
    assert "cannot be decoded" in refusal(read_dicom, write(path, RAMP << 4, HighBit=15))


def test_several_frames_are_refused_until_the_card_chooses_one(path):
    write(path, np.stack([RAMP, RAMP[::-1], RAMP.T]))
    assert "holds 3 frames; choose one with the card's key dicom_frame" in refusal(read_dicom, path)
    for frame, expected in enumerate((RAMP, RAMP[::-1], RAMP.T)):
        assert_nearest(read_dicom(path, frame), expected / 4095)
    for frame in (3, -1):
        assert f"numbered from 0; there is no frame {frame}" in refusal(read_dicom, path, frame)
    assert_nearest(read_dicom(write(path), 3), RAMP / 4095)  # the key is for files with several


def test_colour_comes_out_as_rgb_whatever_it_was_stored_as(path):
    rgb = np.random.default_rng(0).integers(0, 256, (8, 6, 3)).astype(np.uint8)
    assert np.array_equal(read_dicom(write(path, rgb, 8)), rgb)
    y, b, r = np.moveaxis(rgb.astype(float), -1, 0)
    b, r = b - 128, r - 128  # PS3.3 C.7.6.3.1.2, inverted
    green = y - 0.114 * 1.772 / 0.587 * b - 0.299 * 1.402 / 0.587 * r
    expected = np.stack([y + 1.402 * r, green, y + 1.772 * b], -1)
    found = read_dicom(write(path, rgb, 8, PhotometricInterpretation="YBR_FULL"))
    assert np.abs(found - expected.clip(0, 255)).max() <= 0.5 + 1e-6, "each the nearest integer"
    assert found.dtype == np.uint8
    deep = write(path, rgb.astype(np.uint16), 16)
    assert "another form or depth than 'RGB'" in refusal(read_dicom, deep)


@pytest.mark.parametrize("kind", ["PALETTE COLOR", "YBR_PARTIAL_420", CANARY, "", None])
def test_palette_colour_and_unknown_kinds_of_pixels_are_refused(path, kind):
    write(path, RAMP.astype(np.uint8), 8, PhotometricInterpretation=kind)
    shown = kind if kind and kind != CANARY else ""
    assert f"photometric interpretation '{shown}', which is not supported" in refusal(
        read_dicom, path
    )


def test_files_that_hold_no_image_say_so(path):
    assert refusal(read_dicom, write(path, PixelData=None)) == "holds no pixels"
    for content in (b"", b"CANARY is text", (b"\0" * 128 + b"DICM" + b"CANARY" * 99)):
        path.write_bytes(content)
        refusal(read_image, path)
    path.write_bytes(b"CANARY is text")
    assert refusal(read_image, path) == refusal(read_metadata, path) == "is not a DICOM file"
    path.unlink()
    assert "cannot be read as DICOM" in refusal(read_dicom, path)


def test_a_file_cut_off_anywhere_is_refused_and_never_half_read(path):
    whole = write(path, PatientName=CANARY).read_bytes()
    for length in [*range(0, 600), *range(600, len(whole), 97), len(whole) - 2]:
        path.write_bytes(whole[:length])
        refusal(read_dicom, path)
    path.write_bytes(whole[:-2])
    assert "cannot be decoded" in refusal(read_dicom, path)


def test_dicom_is_known_by_its_magic_word_without_a_suffix_and_refused_without_both(tmp_path):
    bare = write(tmp_path / "image")
    assert_nearest(read_image(bare), RAMP / 4095)
    (tmp_path / "image.dcm").write_bytes(bare.read_bytes()[132:])
    assert refusal(read_image, tmp_path / "image.dcm") == "is not a DICOM file"
    (tmp_path / "other").write_bytes(bare.read_bytes()[132:])
    assert refusal(read_image, tmp_path / "other") == "is not in a format that can be read"


def jpeg(path, cut=None) -> Path:
    stream = io.BytesIO()
    Image.fromarray(np.full((16, 16), 77, np.uint8)).save(stream, "JPEG", quality=95)
    data = encapsulate([stream.getvalue()[:cut]])
    return write(path, np.zeros((16, 16), np.uint8), 8, syntax=JPEGBaseline8Bit, PixelData=data)


def test_jpeg_is_read_and_a_broken_stream_refused_with_its_syntax(path):
    assert_nearest(read_dicom(jpeg(path)), np.full(256, 77 / 255))
    for cut in (2, 100, -40):
        said = refusal(read_dicom, jpeg(path, cut))
        assert said.startswith("cannot be decoded from 'JPEG Baseline (Process 1)' (")


@pytest.mark.parametrize("said", ["missing dependencies:\n\tCANARY", "Pillow does not support it"])
def test_a_syntax_without_decoder_says_what_to_install(path, monkeypatch, said):
    def fail(*_, **__):
        raise RuntimeError(said)

    monkeypatch.setattr(Decoder, "as_array", fail)
    hint = refusal(read_dicom, jpeg(path))
    assert "'JPEG Baseline (Process 1)', and no decoder for it is installed" in hint
    assert "pip install pylibjpeg pylibjpeg-openjpeg" in hint
    assert "pip install python-gdcm" in hint


def test_a_syntax_that_is_not_the_standards_is_refused_without_its_name(path):
    whole = write(path).read_bytes()
    path.write_bytes(whole.replace(b"1.2.840.10008.1.2.1\0", b"1.2.19500102.CANARY\0"))
    assert refusal(read_dicom, path) == "cannot be decoded from 'unknown' (ValueError)"


BROKEN = [
    *((key, "DS", b"DOE^JOHN") for key in ("KVP", "PixelSpacing", "WindowWidth", "WindowCenter")),
    *((key, "DS", b"DOE^JOHN") for key in ("RescaleSlope", "RescaleIntercept")),
    *((key, "IS", b"DOE^JOHN") for key in ("Exposure", "NumberOfFrames")),
    *((key, "US", b"DOE") for key in ("BitsStored", "Rows", "PixelRepresentation", "HighBit")),
    ("PatientAge", "AS", b"DOE^\\1950"),
    ("SpecificCharacterSet", "CS", b"DOE\\CANARY"),
    ("PhotometricInterpretation", "CS", b"CANARY\\DOE"),
    ("VOILUTSequence", "SQ", b"CANARY\\DOE"),
]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken[0])
def test_nonsense_in_a_tag_neither_crashes_nor_shows_in_errors_warnings_or_logs(
    path, broken, caplog, recwarn
):
    keys = ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept")
    write(path, raw=[broken], **dict.fromkeys(keys, 9))
    recwarn.clear()
    caplog.clear()
    found = []
    for read in (read_dicom, read_metadata):
        try:
            found.append(str(read(path)))
        except ValueError as error:
            found.append(str(error))
    said = "".join(found) + caplog.text + "".join(str(warning.message) for warning in recwarn)
    assert not any(secret in said for secret in ("DOE", "CANARY", "1950"))


def test_reading_in_threads_neither_warns_nor_changes_how_others_warn(path, recwarn):
    write(path, raw=[("Exposure", "IS", b"DOE^JOHN"), ("KVP", "DS", b"DOE^JOHN")])
    recwarn.clear()
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: read_metadata(path), range(400)))
    assert warnings.filters == before
    assert not recwarn.list


@pytest.mark.parametrize(
    ("spacing", "imager", "expected"),
    [(0.143, None, "0.143"), (None, 0.2, "0.2"), (0.1, 0.2, "0.1"), (None, None, ""), (143, None, ""),
     (-1, None, ""), (0.000143, None, ""), (0.000143, 0.143, "0.143")],  # metres, as RG1 has
)  # fmt: skip
def test_a_pixel_spacing_that_no_radiograph_has_is_blank(path, spacing, imager, expected):
    write(path, PixelSpacing=spacing and [spacing] * 2, ImagerPixelSpacing=imager and [imager] * 2)
    assert read_metadata(path)["pixel_spacing"] == expected


@pytest.mark.parametrize(
    ("age", "expected"),
    [(b"045Y", "45"), (b"006M", "0"), (b"025M", "2"), (b"104W", "1"), (b"366D", "1"), (b"000Y", "0"),
     (b"090Y", "90"), (b"095Y", "90"), (b"130Y", "90"), (b"22Y ", "22"), (b"62", "62"),
     (b"414Y", ""), (b"-10Y", ""), (b"DOE ", ""), (b"", ""), (b"19500102", ""), (b"4.5Y", "")],
)  # fmt: skip
def test_ages_are_whole_years_pooled_above_90_and_blank_if_nonsense(path, age, expected):
    assert read_metadata(write(path, raw=[("PatientAge", "AS", age)]))["age"] == expected


def test_metadata_say_how_an_image_was_taken(path):
    tags = {"Modality": "DX", "ViewPosition": "PA", "Laterality": "R", "PatientSex": "F",
            "PatientAge": "045Y", "BodyPartExamined": "CHEST", "Manufacturer": "FUJI CO. LTD.",
            "ManufacturerModelName": "EPIQ 7C", "PhotometricInterpretation": "MONOCHROME1",
            "BitsStored": 12, "KVP": "125", "Exposure": "4", "PixelSpacing": ["0.143"] * 2,
            "BurnedInAnnotation": "YES"}  # fmt: skip
    expected = tags | {"PatientAge": 45, "PixelSpacing": 0.143}
    assert list(read_metadata(write(path, **tags)).values()) == [*map(str, expected.values())]
    write(path, Laterality="R", ImageLaterality="L", BurnedInAnnotation="NO")
    found = read_metadata(path)
    assert (found["laterality"], found["burned_in_annotation"]) == ("L", "NO")
    assert set(found) == set(METADATA)


CODES = ("Modality", "ViewPosition", "BodyPartExamined", "PatientSex", "Laterality",
         "ImageLaterality", "BurnedInAnnotation", "Manufacturer", "ManufacturerModelName")  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["DOE^JOHN 1950", "DOE JOHN 1950", "Doe, John 500102", "DOE-1950-01-02", "J Doe 1.2.50", "123456"],
)  # fmt: skip
def test_free_text_with_digits_is_no_maker_no_model_and_no_code(path, text):
    write(path, raw=[(key, "LO", text.encode() + b" " * (len(text) % 2)) for key in CODES])
    shown = {key: value for key, value in read_metadata(path).items() if value}
    assert shown == {"photometric": "MONOCHROME2", "bits_stored": "12"}


def canaries(path, **tags) -> Path:
    """A file with a canary in every text and number tag there is, nested and private ones too."""
    write(path, **tags)
    header = pydicom.dcmread(path)
    header.preamble = (b"CANARY" * 22)[:128]
    inner = Dataset()
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
        if tag >> 16 <= 2 or not keyword or tag in header or keyword == "NumberOfFrames":
            continue
        if vr in TEXT and keyword != "SpecificCharacterSet":
            value = CANARY
        elif vr in ("DS", "IS") and not keyword.startswith("Rescale"):
            value = 19500102
        else:
            continue
        for place in (header, inner):
            place.add(DataElement(tag, vr, value, validation_mode=config.IGNORE))
    header.RequestAttributesSequence = [inner]
    header.private_block(0x0009, CANARY, create=True).add_new(1, "LO", CANARY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header.save_as(path)
    assert path.read_bytes().count(b"CANARY") > 3000
    return path


def test_no_identity_from_any_tag_is_in_the_metadata_or_in_an_error(path):
    found = read_metadata(canaries(path))
    assert {key: value for key, value in found.items() if value} == {
        "photometric": "MONOCHROME2",
        "bits_stored": "12",
    }
    read_dicom(path)
    refusal(read_dicom, canaries(path, PhotometricInterpretation=CANARY))
    refusal(read_dicom, canaries(path, PixelData=RAMP.tobytes()[:-2]))
    refusal(read_dicom, canaries(path, PixelData=None))


CARD = """
schema = 1
name = "d"
reader = "manifest"
manifest = "manifest.csv"
metadata = [{metadata}]
{more}
[targets.sick]
column = "sick"
"""


def manifest(folder, names=METADATA, more=""):
    (folder / "manifest.csv").write_text(
        "image,patient_id,sick\n" + "".join(f"CANARY{i}.dcm,CANARY{i},{i % 2}\n" for i in range(4))
    )
    metadata = ", ".join(f'"dicom.{name}"' for name in names)
    (folder / "card.toml").write_text(CARD.format(metadata=metadata, more=more))
    return load_dataset(load_dataset_card(folder / "card.toml"))


def test_a_data_set_that_names_every_tag_holds_no_identity(tmp_path):
    for i in range(4):
        canaries(tmp_path / f"CANARY{i}.dcm", PixelData=None if i == 3 else RAMP.tobytes())
    dataset = manifest(tmp_path)
    assert set(dataset.cases[0].metadata) == {f"dicom.{name}" for name in METADATA}
    shown = [describe(dataset).model_dump_json(), *(str(case.metadata) for case in dataset.cases)]
    with pytest.raises(BadImage) as caught:
        dataset.read(3)
    assert "row 5, column 'image': the image holds no pixels" in caught.value.what
    (tmp_path / "CANARY2.dcm").write_text(CANARY)
    with pytest.raises(AuditError) as unread:
        manifest(tmp_path)
    assert "row 4, column 'image': the file is not a DICOM file" in unread.value.what
    for text in (*shown, *map(str, (caught.value, unread.value, dataset.excluded))):
        assert not any(secret in text for secret in ("CANARY", "DOE", "1950"))


def test_the_card_chooses_the_frame(tmp_path):
    for i in range(4):
        write(tmp_path / f"CANARY{i}.dcm", np.stack([RAMP, RAMP.T + i]), 16)
    assert_nearest(manifest(tmp_path, (), "dicom_frame = 1").read(2).image, (RAMP.T + 2) / TOP)
    with pytest.raises(BadImage, match="choose one with the card's key dicom_frame"):
        manifest(tmp_path, ()).read(2)


def test_a_tag_that_is_not_on_the_list_is_refused_with_the_list(tmp_path):
    with pytest.raises(AuditError) as caught:
        manifest(tmp_path, ("modality", "PatientName"))
    assert "names ['dicom.PatientName']: only tags that cannot identify" in caught.value.what
    for name in METADATA:
        assert f"dicom.{name}" in caught.value.remedy


PACKAGE = Path(data_store.__file__).parent / "data"
FILES = sorted(p for p in PACKAGE.rglob("*") if p.is_file())
FILES += sorted(p for p in (Path(pydicom.__file__).parent / "data").rglob("*") if p.is_file())
RADIOGRAPHS = [f"RG{i}_{kind}.dcm" for i in (1, 3) for kind in ("UNCR", "UNCI", "J2KR", "J2KI")]


def check_reads_or_refuses(file):
    for read in (read_dicom, lambda file: read_dicom(file, 0), read_metadata):
        try:
            found = read(file)
        except ValueError as error:
            if type(error) is not ValueError or file.name in RADIOGRAPHS:
                raise
            continue
        if not isinstance(found, dict):
            kind = (found.ndim, found.dtype.name, found.shape[2:])
            assert kind in [(2, "uint16", ()), (3, "uint8", (3,))], file.name


def test_every_file_of_pydicom_is_read_or_refused_with_a_value_error():
    assert len(FILES) > 200
    for file in FILES:
        check_reads_or_refuses(file)


def test_lossless_compression_and_colour_space_change_no_pixel_of_real_images():
    for name in ("RG1", "RG3", "US1"):
        one, other = (read_dicom(PACKAGE / f"{name}_{kind}.dcm") for kind in ("UNCR", "J2KR"))
        assert np.array_equal(one, other)
    rgb = read_dicom(PACKAGE / "SC_rgb.dcm")[5, 5]
    ybr = read_dicom(PACKAGE / "SC_ybr_full_uncompressed.dcm")[5, 5]
    assert (rgb.tolist(), ybr.tolist()) == ([255, 0, 0], [254, 0, 0])  # red stays red


@pytest.mark.real_data
def test_real_radiographs_are_what_their_readme_says():
    folder = Path(os.environ["AUDIT_REAL_DATA"]) / "dicom"
    nih = folder / "1.2.276.0.7230010.3.1.4.8323329.6904.1517875201.850819.dcm"
    image, fake = read_image(nih), read_image(folder / "Fake_MONOHR1.dcm")
    assert image.shape == (1024, 1024)
    assert np.array_equal(fake, TOP - image), "the fake differs only in being inverted"
    assert np.all(image % 257 == 0), "8 bits over the full range"
    names = ("modality", "view_position", "body_part", "sex", "age", "bits_stored", "pixel_spacing")
    facts = {
        nih.name: ("CR", "PA", "CHEST", "M", "62", "8", "0.168"),
        "RG1_J2KI.dcm": ("CR", "PA", "CHEST", "F", "", "15", ""),
        "RG3_J2KI.dcm": ("CR", "AP", "EXTREMITY", "F", "", "10", ""),
    }
    for file, expected in facts.items():
        found = read_metadata(folder / file)
        assert tuple(found[name] for name in names) == expected
        check_reads_or_refuses(folder / file)
    assert read_image(folder / "RG1_J2KI.dcm").shape == (1955, 1841)
    assert read_image(folder / "RG3_J2KI.dcm").shape == (1760, 1760)
    assert np.array_equal(read_image(folder / "RG1_J2KI.dcm"), read_image(PACKAGE / "RG1_J2KI.dcm"))


def test_the_shape_is_in_the_header(tmp_path):
    path = write(tmp_path / "a.dcm", RAMP.reshape(32, 128))
    assert read_shape(path) == read_image(path).shape == (32, 128)
    with pytest.raises(ValueError, match="how many rows and columns"):
        read_shape(write(tmp_path / "b.dcm", Rows=None))

"""DICOM segmentations as highdicom writes them, against its own decoding."""

from __future__ import annotations

import highdicom as hd
import numpy as np
import pydicom
import pytest
from datasets.masked import SHAPE, Project, same
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian

from audit_suite.cards import load_dataset_card
from audit_suite.datasets import load_dataset

KEYS = 'format = "dicom-seg"\nfolder = "seg"\nsegment = {}'
LUNG = KEYS.format('"Lung"')


def uid(number):
    return f"1.2.826.0.1.3680043.8.498.{number + 1}"


def radiograph(number, shape=SHAPE):
    """A computed radiograph with all that a segmentation copies of it."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    image.SOPInstanceUID = uid(number)
    image.StudyInstanceUID, image.SeriesInstanceUID = uid(90), uid(91)
    image.PatientID, image.PatientName = f"secret-{number}", "Doe^Jane"
    image.PatientBirthDate = image.PatientSex = image.StudyDate = image.StudyTime = ""
    image.AccessionNumber = image.StudyID = image.ReferringPhysicianName = ""
    image.Modality, image.Laterality, image.InstanceNumber = "CR", "", str(number + 1)
    image.Rows, image.Columns = shape
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, 0
    image.PixelSpacing, image.ImageOrientationPatient = [1, 1], [1, 0, 0, 0, 1, 0]
    image.ImagePositionPatient, image.SliceThickness = [0, 0, number], 1
    image.FrameOfReferenceUID = uid(92)
    pixels = np.random.default_rng(number).integers(0, 65_535, shape, np.uint16)
    image.PixelData = pixels.tobytes()
    return image


def segmentation(images, pixels, kind, labels=("Lung", "Heart")):
    """Segments of some images; pixels of shape (images, H, W, segments), or labels (images, H, W)."""
    described = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=label,
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=codes.SCT.Lung,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for number, label in enumerate(labels, start=1)
    ]
    return hd.seg.Segmentation(
        source_images=images,
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=described,
        series_instance_uid=hd.UID(),
        series_number=2,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="m",
        manufacturer_model_name="n",
        software_versions="1",
        device_serial_number="1",
        omit_empty_frames=False,
    )


class Segmented(Project):
    """Four radiographs; lungs and hearts in one file for all, or in one each."""

    def __init__(self, path, shape=SHAPE):
        super().__init__(path, shape=shape)
        (path / "seg").mkdir()
        self.images = [radiograph(number, shape) for number in range(4)]
        for number, image in enumerate(self.images):
            image.save_as(path / f"images/a{number}.dcm", enforce_file_format=True)
            self.rows[number]["image"] = f"images/a{number}.dcm"
        self.lungs, self.hearts = np.random.default_rng(4).random((2, 4, *shape)) > 0.7
        self.hearts &= ~self.lungs

    def write(self, kind="BINARY", each=False, name="seg/{}.dcm"):
        pixels = np.stack([self.lungs, self.hearts], axis=-1).astype(np.uint8)
        if kind == "LABELMAP":
            pixels = pixels @ np.array([1, 2], np.uint8)
        if kind == "FRACTIONAL":
            pixels = pixels * 0.7
        groups = [[i] for i in range(4)] if each else [list(range(4))]
        for number, group in enumerate(groups):
            made = segmentation([self.images[i] for i in group], pixels[group], kind)
            made.save_as(self.path / name.format(number))

    def change(self, change, file="seg/0.dcm"):
        header = pydicom.dcmread(self.path / file)
        change(header)
        header.save_as(self.path / file)


@pytest.fixture
def own(tmp_path):
    return Segmented(tmp_path)


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP", "FRACTIONAL"])
@pytest.mark.parametrize("each", [False, True])
def test_segments_are_those_that_the_library_reads(own, kind, each):
    own.write(kind, each)
    same(own.masks(LUNG), list(own.lungs))
    same(own.masks(KEYS.format(2)), list(own.hearts))
    same(own.masks(KEYS.format('["Lung", 2]')), list(own.lungs | own.hearts))
    read = hd.seg.segread(own.path / "seg/0.dcm").get_pixels_by_source_instance([uid(0)])
    assert np.array_equal(read[0, ..., 0] > 0, own.lungs[0])


def test_frames_of_bits_that_fill_no_whole_bytes(tmp_path):
    own = Segmented(tmp_path, (5, 7))
    own.lungs[:, 0, 0] = True
    own.write()
    same(own.masks(LUNG), list(own.lungs))
    same(own.masks(KEYS.format(2), roi=False), list(own.hearts))


def test_a_file_may_have_any_name_and_others_lie_beside_it(own):
    own.write(name="seg/deep-{}")
    (own.path / "seg/notes.txt").write_text("none")
    (own.path / "seg/copy.dcm").write_bytes((own.path / "images/a0.dcm").read_bytes())
    (own.path / "seg/broken.dcm").write_bytes(b"none")
    same(own.masks(LUNG), list(own.lungs))


def test_the_only_image_of_a_file_is_meant_where_frames_name_none(own):
    def forget(header):
        for groups in header.PerFrameFunctionalGroupsSequence:
            groups.pop("DerivationImageSequence", None)

    own.write(each=True)
    for number in range(4):
        own.change(forget, f"seg/{number}.dcm")
    same(own.masks(LUNG), list(own.lungs))


def test_a_folder_of_dicom_files_has_segmentations_too(own):
    own.write()
    own.table("labels.csv", [{"sop_instance_uid": uid(i), "sick": i % 2} for i in range(4)])
    (own.path / "card.toml").write_text(
        'schema = 1\nname = "d"\nreader = "dicom"\nroot = "images"\n'
        'files = { labels = "../labels.csv" }\n[targets.sick]\n'
        + f'roi = ["it"]\n[regions.it]\n{LUNG}'.replace('"seg"', '"../seg"')
    )
    for file in (own.path / "images").glob("*.png"):
        file.unlink()
    dataset = load_dataset(load_dataset_card(own.path / "card.toml"))
    same([dataset.read(i).regions["it"] for i in range(4)], list(own.lungs))


def test_one_thing_wrong(own):
    assert "holds no DICOM segmentation with a segment Lung of an image" in own.refused(LUNG)
    own.write()
    said = own.refused(KEYS.format('"Lungs"'))
    assert "segments there: Heart (2), Lung (1)" in said
    assert "is not a folder; correct 'regions.it.folder'" in own.refused(
        LUNG.replace('"seg"', '"no"')
    )
    assert "key 'regions.it.segment" in own.refused(KEYS.format(0))
    own.image("images/b.png", np.zeros(SHAPE, np.uint8))
    own.rows[2]["image"] = "images/b.png"
    assert "row 4, column 'image': no segmentation of 'regions.it' refers to" in own.refused(LUNG)


def test_one_file_wrong(own):
    own.write(each=True)

    def set_rows(header):
        header.Rows, header.Columns = 31, 24

    own.change(set_rows)
    assert "its rows and columns are exchanged" in own.bad(LUNG)
    own.change(lambda header: setattr(header, "PixelData", b"\0\0"))
    assert "the mask is cut off" in own.bad(LUNG)
    own.change(lambda header: header.pop("BitsAllocated"))
    assert "the mask cannot be decoded as DICOM" in own.bad(LUNG)
    own.change(lambda header: header.update({"Rows": 60_000, "Columns": 60_000}))
    assert "unreasonably large" in own.bad(LUNG)
    own.change(lambda header: header.pop("SegmentSequence"))
    assert "a DICOM segmentation in /seg lacks what a segmentation must say" in own.refused(LUNG)


def test_an_empty_segment_and_the_digest(own):
    own.write(each=True)
    before = own.load(LUNG).digest
    own.lungs[0] = False
    own.write(each=True)
    assert own.load(LUNG).digest != before
    assert "the mask is empty" in own.bad(LUNG)

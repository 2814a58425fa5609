"""Small copies of public data sets, written as their publishers write them, for tests to break."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset as Header
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from audit_suite.cards import DatasetCard, load_dataset_card
from audit_suite.datasets import BadImage, Dataset, load_dataset
from audit_suite.errors import AuditError

ZOO = Path(__file__).parents[2] / "model_zoo" / "datasets" / "adapters"
SHAPE = (10, 12)  # rows, columns


def pixels(seed: int, kind: type = np.uint8, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(kind).max, shape).astype(kind)


def box(top: int, left: int, bottom: int, right: int, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[top:bottom, left:right] = True
    return mask


def save(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image.astype(np.uint8) * 255 if image.dtype == bool else image).save(path)
    return path


def write_csv(path: Path, rows: Sequence[dict[str, str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def cut(path: Path, share: float = 0.5) -> None:
    """What a download that broke off leaves."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def encode_runs(mask: np.ndarray) -> str:
    """Start, from 1 and row by row, and length of every run of set pixels."""
    runs, position = [], 1
    for value, run in groupby(mask.ravel().tolist()):
        length = len(list(run))
        if value:
            runs += [position, length]
        position += length
    return " ".join(map(str, runs))


class Published:
    """A data set on disk. Tests change its rows before it is written, or its files after."""

    card: str
    secrets: Sequence[str] = ()
    """Patients and file names: never in a message."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.more = ""

    def write(self) -> None:
        """Write every file but the card."""
        raise NotImplementedError

    def read_card(self) -> DatasetCard:
        path = self.path / "card.toml"
        path.write_text(self.card.replace("{more}", self.more), encoding="utf-8")
        return load_dataset_card(path)

    def reload(self) -> Dataset:
        return load_dataset(self.read_card())

    def load(self) -> Dataset:
        self.write()
        return self.reload()

    def refusal(self, load: Callable[[], object] | None = None) -> AuditError:
        """What is said instead of loading: with a remedy, and with nothing of a patient."""
        with pytest.raises(AuditError) as caught:
            (load or self.load)()
        return self._harmless(caught.value)

    def bad_read(self, dataset: Dataset, index: int = 0) -> str:
        with pytest.raises(BadImage) as caught:
            dataset.read(index)
        return self._harmless(caught.value).what

    def _harmless(self, error: AuditError) -> AuditError:
        assert error.remedy
        said = str(error).replace(str(self.path), "")
        assert not [secret for secret in self.secrets if secret.lower() in said.lower()], said
        return error


class PadChest(Published):
    """Two images a patient, one with all five classes and one without, in two numbered folders."""

    labels = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"
    masks = "OriginalResolution/Padchest.csv"
    card = """
schema = 1
name = "d"
reader = "padchest"
metadata = ["birth_year", "sex", "projection"]
{more}
[files]
labels = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"
images = "images"
masks = "OriginalResolution/Padchest.csv"
[targets.cardiomegaly]
roi = ["left-lung", "right-lung"]
[targets.effusion]
column = "pleural effusion"
roi = ["left-lung", "right-lung"]
"""
    sick = "['pleural effusion', ' Cardiomegaly ', '', 'pneumonia', 'atelectasis', 'pneumothorax ']"

    def __init__(self, path: Path, patients: int = 6) -> None:
        super().__init__(path)
        self.rows = [
            self._row(number, patient, self.sick if number % 2 else "['normal']")
            for patient in range(patients)
            for number in (2 * patient, 2 * patient + 1)
        ]
        self.masked = [
            self._masks(row["ImageID"], 0.75 + 0.01 * number)
            for number, row in enumerate(self.rows[:20])
        ] + [self._masks(row["ImageID"], 0.9) for row in self.rows[20:]]
        self.secrets = [row["ImageID"] for row in self.rows]
        self.secrets += [row["PatientID"] for row in self.rows] + ["Jane", "Zimmer", "1931"]

    def _row(self, number: int, patient: int, labels: str) -> dict[str, str]:
        return {
            "": str(number),
            "ImageID": f"216840111366964012{number:09d}_00-163-058.png",
            "ImageDir": ("0", "1.0")[number % 2],
            "StudyDate_DICOM": "20140915",
            "StudyID": f"20536686640136348{patient:04d}",
            "PatientID": f"839860488694292331{patient:05d}",
            "PatientBirth": f"{1931 + patient}.0",
            "PatientSex_DICOM": "MF"[patient % 2],
            "ViewPosition_DICOM": "POSTEROANTERIOR",
            "Projection": "PA",
            "MethodProjection": "Manual review of DICOM fields",
            "Pediatric": "No",
            "Modality_DICOM": "CR",
            "Manufacturer_DICOM": "ImagingDynamicsCompanyLtd",
            "Rows_DICOM": str(SHAPE[0]),
            "Columns_DICOM": str(SHAPE[1]),
            "ReportID": str(4765777 + number),
            "Report": 'sin hallazg "Jane Zimmer" , patolog .',
            "MethodLabel": "Physician",
            "Labels": labels,
            "Localizations": "['loc right']",
            "LabelsLocalizationsBySentence": "['normal', 'loc right']",
            "labelCUIS": "['C0205307']",
            "LocalizationsCUIS": "['C0444532']",
        }

    def _masks(self, image: str, quality: float) -> dict[str, str]:
        return {
            "ImageID": image,
            "Dice RCA (Mean)": str(quality),
            "Dice RCA (Max)": str(min(quality + 0.1, 1)),
            "Landmarks": "[[1 2]\n [3 4]]",
            "Left Lung": encode_runs(box(2, 7, 8, 11)),
            "Right Lung": encode_runs(box(2, 1, 8, 5)),
            "Heart": encode_runs(box(5, 4, 9, 8)),
            "Height": str(SHAPE[0]),
            "Width": str(SHAPE[1]),
        }

    def image_of(self, row: dict[str, str]) -> Path:
        folder = row["ImageDir"].removesuffix(".0")
        return self.path / "images" / folder / row["ImageID"]

    def write(self) -> None:
        write_csv(self.path / self.labels, self.rows)
        write_csv(self.path / self.masks, self.masked)
        for number, row in enumerate(self.rows):
            save(self.image_of(row), pixels(number, np.uint16))


class ChestXray14(Published):
    """Patients of one to three images, as in the list of 2017 with its commas at the end."""

    labels = "Data_Entry_2017.csv"
    masks = "OriginalResolution/ChestX-Ray8.csv"
    header = (
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,"
        "View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
    )
    ends = ",", ","  # of the header and of every other row
    card = """
schema = 1
name = "d"
reader = "chestxray14"
metadata = ["age", "sex", "view"]
{more}
[files]
labels = "Data_Entry_2017.csv"
images = "images"
masks = "OriginalResolution/ChestX-Ray8.csv"
{files}
[targets.cardiomegaly]
roi = ["left-lung", "right-lung"]
[targets.effusion]
roi = ["left-lung", "right-lung"]
"""
    findings = (
        "Cardiomegaly|Effusion",
        "No Finding",
        "Pleural_Thickening",
        "Effusion|Pneumonia|Atelectasis|Pneumothorax|Cardiomegaly",
        "No Finding",
        "Hernia|Infiltration",
        "Cardiomegaly|Emphysema",
        "Effusion",
    )

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.files = ""
        patients = (13579, 13579, 13579, 24680, 11235, 11235, 27182, 31415)
        self.rows = [
            [
                f"{patient:08d}_{number:03d}.png",
                findings,
                str(number),
                str(patient),
                f"0{40 + number}Y",
                "MF"[patient % 2],
                "PA" if number % 2 else "AP",
                "2682",
                "2749",
                "0.143",
                "0.14300000000000002",
            ]
            for number, (patient, findings) in enumerate(zip(patients, self.findings, strict=True))
        ]
        self.masked = [
            {"Image Index": row[0], "Dice RCA (Mean)": "0.9", "Dice RCA (Max)": "0.95"}
            | {"Landmarks": "[]", "Left Lung": encode_runs(box(2, 7, 8, 11))}
            | {"Right Lung": encode_runs(box(2, 1, 8, 5)), "Heart": encode_runs(box(5, 4, 9, 8))}
            | {"Height": str(SHAPE[0]), "Width": str(SHAPE[1])}
            for row in self.rows
        ]
        self.secrets = [row[0] for row in self.rows] + [str(patient) for patient in patients]
        self.secrets += ["Jane"]

    def place_of(self, number: int) -> Path:
        return self.path / "images" / self.rows[number][0]

    def read_card(self) -> DatasetCard:
        card, self.card = self.card, self.card.replace("{files}", self.files)
        try:
            return super().read_card()
        finally:
            self.card = card

    def write(self) -> None:
        lines = [self.header + self.ends[0], *(",".join(row) + self.ends[1] for row in self.rows)]
        (self.path / self.labels).write_text("\n".join(lines) + "\n", encoding="utf-8")
        write_csv(self.path / self.masks, self.masked)
        for number in range(len(self.rows)):
            save(self.place_of(number), pixels(number))


class Chaksu(Published):
    """Both parts, three cameras, two images each: the first suspect, the second normal."""

    card = """
schema = 1
name = "d"
reader = "chaksu"
metadata = ["device"]
{more}
[targets.glaucoma]
roi = ["disc"]
"""
    names: ClassVar = {  # name of the image in the table, file of the image, file of the masks
        "Bosch": [
            ("P12_Image1.jpg-P12_Image1-1.jpg", "P12_Image1.JPG", "P12_Image1.tif"),
            ("P12_Image2.jpg-P12_Image2-1.jpg", "P12_Image2.JPG", "P12_Image2.tif"),
        ],
        "Forus": [
            ("7734.jpg-7734-1.jpg", "7734.png", "7734.tif"),
            ("7735.jpg-7735-1.jpg", "7735.png", "7735.tif"),
        ],
        "Remidio": [
            ("IMG_2431.tif-IMG_2431-1.tif", "IMG_2431.JPG", "IMG_2431.tif"),
            ("IMG_2433.tif-IMG_2433-1.tif", "IMG_2433.JPG", "img_2433.TIF"),
        ],
    }
    secrets = ("P12", "7734", "7735", "IMG_24", "Image1", "Image2", "Jane")
    suspect = ("GLAUCOMA SUSPECT", "GLAUCOMA  SUSUPECT", "NORMAL", "GLAUCOMA SUSPECT", "NORMAL")
    normal = ("NORMAL", "NORMAL", "GLAUCOMA SUSPECT", "GLAUCOMA SUSPECT", "NORMAL")

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.tables = {
            (part, device): [
                {"Images": names[0][0]} | self._graded(self.suspect, part, device),
                {"Images": names[1][0]} | self._graded(self.normal, part, device),
            ]
            for part in ("Train", "Test")
            for device, names in self.names.items()
        }
        self.drawn = [box(2, 3, 7, 9)] * 3 + [box(2, 3, 7, 8), box(3, 3, 7, 9)]

    @staticmethod
    def _graded(grades: Sequence[str], part: str, device: str) -> dict[str, str]:
        found = {f"Expert.{number}": grade for number, grade in enumerate(grades, start=1)}
        column = (
            "Glaucoma Decision" if part == "Test" and device != "Bosch" else "Majority Decision"
        )
        most = sum(grade != "NORMAL" for grade in grades) > 2
        return found | {column: "GLAUCOMA SUSPECT" if most else "NORMAL"}

    def table(self, part: str, device: str) -> Path:
        name = f"Glaucoma_Decision_Comparison_{device}_majority.csv"
        return self.path / part / "6.0_Glaucoma_Decision" / name

    def image(self, part: str, device: str, number: int) -> Path:
        name = self.names[device][number][1]
        return self.path / part / "1.0_Original_Fundus_Images" / device / name

    def mask(self, part: str, device: str, number: int, expert: int, region: str = "Disc") -> Path:
        folder = self.path / part / "3.0_Doctors_Annotations_Binary_OD_OC" / f"Expert {expert}"
        # As published: capitals differ between experts, and one camera is misspelt in Test.
        camera = "Remedio" if (part, device) == ("Test", "Remidio") else device
        place = region.lower() if expert == 2 else region
        return folder / camera / place / self.names[device][number][2]

    def write(self) -> None:
        for (part, device), rows in self.tables.items():
            write_csv(self.table(part, device), rows)
            for number in range(2):
                save(self.image(part, device, number), pixels(number, shape=(*SHAPE, 3)))
                for expert, mask in enumerate(self.drawn, start=1):
                    save(self.mask(part, device, number, expert), mask)
                    save(self.mask(part, device, number, expert, "Cup"), box(4, 5, 6, 7))


class Airogs(Published):
    """Images in the folders they were published in, and masks of one's own."""

    card = """
schema = 1
name = "d"
reader = "airogs"
{more}
[files]
labels = "train_labels.csv"
masks = "masks"
[targets.glaucoma]
roi = ["disc"]
"""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.rows = [
            {"challenge_id": f"TRAIN{number:06d}", "class": "RG" if number % 3 == 0 else "NRG"}
            for number in range(12)
        ]
        self.secrets = [row["challenge_id"] for row in self.rows] + ["Jane"]

    def image(self, number: int) -> Path:
        return self.path / str(number % 6) / f"TRAIN{number:06d}.jpg"

    def mask(self, number: int) -> Path:
        return self.path / "masks" / f"TRAIN{number:06d}.png"

    def write(self) -> None:
        write_csv(self.path / "train_labels.csv", self.rows)
        for number in range(len(self.rows)):
            save(self.image(number), pixels(number, shape=(*SHAPE, 3)))
            save(self.mask(number), box(1 + number % 3, 3, 7, 9))


class DicomFolder(Published):
    """Files of several patients as a hospital exports them: equal names in folders by patient."""

    card = """
schema = 1
name = "d"
reader = "dicom"
root = "data"
metadata = ["dicom.sex", "dicom.manufacturer", "site"]
{more}
[files]
labels = "labels.csv"
masks = "masks"
[targets.pneumonia]
roi = ["lungs"]
"""
    secrets = ("Jane", "Zimmer", "MRN", "IM00", "1.2.826", "19310207")

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.root = path / "data"
        self.files = [f"ZIMMER_JANE_{number // 2}/IM000{number % 2}.dcm" for number in range(8)]
        self.rows = [
            {"sop_instance_uid": self.uid(number), "pneumonia": str(number % 2), "site": "north"}
            for number in range(8)
        ]

    @staticmethod
    def uid(number: int) -> str:
        return f"1.2.826.0.1.3680043.8.498.{number + 1}"

    def image(self, number: int) -> Path:
        return self.root / self.files[number]

    def mask(self, number: int) -> Path:
        return self.root / "masks" / f"{self.uid(number)}.png"

    def header(self, number: int, **tags: object) -> None:
        """Write a file; `tags` by keyword replace what it holds, None removes."""
        header = Header()
        header.file_meta = FileMetaDataset()
        header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        header.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
        header.file_meta.MediaStorageSOPInstanceUID = self.uid(number)
        basic = {
            "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1",
            "SOPInstanceUID": self.uid(number),
            "PatientID": f"MRN-0{number // 2}",
            "PatientName": "Zimmer^Jane",
            "PatientBirthDate": "19310207",
            "PatientSex": "F",
            "Manufacturer": "Philips",
            "Rows": SHAPE[0],
            "Columns": SHAPE[1],
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "BitsAllocated": 16,
            "BitsStored": 12,
            "HighBit": 11,
            "PixelRepresentation": 0,
            "PixelData": (pixels(number, np.uint16) >> 4).tobytes(),
        }
        for keyword, value in (basic | tags).items():
            if value is not None:
                setattr(header, keyword, value)
        header["PixelData"].VR = "OW"
        self.image(number).parent.mkdir(parents=True, exist_ok=True)
        header.save_as(self.image(number), enforce_file_format=True)

    def write(self) -> None:
        self.root.mkdir(exist_ok=True)
        write_csv(self.root / "labels.csv", self.rows)
        for number in range(len(self.files)):
            self.header(number)
            save(self.mask(number), box(1 + number % 3, 1, 8, 11))


def zoo_card(name: str, data: Published, variable: str, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Load a data set through the card that the zoo has for it."""
    monkeypatch.setenv(variable, str(data.path))
    card = load_dataset_card(ZOO / f"{name}.toml")
    assert card.name == name
    assert all((card.description, card.modality, card.licence, card.citation))
    return load_dataset(card)

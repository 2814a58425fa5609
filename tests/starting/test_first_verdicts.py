"""From files to a first verdict: cards by `init`, tried by `doctor`, then a first look."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pydicom
import pytest
import torch
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage
from safetensors.torch import load_file
from typer.testing import CliRunner

import audit_suite
from audit_suite.cards import PhantomSpec
from audit_suite.cli import app
from audit_suite.doctor.examine import examine
from audit_suite.evidence.executors.inline import Inline
from audit_suite.models.small_cnn import small_cnn
from audit_suite.phantoms import cohort, render

ROOT = Path(__file__).parents[2]
SIDE, PATIENTS = 64, 160

FUNCTION = '''
import numpy as np
from scipy.ndimage import gaussian_filter

def predict(batch):
    """How bright the brighter of the two lungs is, ribs smoothed away."""
    scores = []
    for (image,) in batch:
        smooth = gaussian_filter(image, 1)
        lungs = smooth[18:36, 12:24], smooth[18:36, 40:52]
        scores.append([max(float(np.percentile(lung, 90)) for lung in lungs)])
    return scores
'''


def drawn(seed=5):
    spec = PhantomSpec(
        kind="cxr", patients=PATIENTS, images_per_patient=(1, 1), size=SIDE, seed=seed
    )
    for case in cohort(spec, ("consolidation",)):
        image, regions = render(spec, case)
        yield case, image, regions


def table(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture
def here(monkeypatch):
    """The doctor tries models in this process, where torch is imported already."""
    monkeypatch.setattr("audit_suite.doctor.examine.EXECUTORS", {"process": Inline})


def verdict(folder, words, trusted=False, executor="inline"):
    """The cards that `init` writes, what `doctor` says of them, and the record of a first look."""
    out = folder / "audit"
    result = CliRunner().invoke(app, ["init", "--yes", *map(str, words), "--out", str(out)])
    assert result.exit_code == 0, (result.output, result.exception)
    cards = [out / "model.toml", out / "data.toml"]
    if trusted:
        text = cards[0].read_text()
        assert "trusted = false" in text
        cards[0].write_text(text.replace("trusted = false", "trusted = true"))
    diagnosis = examine(cards, folder / "doctor", folder / "evidence")
    record = audit_suite.run(
        [cards[0]],
        [cards[1]],
        evidence=folder / "evidence",
        profile="first-look",
        executor=executor,
    )
    return diagnosis, record, {finding.check: finding for finding in record.findings}


def test_onnx_on_a_folder_of_dicom_files_with_boxes(here, tmp_path):
    (tmp_path / "dicom" / "a").mkdir(parents=True)
    labels = [["sop_instance_uid", "finding"]]
    boxes = [["sop_instance_uid", "x", "y", "width", "height"]]
    for number, (case, image, regions) in enumerate(drawn()):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
        meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[str(number)])
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        file = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        file.SOPClassUID, file.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta[0x00020003].value
        file.PatientID, file.PatientName = f"secret-{case.patient}", "Nobody^Known"
        file.Modality, file.PhotometricInterpretation = "DX", "MONOCHROME2"
        file.Rows = file.Columns = SIDE
        file.SamplesPerPixel, file.PixelRepresentation = 1, 0
        file.BitsAllocated, file.BitsStored, file.HighBit = 8, 8, 7
        file.PixelData = image.tobytes()
        file.save_as(tmp_path / "dicom" / "a" / f"{number}.dcm", enforce_file_format=True)
        uid = str(file.SOPInstanceUID)
        labels.append([uid, "consolidation" if case.labels["consolidation"] else "none"])
        for side in ("left_lung", "right_lung"):
            rows, columns = np.nonzero(regions[side])
            x, y = int(columns.min()), int(rows.min())
            boxes.append([uid, x, y, int(columns.max()) + 1 - x, int(rows.max()) + 1 - y])
    table(tmp_path / "labels.csv", labels)
    table(tmp_path / "boxes.csv", boxes)
    network = small_cnn(outputs=2, width=16).eval()
    network.load_state_dict(
        load_file(ROOT / "model_zoo" / "weights" / "phantom-honest.safetensors")
    )
    torch.onnx.export(
        network,
        (torch.rand(2, 1, SIDE, SIDE),),
        tmp_path / "honest.onnx",
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        dynamo=True,
        verbose=False,
    )
    words = ["--model", tmp_path / "honest.onnx", "--images", tmp_path / "dicom"]
    words += ["--labels", tmp_path / "labels.csv", "--label", "finding"]
    words += ["--target", "consolidation", "--masks", tmp_path / "boxes.csv", "--region", "lungs"]
    words += ["--outputs", "consolidation,glaucoma", "--activation", "sigmoid"]
    words += ["--resize", "pad", "--mean", "0.5", "--std", "0.25"]
    diagnosis, record, found = verdict(tmp_path, words)
    assert [symptom.what for symptom in diagnosis.wrong] == []
    assert diagnosis.seen[0].auroc.value > 0.85
    assert record.decision == "partial"
    assert found["R1"].verdict == "pass"
    assert found["C14"].verdict in ("pass", "inconclusive")
    assert found["R8-box"].verdict in ("pass", "inconclusive")
    assert "secret-" not in record.to_json() + diagnosis.model_dump_json()


def test_a_hugging_face_folder_without_masks(here, tmp_path):
    pytest.importorskip("transformers")
    spec = importlib.util.spec_from_file_location(
        "hugging", ROOT / "model_zoo" / "examples" / "huggingface" / "make.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "made").mkdir()
    module.make(tmp_path / "made")
    (model,) = [path.parent for path in (tmp_path / "made").rglob("config.json")]
    for name in ("normal", "pneumonia"):
        (tmp_path / "images" / name).mkdir(parents=True)
    for number, (case, image, _) in enumerate(drawn()):
        name = "pneumonia" if case.labels["consolidation"] else "normal"
        Image.fromarray(image).save(tmp_path / "images" / name / f"{number}.png")
    words = ["--model", model, "--images", tmp_path / "images", "--target", "pneumonia"]
    diagnosis, record, found = verdict(tmp_path, words)
    assert any("no region of interest is declared" in symptom.what for symptom in diagnosis.look)
    assert record.decision in ("partial", "closed")  # nobody trained this network
    assert found["R8-box"].verdict == "not_applicable"
    (missing,) = [check for check in record.policy.missing if check.check == "R8-box"]
    assert "audit-suite region draw" in missing.reason + missing.remedy


def test_a_plain_function_with_run_lengths(tmp_path):
    (tmp_path / "images").mkdir()
    rows = [["image_id", "patient", "consolidation", "lungs_rle"]]
    for number, (case, image, regions) in enumerate(drawn()):
        Image.fromarray(image).save(tmp_path / "images" / f"x{number}.png")
        flat = np.concatenate([[0], regions["lungs"].T.ravel().astype(int), [0]])
        starts, ends = np.flatnonzero(np.diff(flat) == 1), np.flatnonzero(np.diff(flat) == -1)
        runs = " ".join(f"{s + 1} {e - s}" for s, e in zip(starts, ends, strict=True))
        rows.append([f"x{number}", case.patient, case.labels["consolidation"], runs])
    table(tmp_path / "labels.csv", rows)
    (tmp_path / "score.py").write_text(FUNCTION)
    words = ["--model", f"{tmp_path / 'score.py'}:predict", "--images", tmp_path / "images"]
    words += ["--labels", tmp_path / "labels.csv", "--masks", tmp_path / "labels.csv"]
    words += ["--region", "lungs", "--size", "64", "--resize", "pad", "--mean", "0", "--std", "1"]
    words += ["--activation", "none", "--channels", "1"]
    diagnosis, record, found = verdict(tmp_path, words, trusted=True, executor="process")
    assert diagnosis.wrong == []
    assert diagnosis.seen[0].auroc.value > 0.7
    assert record.decision == "partial"
    assert found["R1"].verdict in ("pass", "inconclusive")
    assert record.provenance.models[0].runs_code == "function ../score.py:predict"

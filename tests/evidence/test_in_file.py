"""Hidden in the file: what the model then sees is the preprocessed image of a blackened file."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from evidence.seeing import seeing_cell
from needs.evidence import Stored, case, table
from needs.evidence import cell as make_cell
from needs.evidence import findings as judged
from PIL import Image

from audit_suite import NotApplicable, WithoutROI, auroc_in_file
from audit_suite.cards import load_model_card
from audit_suite.datasets import Sample
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore, compute
from audit_suite.evidence.scores.in_file import InFileRequest, without_box
from audit_suite.maskings.limits import LARGEST_ROI
from audit_suite.models.preprocessing import fit_geometry
from audit_suite.verdict import Verdict

BOX = WithoutROI(shape="box")
COUNT, SHAPE, SIZE = 6, (21, 30), 8
ROWS, COLUMNS = slice(4, 12), slice(9, 20)


@pytest.fixture
def folder(tmp_path):
    """Images that are not square, with an ellipse as region; the last one's file is broken."""
    rng = np.random.default_rng(0)
    row, column = np.mgrid[: SHAPE[0], : SHAPE[1]]
    region = ((row - 7.5) / 4) ** 2 + ((column - 14) / 5.5) ** 2 <= 1
    assert region[ROWS, COLUMNS].any(0).all()
    assert region[ROWS, COLUMNS].any(1).all()
    assert region.sum() == region[ROWS, COLUMNS].sum(), "the box of the region"
    lines = []
    for i in range(COUNT):
        Image.fromarray(rng.integers(20, 200, SHAPE, np.uint8)).save(tmp_path / f"i{i}.png")
        Image.fromarray((region * 255).astype(np.uint8)).save(tmp_path / f"m{i}.png")
        lines.append(
            {"image": f"i{i}.png", "patient_id": f"p{i}", "sick": i % 2, "mask": f"m{i}.png"}
        )
    (tmp_path / f"i{COUNT - 1}.png").write_bytes(b"no image")
    with (tmp_path / "m.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    return tmp_path


def cell_of(folder, keys=""):
    """A cell of a model whose embedding is what it sees."""
    cell = seeing_cell(folder, SIZE)
    text = (folder / "m.toml").read_text() + keys
    (folder / "m.toml").write_text(text)
    return Cell(load_model_card(folder / "m.toml"), (None,), cell.dataset, "sick")


def source_of(folder):
    return EvidenceSource(EvidenceStore(folder / "store"), EvidenceProfile(device="cpu", threads=1))


def seen(folder, cell):
    """The requests' tables: hidden in the file, and in the model's input."""
    source = source_of(folder)
    (plain,) = cell.requests(BOX)
    file = InFileRequest(plain.model, plain.fold, plain.dataset, plain.masking)
    compute([plain, file], source)
    return source.read(file), source.read(plain)


@pytest.mark.parametrize(
    ("keys", "alike"),
    [
        ("", False),
        ('scale = "min_max"\n', False),
        ("clahe = { tiles = 2 }\n", False),
        ('interpolation = "nearest"\n', True),
    ],
)
def test_what_is_seen_is_the_preprocessed_image_of_a_blackened_file(folder, keys, alike):
    """Where no pixel is mixed with another or measured, both ways show the same."""
    cell = cell_of(folder, keys)
    in_file, in_input = seen(folder, cell)
    for i in range(COUNT - 1):
        pixels = np.array(Image.open(folder / f"i{i}.png"))
        pixels[ROWS, COLUMNS] = 0
        wanted, _ = fit_geometry(pixels, {}, cell.model.input)
        assert np.array_equal(in_file.embeddings[i], wanted.ravel())
    both = (each.embeddings[: COUNT - 1] for each in (in_file, in_input))
    assert np.allclose(*both) == alike
    assert in_file.used.tolist() == in_input.used.tolist() == [True] * (COUNT - 1) + [False]


def test_an_image_is_decoded_once_for_what_is_hidden_in_the_file_and_in_the_input(folder):
    cell, source, decoded = cell_of(folder), source_of(folder), []
    dataset = source.dataset(cell.dataset)
    source._datasets[cell.dataset] = replace(
        dataset, read=lambda index: decoded.append(index) or dataset.read(index)
    )
    (plain,) = cell.requests(BOX)
    file = InFileRequest(plain.model, plain.fold, plain.dataset, plain.masking)
    source.tried.add((plain.model, plain.fold, plain.dataset))  # which decodes a few of its own
    compute([plain, file], source)
    assert sorted(decoded) == list(range(COUNT))


def test_nothing_is_written_to_the_files(folder):
    before = [(folder / f"i{i}.png").read_bytes() for i in range(COUNT)]
    seen(folder, cell_of(folder))
    assert [(folder / f"i{i}.png").read_bytes() for i in range(COUNT)] == before


def test_an_image_without_the_region_is_left_as_it_is(folder):
    cell = cell_of(folder)
    image = np.full(SHAPE, 7, np.uint8)
    (request,) = cell.requests(BOX)
    boxed = without_box(Sample(image, {}), cell.dataset, request.masking.region)
    assert np.array_equal(boxed.image, image)


def test_both_have_keys_of_their_own_and_are_no_other_request(folder):
    source = source_of(folder)
    (plain,) = cell_of(folder).requests(BOX)
    file = InFileRequest(plain.model, plain.fold, plain.dataset, plain.masking)
    assert file != plain
    assert len({plain, file}) == 2
    assert not set(file.keys(source)) & set(plain.keys(source))
    assert file.words == "masking 'without-square-box' in the image files"


# C18


def made_up(difference):
    """Scores that tell half of the patients apart without the box; in the file others' as well."""
    count = 2000
    labels = np.arange(count) % 2
    noise = np.random.default_rng(0).normal(size=count)
    cases = [case(i, label) for i, label in enumerate(labels)]

    def scores(request):
        shift = {"full": 3.0}.get(request.masking.id, 0.0)
        shift += difference * isinstance(request, InFileRequest)
        return table(noise + shift * labels)

    return Stored(cases, scores)


@pytest.mark.parametrize(("difference", "verdict"), [(0, Verdict.PASS), (0.5, Verdict.FAIL)])
def test_c18_asks_whether_it_matters_where_the_box_is_hidden(tmp_path, difference, verdict):
    ((_, finding, _),) = judged("C18", make_cell(tmp_path), made_up(difference))
    assert finding.verdict is verdict


def test_a_function_that_reads_the_files_itself_is_not_asked(tmp_path):
    (tmp_path / "own.py").write_text("def load(path): ...")
    cell = make_cell(tmp_path)
    spec = cell.model.input.model_copy(update={"function": "own.py:load"})
    own = Cell(cell.model.model_copy(update={"input": spec}), (None,), cell.dataset, "sick")
    with pytest.raises(NotApplicable, match=r"reads the image files itself"):
        auroc_in_file().requests(own)


def test_a_region_that_fills_the_frame_asks_nothing(tmp_path):
    evidence = made_up(0)
    scores = evidence.tables
    evidence.tables = lambda request: table(scores(request).scores[:, 0], LARGEST_ROI + 0.04)
    with pytest.raises(NotApplicable, match="fills a median"):
        auroc_in_file().estimate(make_cell(tmp_path), evidence)

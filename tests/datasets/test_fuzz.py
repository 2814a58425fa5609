"""Whatever is written into a card, a table, an image or a mask: it is read, or an AuditError.

``AUDIT_FUZZ=10000 pytest tests/datasets/test_fuzz.py`` tries as many inputs of each kind.
"""

from __future__ import annotations

import copy
import csv
import io
import os
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from audit_suite.cards import load_dataset_card
from audit_suite.datasets import describe, load_dataset
from audit_suite.errors import AuditError

fuzzed = settings(
    max_examples=int(os.environ.get("AUDIT_FUZZ", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

CARD = {
    "schema": 1,
    "name": "d",
    "description": "a description",
    "reader": "manifest",
    "manifest": "m.csv",
    "root": ".",
    "split": "test",
    "metadata": ["age", "sex"],
    "filter": {"sex": ["F", "M"]},
    "maskings": ["full", "without-lungs"],
    "on_bad_image": "error",
    "repeated_images": "cluster",
    "follow_links": False,
    "burned_in": False,
    "dicom_frame": 0,
    "mask_quality": {"column": "quality", "minimum": 0.5, "source": "me", "rule": "weight"},
    "masks": {"shared": ["lungs"], "source": "me"},
    "columns": {"image": "image", "patient": ["patient"], "split": "split", "id": "image"},
    "targets": {
        "sick": {"column": "sick", "roi": ["lungs", "heart"], "roi_margin": 3},
        "kind": {
            "column": "kind",
            "values": {"a": 1, "b|c": 0},
            "missing": "exclude",
            "uncertain": "negative",
            "uncertain_values": ["U"],
        },
        "part": {"column": "kind", "contains": "b", "separator": "|", "missing": "negative"},
        "class": {"column": "kind", "equals": "a", "missing": "exclude"},
    },
    "delimiter": ",",
    "regions": {"lungs": {"column": "mask"}, "heart": {"column": "mask2", "value": 255}},
    "margins": {"C14": {"value": 0.1, "source": "me"}},
}
HEADER = ["image", "mask", "mask2", "patient", "split", "sick", "age", "sex", "quality", "kind"]
ROWS = [
    [
        f"{i}.png",
        f"m{i}.png",
        f"m{i}.png",
        f"p{i // 2}",
        "test",
        str(i % 2),
        str(40 + i),
        "FM"[i % 2],
        ".9",
        ["a", "b|c", ""][i % 3],
    ]
    for i in range(6)
]

NASTY = [
    "",
    "\0",
    "\x1b[2J",
    "nan",
    "inf",
    "-1",
    "1e400",
    "../x",
    "/etc/passwd",
    "~nobody/x",
    "$HOME",
    "$NOT_SET",
    "a" * 300,
    "roi",
    "lungs-box",
    "é",
    "\u202e",
    ".",
    "%s",
    "{}",
    "\n",
    "'",
    '"',
    ",",
    "9" * 400,
    "0.png",
    "m0.png",
    "m.csv",
    "card.toml",
    "image",
    "mask",
    "sick",
]
texts = st.one_of(st.sampled_from(NASTY), st.text(st.characters(codec="utf-8"), max_size=8))
values = st.recursive(
    st.one_of(texts, st.integers(-(2**70), 2**70), st.floats(), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    here = tmp_path_factory.mktemp("fuzz")
    rng = np.random.default_rng(0)
    for number in range(6):
        Image.fromarray(rng.integers(0, 255, (12, 10), np.uint8)).save(here / f"{number}.png")
        Image.fromarray(np.kron([[0, 255]], np.ones((12, 5))).astype(np.uint8)).save(
            here / f"m{number}.png"
        )
    return here


def restore(folder: Path) -> None:
    (folder / "card.toml").write_text(tomli_w.dumps(CARD))
    table(folder, [HEADER, *ROWS])


def table(folder: Path, rows) -> None:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    (folder / "m.csv").write_bytes(text.getvalue().encode())


def audited(folder: Path, secret: str = "") -> bool:
    """Whether the data set can be read, to the end; anything but an AuditError is a fault."""
    whole = False
    try:
        dataset = load_dataset(load_dataset_card(folder / "card.toml"))
        for index in range(len(dataset.cases)):
            sample = dataset.read(index)
            assert all(mask.shape == sample.image.shape[:2] for mask in sample.regions.values())
        shown = describe(dataset).model_dump_json()
        whole = True
    except AuditError as error:
        shown = str(error)
    assert not secret or secret not in shown
    return whole


def places(content, path=()):
    """Every key of a card, at any depth."""
    if isinstance(content, dict):
        for key, part in content.items():
            yield (*path, key)
            yield from places(part, (*path, key))


def test_the_card_and_the_table_that_are_changed_are_right(folder):
    restore(folder)
    assert audited(folder)


@fuzzed
@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(places(CARD))), st.sampled_from("set drop add"), texts, values
        ),
        min_size=1,
        max_size=3,
    )
)
def test_cards(folder, changes):
    restore(folder)
    card = copy.deepcopy(CARD)
    for path, what, name, value in changes:
        part = card
        for key in path[:-1]:
            part = part.get(key) if isinstance(part, dict) else None
        if not isinstance(part, dict):
            continue
        if what == "drop":
            part.pop(path[-1], None)
        else:
            part[path[-1] if what == "set" else name] = value
    (folder / "card.toml").write_bytes(tomli_w.dumps(card).encode())
    audited(folder)


@fuzzed
@given(st.binary(max_size=40), st.integers(0, 2000), st.integers(0, 40))
def test_bytes_of_cards_and_tables(folder, new, place, cut):
    for name in ("card.toml", "m.csv"):
        restore(folder)
        old = (folder / name).read_bytes()
        place %= len(old)
        (folder / name).write_bytes(old[:place] + new + old[place + cut :])
        audited(folder)


@fuzzed
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 8), texts), min_size=1, max_size=4))
def test_cells(folder, changes):
    restore(folder)
    rows = [list(row) for row in (HEADER, *ROWS)]
    for row, column, text in changes:
        rows[row][column] = text
    table(folder, rows)
    audited(folder)


@fuzzed
@given(st.permutations(range(7)), st.lists(st.integers(0, 8), max_size=9), st.sampled_from(HEADER))
def test_no_cell_of_a_table_in_any_form_is_shown(folder, order, columns, renamed):
    """Rows in any order, the header among them or missing, columns missing, doubled or renamed."""
    restore(folder)
    rows = [[f"Doe{cell}" if i == 3 else cell for i, cell in enumerate(row)] for row in ROWS]
    rows = [[*HEADER], *rows]
    rows[0] = ["other" if name == renamed else name for name in rows[0]]
    shuffled = [[rows[i][c] for c in columns or range(9)] for i in order]
    table(folder, shuffled if order[0] else shuffled[1:])
    audited(folder, secret="Doep")


@fuzzed
@given(
    st.sampled_from(["0.png", "m0.png"]),
    st.binary(max_size=30),
    st.integers(0, 400),
    st.integers(0, 30),
)
def test_bytes_of_images_and_masks(folder, name, new, place, cut):
    restore(folder)
    old = (folder / name).read_bytes()
    try:
        place %= len(old)
        (folder / name).write_bytes(old[:place] + new + old[place + cut :])
        audited(folder)
    finally:
        (folder / name).write_bytes(old)


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 100_000, "a = " + "9" * 5000, "a" * 100_000, "\ufeff", "schema = 1" * 2]
)
def test_cards_that_break_parsers(folder, text):
    (folder / "card.toml").write_text(text)
    assert not audited(folder)

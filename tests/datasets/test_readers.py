"""Readers are registered: what cards and messages know, and how an extension's reader behaves."""

from __future__ import annotations

import importlib.util
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.cards import DatasetCard, load_dataset_card
from audit_suite.datasets import (
    BadImage,
    Case,
    Dataset,
    Reader,
    Sample,
    describe,
    load_dataset,
    register_reader,
)
from audit_suite.datasets import readers as package
from audit_suite.datasets.regions import region_advice, region_names
from audit_suite.datasets.selection import passes_filter
from audit_suite.errors import AuditError
from audit_suite.registry import READERS, SHIPPED

SHIPPED_READERS = {"airogs", "chaksu", "chestxray14", "dicom", "manifest", "padchest", "phantom"}

CARD = """
schema = 1
name = "d"
reader = "{reader}"
{more}
[targets.sick]
roi = ["lungs"]
"""

EXTENSION = '''
"""Data sets in one NumPy archive."""

from dataclasses import dataclass

import numpy as np

from audit_suite.datasets import Case, Dataset, Reader, Sample, register_reader


@dataclass(frozen=True)
class Archive(Reader):
    name: str = "archive"
    needed_files: frozenset[str] = frozenset({"archive"})

    def read(self, card):
        held = np.load(card.resolve(card.root) / card.files["archive"])
        cases = tuple(
            Case(id=str(i), patient=f"p{i // 2}", labels={"sick": int(label)}, metadata={}, row=i + 1)
            for i, label in enumerate(held["labels"])
        )

        def read(index):
            return Sample(held["images"][index], {"lungs": held["images"][index] > 9})

        return Dataset(card, digest=str(held["labels"].sum()), cases=cases, read=read)


register_reader(Archive())
'''


@pytest.fixture
def card(tmp_path):
    def make(reader="hospital", more="") -> DatasetCard:
        (tmp_path / "d.toml").write_text(CARD.format(reader=reader, more=more))
        return load_dataset_card(tmp_path / "d.toml")

    return make


@pytest.fixture
def extension(tmp_path, monkeypatch):
    """An extension in a file of its own, imported as `name`."""

    def load(name="radiology", text=EXTENSION):
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


def refusal(call: Callable[[], Any], *words: str) -> AuditError:
    with pytest.raises(AuditError) as caught:
        call()
    assert type(caught.value) is AuditError
    assert caught.value.remedy
    for word in words:
        assert word in str(caught.value), str(caught.value)
    return caught.value


PIXELS = np.arange(30, dtype=np.uint8).reshape(5, 6)
MASK = PIXELS > 9


def cases(count=8, **changes) -> tuple[Case, ...]:
    """Two images per patient, every other one positive; `changes` are of the fourth."""
    made = []
    for number in range(count):
        facts: dict[str, Any] = {
            "id": f"image-{number}",
            "patient": f"secret-{number // 2}",
            "labels": {"sick": number % 2},
            "metadata": {"site": "ab"[number // 4 % 2], "sex": "FM"[number % 2]},
            "row": number + 1,
        }
        made.append(Case(**(facts | (changes if number == 3 else {}))))
    return tuple(made)


@dataclass(frozen=True)
class Hospital(Reader):
    """A reader of an extension: `replies` replaces what it returns, `fails` what it raises."""

    name: str = "hospital"
    needed_files: frozenset[str] = frozenset()
    optional_files: frozenset[str] = frozenset({"list"})
    selects_rows: bool = False
    cases: Any = field(default_factory=cases)
    replies: Any = None
    sample: Any = None
    fails: Exception | None = None
    digest: Any = "abc"

    def read(self, card):
        if self.fails is not None:
            raise self.fails
        if self.replies is not None:
            return self.replies

        def read(index):
            if isinstance(self.sample, Exception):
                raise self.sample
            if self.sample is not None:
                return self.sample
            return Sample(PIXELS + np.uint8(index), {"lungs": MASK})

        return Dataset(card, self.digest, self.cases, read, ("row 9: no reason",))


ME = __name__  # a reader that is registered here belongs to this module


# The shipped readers


def test_every_shipped_reader_is_one_file_that_registers_itself():
    assert {name for name in READERS if READERS.origin(name) == SHIPPED} == SHIPPED_READERS
    assert {module.name for module in pkgutil.iter_modules(package.__path__)} == SHIPPED_READERS
    for name in SHIPPED_READERS:
        reader = READERS[name]
        assert isinstance(reader, Reader)
        assert type(reader).__module__ == f"{package.__name__}.{name}"
        assert reader.name == name
        with pytest.raises(FrozenInstanceError):
            reader.name = "other"


@pytest.mark.parametrize(
    ("name", "needed", "optional"),
    [
        ("manifest", set(), set()),
        ("phantom", set(), set()),
        ("padchest", {"labels", "images"}, {"masks", "invalid"}),
        ("chestxray14", {"labels", "images"}, {"masks", "test_list"}),
        ("chaksu", set(), set()),
        ("airogs", {"labels"}, {"masks"}),
        ("dicom", {"labels"}, {"masks"}),
    ],
)
def test_the_files_of_a_shipped_reader_are_asked_for_by_name(card, name, needed, optional):
    reader = READERS[name]
    assert set(reader.needed_files) == needed
    assert set(reader.optional_files) == optional
    for key in sorted(needed):
        refusal(
            lambda key=key: card(name, naming((needed | optional) - {key})),
            f"reader '{name}' needs ['{key}'] under 'files'",
        )
    refusal(
        lambda: card(name, naming(needed | optional | {"spare"})),
        f"'files' names ['spare']; reader '{name}' knows {sorted(needed | optional)}",
    )


def naming(files) -> str:
    """A card's key `files` with some keys."""
    return "files = { " + ", ".join(f'{key} = "x"' for key in sorted(files)) + " }"


def test_looking_readers_up_imports_no_heavy_library():
    code = (
        "import sys, audit_suite.cards; from audit_suite.registry import READERS; len(READERS);"
        "heavy = {'torch', 'pydicom', 'PIL', 'sklearn', 'scipy'} & set(sys.modules);"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_fault_of_a_shipped_reader_is_not_laid_at_an_extensions_door(card, monkeypatch):
    def broken(self, card):
        raise ZeroDivisionError

    monkeypatch.setattr(type(READERS["chaksu"]), "read", broken)
    with pytest.raises(ZeroDivisionError):
        load_dataset(card("chaksu"))


# An extension's reader, where all goes well


def test_an_extension_in_a_file_of_its_own_reads_a_data_set_by_its_card(tmp_path, card, extension):
    extension()
    images = np.random.default_rng(0).integers(0, 255, (6, 4, 5)).astype(np.uint8)
    np.savez(tmp_path / "all.npz", images=images, labels=np.arange(6) % 2)
    described = card("archive", 'files = { archive = "all.npz" }')
    assert READERS.origin("archive") == "radiology"
    dataset = load_dataset(described)
    assert [case.labels["sick"] for case in dataset.cases] == [0, 1] * 3
    for index in range(6):
        sample = dataset.read(index)
        assert np.array_equal(sample.image, images[index])
        assert np.array_equal(sample.regions["lungs"], images[index] > 9)
    record = describe(dataset)
    assert (record.n_images, record.n_patients, record.digest) == (6, 3, dataset.digest)
    refusal(lambda: card("archive"), "reader 'archive' needs ['archive'] under 'files'")


def test_evidence_of_an_extensions_reader_is_not_used_after_its_source_has_changed(
    tmp_path, card, extension
):
    extension()
    np.savez(tmp_path / "all.npz", images=np.zeros((4, 3, 3), np.uint8), labels=np.arange(4) % 2)
    described = card("archive", 'files = { archive = "all.npz" }')
    first = load_dataset(described).digest
    assert load_dataset(described).digest == first
    (tmp_path / "radiology.py").write_text(EXTENSION + "# changed\n")
    assert load_dataset(described).digest != first


def test_the_defaults_ask_for_nothing_and_know_the_regions_of_the_targets(card):
    @dataclass(frozen=True)
    class Least(Reader):
        name: str = "least"

        def read(self, card):
            return Dataset(card, "abc", cases(), lambda _: Sample(PIXELS, {"lungs": MASK}))

    register_reader(Least())
    described = card("least")
    assert region_names(described) == {"lungs"}
    assert region_advice(described) == "reader 'least' gives: lungs"
    assert len(load_dataset(described).cases) == 8
    refusal(lambda: card("least", 'files = { labels = "x" }'), "reader 'least' knows []")


def test_a_reader_need_not_inherit(card):
    class Plain:
        name, needed_files, optional_files, selects_rows = "plain", (), ["list"], True

        def check(self, card):
            pass

        def regions(self, card):
            return ["lungs", "tube"]

        def region_advice(self, card):
            return "draw one"

        def read(self, card):
            return Dataset(card, "abc", cases(), lambda _: Sample(PIXELS, {"lungs": MASK}))

    assert isinstance(register_reader(Plain()), Plain)
    described = card("plain", 'files = { list = "x" }')
    assert region_names(described) == {"lungs", "tube"}
    assert region_advice(described) == "draw one"
    assert len(load_dataset(described).cases) == 8


def test_an_unknown_reader_is_refused_at_its_key_with_all_that_are_known(card):
    register_reader(Hospital())
    error = refusal(
        lambda: card("hosptial"), "key 'reader': there is no data set reader 'hosptial'"
    )
    assert f"known: {', '.join(sorted({*SHIPPED_READERS, 'hospital'}))}" in error.what
    assert "d.toml" in error.what


def test_a_reader_that_is_gone_when_the_data_set_is_read_is_named_with_the_card(card):
    register_reader(Hospital())
    described = card()
    del READERS._entries["hospital"]
    refusal(
        lambda: load_dataset(described),
        "d.toml: key 'reader': there is no data set reader 'hospital'",
        "known: airogs",
    )


def test_what_a_reader_left_out_is_described(card):
    register_reader(Hospital())
    assert describe(load_dataset(card())).excluded == ["row 9: no reason"]


def test_numpy_integers_and_booleans_are_labels(card):
    register_reader(Hospital(cases=cases(labels={"sick": np.int64(1)})))
    assert load_dataset(card()).cases[3].labels["sick"] == 1
    register_reader(Hospital(cases=cases(labels={"sick": True})))
    assert load_dataset(card()).cases[3].labels["sick"] == 1


# Filter and holdout


FILTERS = [
    ({}, range(8)),
    ({"site": "a"}, range(4)),
    ({"site": ["a", "b"], "sex": "F"}, (0, 2, 4, 6)),
]


@pytest.mark.parametrize(("wanted", "kept"), FILTERS[:2])
def test_a_filter_is_applied_to_what_a_reader_returns_unless_it_selects_rows_itself(
    card, wanted, kept
):
    more = "".join(f'filter = {{ {key} = "{value}" }}\n' for key, value in wanted.items())
    register_reader(Hospital())
    dataset = load_dataset(card(more=more))
    assert [case.id for case in dataset.cases] == [f"image-{i}" for i in kept]
    for index, number in enumerate(kept):
        assert dataset.read(index).image[0, 0] == number, "each case keeps its image"
    register_reader(Hospital(selects_rows=True))
    assert len(load_dataset(card(more=more)).cases) == 8


VALUES = st.sampled_from("abc")
TEXTS = st.dictionaries(st.sampled_from(["site", "sex"]), st.one_of(VALUES, st.tuples(VALUES)))


@given(TEXTS, st.fixed_dictionaries({"site": VALUES, "sex": VALUES, "age": VALUES}))
def test_an_image_passes_a_filter_if_each_of_its_values_is_wanted(wanted, metadata):
    content = {"schema": 1, "name": "d", "reader": "chaksu", "targets": {"a": {}}}
    described = DatasetCard.model_validate(content | {"filter": wanted})
    assert passes_filter(described, metadata) == all(
        metadata[key] in list(values) for key, values in wanted.items()
    )


def test_the_sides_of_a_holdout_are_complements_that_share_no_patient(card):
    register_reader(Hospital(cases=cases(24)))
    sides = [
        load_dataset(card(more=f'split = "{split}"\nholdout = {{ share = 0.25 }}'))
        for split in ("test", "train")
    ]
    patients = [{case.patient for case in side.cases} for side in sides]
    assert not patients[0] & patients[1]
    assert len(patients[0]) == 3
    assert sum(len(side.cases) for side in sides) == 24
    assert len({side.digest for side in sides}) == 2


def test_a_filter_moves_nobody_to_the_other_side_of_a_holdout(card):
    everyone = tuple(
        Case(f"image-{i}", f"p{i // 4}", {"sick": i // 2 % 2}, {"sex": "FM"[i % 2]}, i + 1)
        for i in range(24)
    )
    register_reader(Hospital(cases=everyone))
    for seed in range(5):
        holdout = f'split = "test"\nholdout = {{ share = 0.5, seed = {seed} }}\n'
        whole = {case.id for case in load_dataset(card(more=holdout)).cases}
        men = load_dataset(card(more=holdout + 'filter = { sex = "M" }')).cases
        assert {case.id for case in men} == {
            case.id for case in everyone if case.id in whole and case.metadata["sex"] == "M"
        }


def test_a_filter_that_leaves_one_class_is_refused_with_the_target(card):
    register_reader(Hospital())
    error = refusal(
        lambda: load_dataset(card(more='filter = { sex = "M" }')),
        "target 'sick' has only label 1 after split and filter",
    )
    assert "both classes" in error.remedy
    refusal(lambda: load_dataset(card(more='filter = { sex = "X" }')), "has no image at all")


@pytest.mark.parametrize("more", ['metadata = ["ward"]', 'filter = { ward = "a" }'])
def test_metadata_that_a_reader_does_not_give_are_refused_with_those_it_gives(card, more):
    register_reader(Hospital())
    refusal(
        lambda: load_dataset(card(more=more)),
        "d.toml: 'metadata' or 'filter' names ['ward']",
        "reader 'hospital' gives: site, sex",
    )


# An extension's reader, where something is wrong


@pytest.mark.parametrize("error", [KeyError("column"), ZeroDivisionError(), ValueError("no")])
def test_whatever_a_reader_raises_becomes_an_error_that_names_its_extension(card, error):
    register_reader(Hospital(fails=error))
    found = refusal(
        lambda: load_dataset(card()),
        f"the data set reader 'hospital' of {ME} raised {type(error).__name__}",
        "stored evidence is kept",
    )
    assert found.__cause__ is error


def test_an_error_that_a_reader_words_itself_passes_as_it_is(card):
    register_reader(Hospital(fails=AuditError("list.csv row 3: no image", "add it")))
    error = refusal(lambda: load_dataset(card()))
    assert (error.what, error.remedy) == ("list.csv row 3: no image", "add it")


def test_a_case_may_lack_the_label_of_one_target_and_not_of_all(card):
    labels = [{"sick": 1}, {"sick": 0, "other": 1}, {"other": 0}, {"sick": 1, "other": 0}] * 2
    given = tuple(replace(c, labels=found) for c, found in zip(cases(), labels, strict=True))
    register_reader(Hospital(cases=given))
    dataset = load_dataset(card(more='[targets.other]\nroi = ["lungs"]'))
    assert [dict(case.labels) for case in dataset.cases] == labels
    counted = describe(dataset).targets
    assert (counted["sick"].n_images, counted["sick"].n_positive_images) == (6, 4)
    assert (counted["other"].n_images, counted["other"].n_positive_images) == (6, 2)


class Other:
    pass


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"replies": [1, 2]}, "returned list instead of a Dataset"),
        ({"replies": Other()}, "returned Other instead of a Dataset"),
        ({"digest": ""}, "returned a data set without a digest"),
        ({"digest": 12}, "returned a data set without a digest"),
        ({"cases": (*cases(), "image")}, "returned str among the cases"),
        ({"cases": None}, "raised TypeError"),
        ({"cases": cases(id=3)}, "without an id or patient as text (row 4)"),
        ({"cases": cases(patient="")}, "without an id or patient as text (row 4)"),
        ({"cases": cases(patient=None)}, "without an id or patient as text (row 4)"),
        ({"cases": cases(id="image-2")}, "returned two cases with one id (row 4)"),
        ({"cases": cases(labels={})}, "without a label of target 'sick' (row 4)"),
        ({"cases": cases(labels={"sik": 1})}, "without a label of target 'sick' (row 4)"),
        ({"cases": cases(labels=None)}, "raised TypeError"),
        *(
            ({"cases": cases(labels={"sick": label})}, "'sick' that is not 0 or 1 (row 4)")
            for label in (2, -1, 0.5, 1.0, "1", None, np.float64(1), float("nan"))
        ),
    ],
)
def test_a_data_set_that_is_none_is_refused_with_the_extension(card, changes, words):
    register_reader(Hospital(**changes))
    error = refusal(lambda: load_dataset(card()), f"the data set reader 'hospital' of {ME}", words)
    assert "secret" not in str(error)
    assert "image-" not in str(error)


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        (OSError("disk"), "raised OSError: disk"),
        (PIXELS, "returned ndarray instead of a Sample (row 3)"),
        (Sample(PIXELS / 255, {"lungs": MASK}), "an image of type float64 and shape (5, 6)"),
        (Sample(PIXELS.astype(np.int32), {}), "an image of type int32"),
        (Sample(PIXELS[None], {}), "an image of type uint8 and shape (1, 5, 6)"),
        (Sample(np.zeros((5, 6, 3), np.uint16), {}), "an image of type uint16 and shape (5, 6, 3)"),
        (Sample(PIXELS.tolist(), {}), "an image of type list"),
        (Sample(PIXELS, {"lungs": MASK[1:]}), "mask of 'lungs' that is not boolean or differs"),
        (Sample(PIXELS, {"lungs": PIXELS}), "mask of 'lungs' that is not boolean or differs"),
        (Sample(PIXELS, {"lungs": None}), "mask of 'lungs' that is not boolean or differs"),
        (Sample(PIXELS, None), "raised AttributeError"),
    ],
)
def test_an_image_that_is_none_is_refused_with_the_extension_when_it_is_read(card, sample, words):
    register_reader(Hospital(sample=sample))
    dataset = load_dataset(card())
    error = refusal(lambda: dataset.read(2), f"the data set reader 'hospital' of {ME}", words)
    assert "secret" not in str(error)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("colour", [False, True])
def test_images_of_the_documented_kinds_are_read(card, kind, colour):
    image = np.zeros((5, 6, 3) if colour else (5, 6), kind)
    register_reader(Hospital(sample=Sample(image, {"lungs": MASK})))
    dataset = load_dataset(card())
    if colour and kind is np.uint16:
        refusal(lambda: dataset.read(0))
    else:
        assert dataset.read(0).image is image


def test_an_image_without_the_mask_of_a_roi_is_a_bad_image(card):
    register_reader(Hospital(sample=Sample(PIXELS, {"heart": MASK})))
    dataset = load_dataset(card())
    with pytest.raises(BadImage) as caught:
        dataset.read(4)
    assert caught.value.what == "row 5: the image has no mask of lungs"
    assert 'on_bad_image = "exclude"' in caught.value.remedy


def test_a_bad_image_of_an_extension_stays_one(card):
    register_reader(Hospital(sample=BadImage("row 1: torn", "scan it again")))
    with pytest.raises(BadImage, match="torn"):
        load_dataset(card()).read(0)


@dataclass(frozen=True)
class Particular(Hospital):
    """Its card needs a key, and its answers may be wrong."""

    answer: Any = None

    def check(self, card):
        if isinstance(self.answer, Exception):
            raise self.answer

    def regions(self, card):
        return {}["lungs"] if self.answer is None else self.answer


def test_a_card_that_lacks_what_an_extension_needs_is_refused_with_the_file(card):
    register_reader(Particular(answer=ValueError("'root' must name a PACS")))
    error = refusal(card, "'root' must name a PACS")
    assert "d.toml" in error.what
    assert ME not in error.what, "the card is wrong, not the extension"


def test_a_check_that_breaks_is_blamed_on_its_extension(card):
    register_reader(Particular(answer=IndexError("tuple")))
    refusal(card, f"the data set reader 'hospital' of {ME} raised IndexError: tuple")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "raised KeyError"),
        ("lungs", "does not return names of regions"),
        (7, "does not return names of regions"),
        ({"lungs", 7}, "does not return names of regions"),
    ],
)
def test_regions_that_are_none_are_blamed_on_the_extension(card, answer, words):
    register_reader(Particular(answer=answer))
    refusal(lambda: region_names(card()), f"the data set reader 'hospital' of {ME} {words}")


# Registering


def test_a_taken_name_is_refused_with_both_who_want_it(extension):
    taken = EXTENSION.replace('"archive"', '"manifest"')
    before = READERS["manifest"]
    refusal(
        lambda: extension(text=taken),
        "radiology registers the data set reader 'manifest', but audit-suite already has one",
        "rename it in radiology",
    )
    extension()
    refusal(
        lambda: extension("oncology"),
        "oncology registers the data set reader 'archive', but radiology already has one",
    )
    assert READERS["manifest"] is before
    assert READERS.origin("archive") == "radiology"


def test_a_notebooks_cell_may_be_repeated(card):
    register_reader(Hospital())
    again = register_reader(Hospital(cases=cases(4)))
    assert READERS["hospital"] is again
    assert len(load_dataset(card()).cases) == 4


class Half:
    name = "half"

    def read(self, card):
        return None


@pytest.mark.parametrize(
    ("reader", "words"),
    [
        (Hospital, "it is a class"),
        (None, "it has no check, name, needed_files, optional_files, read"),
        (Half(), "it has no check, needed_files, optional_files, region_advice, regions, selects"),
        (Hospital(name="Two Words"), "its name is not a word of lower-case letters"),
        (Hospital(name=""), "its name is not a word"),
        (Hospital(name=3), "its name is not a word"),
        (Hospital(needed_files="labels"), "its needed_files is not a collection of names"),
        (Hospital(needed_files=None), "its needed_files is not a collection of names"),
        (Hospital(optional_files={1}), "its optional_files is not a collection of names"),
    ],
)
def test_what_is_not_a_reader_is_refused_with_who_registers_it(reader, words):
    before = set(READERS)
    error = refusal(lambda: register_reader(reader), f"{ME} registers", "data set reader", words)
    assert "inherits from Reader" in error.remedy
    assert set(READERS) == before


def test_a_method_that_cannot_be_called_is_refused():
    reader = Hospital()
    object.__setattr__(reader, "regions", ("lungs",))
    refusal(lambda: register_reader(reader), "its regions cannot be called")


def test_a_reader_without_read_cannot_be_made():
    class Nothing(Reader):
        name = "nothing"

    with pytest.raises(TypeError, match="read"):
        Nothing()

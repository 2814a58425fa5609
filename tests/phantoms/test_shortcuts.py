"""Shortcuts are registered, and one that misbehaves is named with the extension it comes from."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys

import numpy as np
import pytest

from audit_suite.cards import DatasetCard, PhantomSpec, ShortcutSpec
from audit_suite.datasets import load_dataset
from audit_suite.errors import AuditError
from audit_suite.phantoms import TARGETS, cohort, register_shortcut, render
from audit_suite.phantoms import shortcuts as package
from audit_suite.phantoms.shortcut import plant_shortcut
from audit_suite.registry import SHIPPED

NAMES = {
    "border",
    "burned_in_text",
    "corner_marker",
    "device_wire",
    "exposure",
    "framing",
    "mask_size",
    "roi_artefact",
    "scanner_noise",
}
IMAGE = np.full((16, 16), 100, np.uint8)
REGIONS = {"lungs": np.eye(16, dtype=bool)}


def register_from(extension, name, shortcut):
    """Register a shortcut as a module of that name does."""
    exec(
        compile("register_shortcut(name, shortcut)", f"/{extension}.py", "exec"),
        {
            "__name__": extension,
            "register_shortcut": register_shortcut,
            "name": name,
            "shortcut": shortcut,
        },
    )


def planted(name, image=IMAGE):
    return plant_shortcut(name, image, REGIONS, np.random.default_rng(0), 1.0)


def test_the_shipped_ones_are_one_file_each(shortcuts):
    assert set(shortcuts) == NAMES
    assert {module.name for module in pkgutil.iter_modules(package.__path__)} == NAMES
    for name in NAMES:
        module = importlib.import_module(f"{package.__name__}.{name}")
        assert inspect.getmodule(shortcuts[name]) is module
        assert shortcuts.origin(name) == SHIPPED


@pytest.mark.parametrize("name", sorted(NAMES - {"mask_size", "roi_artefact"}))
def test_the_shipped_ones_leave_regions_alone(name):
    _, regions = planted(name)
    assert regions == REGIONS


def test_looking_one_up_imports_neither_torch_nor_pytest():
    code = (
        "import sys; from audit_suite.phantoms import get_shortcut; get_shortcut('border'); "
        "sys.exit(bool({'torch', 'pytest'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_same_module_and_the_same_callable_may_register_again(shortcuts):
    def one(image, regions, rng, strength):
        return image

    register_from("audit_one", "stripe", one)
    register_from("audit_one", "stripe", lambda *all_: one(*all_))
    assert shortcuts["stripe"] is not one
    latest = shortcuts["stripe"]
    register_from("audit_two", "stripe", latest)
    assert shortcuts["stripe"] is latest
    assert shortcuts.origin("stripe") == "audit_one", "who registered it first answers for it"


@pytest.mark.parametrize("name", ["border", "stripe"])
def test_a_taken_name_is_refused_naming_both(shortcuts, name):
    register_from("audit_one", "stripe", lambda image, *_: image)
    owner = {"border": SHIPPED, "stripe": "audit_one"}[name]
    with pytest.raises(AuditError) as caught:
        register_from("audit_two", name, lambda image, *_: 255 - image)
    assert (
        f"audit_two registers the shortcut '{name}', but {owner} already has one"
        in caught.value.what
    )


def test_what_is_not_callable_is_refused(shortcuts):
    with pytest.raises(
        AuditError, match="audit_one registers the shortcut 'stripe': 3 is not callable"
    ):
        register_from("audit_one", "stripe", 3)
    assert "stripe" not in shortcuts


def test_a_card_that_names_an_unknown_one_lists_those_of_extensions(shortcuts):
    register_from("audit_one", "stripe", lambda image, *_: image)
    spec = PhantomSpec(kind="cxr", patients=2, shortcuts=(ShortcutSpec(name="sticker"),))
    with pytest.raises(AuditError, match="no shortcut 'sticker'") as caught:
        cohort(spec, (TARGETS["cxr"],))
    known = caught.value.remedy.partition("; ")[0].removeprefix("known: ").split(", ")
    assert known == sorted(NAMES | {"stripe"})
    assert "pytest_audit_register_shortcuts" in caught.value.remedy


def raising(image, regions, rng, strength):
    raise ValueError("no lungs")


@pytest.mark.parametrize(
    ("shortcut", "problem"),
    [
        (raising, "raised ValueError: no lungs"),
        (lambda image: image, "raised TypeError"),
        (lambda image, *_: (image, None), "raised TypeError"),
        (lambda image, *_: (image, {}, 0), "raised ValueError"),
        (lambda image, *_: None, "returned NoneType for an image of uint8"),
        (lambda image, *_: image / 255, "returned float64"),
        (lambda image, *_: image[:, :-1], r"returned uint8 \(64, 63\)"),
        (lambda image, *_: (image[:1], {}), r"returned uint8 \(1, 64\)"),
    ],
)
def test_one_that_misbehaves_is_named(shortcuts, shortcut, problem):
    register_from("audit_one", "stripe", shortcut)
    spec = PhantomSpec(
        kind="cxr", patients=8, size=64, shortcuts=(ShortcutSpec(name="stripe", agreement=1.0),)
    )
    sick = next(case for case in cohort(spec, (TARGETS["cxr"],)) if case.planted[0])
    with pytest.raises(AuditError, match=f"the shortcut 'stripe' of audit_one {problem}") as caught:
        render(spec, sick)
    assert "stored evidence is kept" in caught.value.remedy


def test_an_error_of_its_own_passes_as_it_is(shortcuts):
    def demanding(*_):
        raise AuditError("the card needs 'lungs'", "add it")

    register_from("audit_one", "stripe", demanding)
    with pytest.raises(AuditError, match="the card needs 'lungs'"):
        planted("stripe")


def test_an_edited_shortcut_of_an_extension_makes_another_data_set(
    shortcuts, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    card = DatasetCard.model_validate(
        {
            "schema": 1,
            "name": "d",
            "reader": "phantom",
            "targets": {"consolidation": {"roi": ["lungs"]}},
            "phantom": {"kind": "cxr", "patients": 4, "shortcuts": [{"name": "stamp"}]},
        }
    )
    digests = []
    for level in (1, 2):
        text = f"def stamp(image, regions, rng, strength):\n    return image + {level}\n"
        (tmp_path / f"stamp_{level}.py").write_text(text)
        stamp = importlib.import_module(f"stamp_{level}").stamp
        monkeypatch.delitem(shortcuts._entries, "stamp", raising=False)
        register_from(f"stamp_{level}", "stamp", stamp)
        digests.append(load_dataset(card).digest)
    assert len(set(digests)) == 2

"""Open registries: what is known by name, who brought it, and who is to blame."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import pkgutil
import subprocess
import sys
import textwrap
from importlib.metadata import EntryPoint

import pytest

from audit_suite import registry
from audit_suite.changes import Change
from audit_suite.errors import AuditError
from audit_suite.registry import (
    CAUSES,
    EXECUTORS,
    EXPLAINERS,
    FILLS,
    LOADERS,
    READERS,
    SECTIONS,
    SHIPPED,
    Registry,
)
from audit_suite.verdict import Inconclusive, NotApplicable

ALL = (FILLS, LOADERS, READERS, EXPLAINERS, CAUSES, SECTIONS, EXECUTORS)


@pytest.fixture
def things() -> Registry[object]:
    """A registry of its own, whose shipped things are the fills' files."""
    return Registry("thing", "audit_suite.maskings.fills")


def register_as(origin: str, things: Registry[object], name: str, thing: object) -> object:
    """Register from a module of another name, in a file of its own."""
    code = compile("result = things.register(name, thing)", f"/{origin}.py", "exec")
    scope = {"__name__": origin, "things": things, "name": name, "thing": thing}
    exec(code, scope)
    return scope["result"]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.kind)
def test_shipped_things_register_through_the_door_that_others_use(kind):
    shipped = [name for name in kind if kind.origin(name) == SHIPPED]
    files = list(pkgutil.iter_modules(importlib.import_module(kind._package).__path__))
    assert len(shipped) == len(files) > 1, "one file, one thing"
    assert {kind.fingerprint(name) for name in shipped} == {""}


def test_a_thing_is_found_by_its_name_and_an_unknown_one_lists_what_is_known(things):
    register_as("mine", things, "alpha", 1)
    register_as("mine", things, "beta", 2)
    assert things.find("alpha") == 1
    assert "alpha" in things
    assert "gamma" not in things
    with pytest.raises(AuditError) as error:
        things.find("gamma", "card.toml: key 'thing'", "install one")
    assert error.value.what == "card.toml: key 'thing': there is no thing 'gamma'"
    assert error.value.remedy == "known: alpha, beta; install one"


def test_a_taken_name_is_refused_and_both_are_named(things):
    register_as("mine", things, "alpha", 1)
    with pytest.raises(
        AuditError, match=r"yours registers the thing 'alpha', but mine already has one"
    ):
        register_as("yours", things, "alpha", 2)
    assert things["alpha"] == 1


def test_a_module_may_register_its_name_again_and_anybody_the_same_thing(things):
    thing = object()
    register_as("mine", things, "alpha", 1)
    register_as("mine", things, "alpha", thing)
    assert things["alpha"] is thing
    register_as("yours", things, "alpha", thing)
    assert things.origin("alpha") == "mine"


def test_what_an_extension_raises_names_it_but_verdicts_pass(things):
    register_as("mine", things, "alpha", 1)
    with pytest.raises(AuditError) as error, things.blaming("alpha"):
        raise ZeroDivisionError("by zero")
    assert "the thing 'alpha' of mine raised ZeroDivisionError: by zero" in error.value.what
    assert "stored evidence is kept" in error.value.remedy
    for verdict in (NotApplicable("n"), Inconclusive("i"), AuditError("a", "b")):
        with pytest.raises(type(verdict)) as raised, things.blaming("alpha"):
            raise verdict
        assert raised.value is verdict


def test_what_a_shipped_thing_raises_stays_as_it_is():
    with pytest.raises(ZeroDivisionError), FILLS.blaming("black"):
        raise ZeroDivisionError


def test_the_fingerprint_is_of_its_own_file_though_another_conftest_took_its_name(things, tmp_path):
    prints = {}
    for folder in ("audits", "project", "audits"):
        file = tmp_path / folder / "conftest.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"def thing(): ...\nclass Thing:\n    def call(self): {folder!r}\n")
        spec = importlib.util.spec_from_file_location("conftest", file)
        module = importlib.util.module_from_spec(spec)
        with pytest.MonkeyPatch.context() as patched:
            patched.setitem(sys.modules, "conftest", module)
            spec.loader.exec_module(module)
        for name, thing in (("f", module.thing), ("c", module.Thing())):
            things._entries.pop(name, None)
            register_as("conftest", things, name, thing)
            prints.setdefault(folder, set()).add(things.fingerprint(name))
    assert [len(each) for each in prints.values()] == [1, 1], "a function's and a class's"
    assert prints["audits"] != prints["project"]


def test_the_fingerprint_of_an_extension_follows_its_source(things, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    prints = []
    for number in (1, 2):
        name = f"fingerprinted_{number}"
        (tmp_path / f"{name}.py").write_text(f"class Thing:\n    number = {number}\n")
        thing = __import__(name).Thing()
        register_as(name, things, name, thing)
        prints.append(things.fingerprint(name))
    assert len(set(prints)) == 2
    assert all(len(each) == 64 for each in prints)


def _installed(monkeypatch, tmp_path, body):
    """Pretend that a package with one entry point of the extensions' group is installed."""
    name = f"extension_{abs(hash(body))}"
    (tmp_path / f"{name}.py").write_text(textwrap.dedent(body))
    monkeypatch.syspath_prepend(tmp_path)
    entry = EntryPoint("tidy", name, registry.GROUP)
    monkeypatch.setattr(registry, "_installed", lambda: (entry,))
    return name


def test_an_entry_point_is_loaded_and_its_things_carry_its_name(monkeypatch, tmp_path, things):
    name = _installed(
        monkeypatch,
        tmp_path,
        """
        THINGS = []
        def late(things):
            things.register("alpha", 1)
        """,
    )
    registry.load_extensions()
    assert name in sys.modules
    # While it is loaded, whatever registers is the extension's.
    monkeypatch.setattr(registry, "_loading", ["extension 'tidy'"])
    register_as("deep.inside.it", things, "alpha", 1)
    assert things.origin("alpha") == "extension 'tidy'"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        (
            "from audit_suite.errors import AuditError\nraise AuditError('it is full', 'empty it')",
            "cannot be loaded: it is full",
        ),
        (
            "from dataclasses import dataclass\nfrom audit_suite.extend import Fill, register_fill\n"
            "@dataclass(frozen=True)\nclass Mine(Fill):\n    name = 'black'\n"
            "    def __call__(self, visible, hidden, around):\n        return visible\n"
            "register_fill(Mine())",
            "registers the fill 'black', but audit-suite already has one with that name",
        ),
    ],
)
def test_an_extension_that_cannot_be_loaded_is_named(monkeypatch, tmp_path, body, said):
    _installed(monkeypatch, tmp_path, body)
    for _ in range(2):  # every time it is asked, not just the first
        with pytest.raises(AuditError) as error:
            registry.load_extensions()
        assert "extension 'tidy'" in error.value.what
        assert said in error.value.what
        assert "uninstall" in error.value.remedy
    assert FILLS.origin("black") == SHIPPED


def test_looking_names_up_imports_no_torch():
    code = (
        "import sys\nfrom audit_suite import registry as r\n"
        "[list(k) for k in (r.FILLS, r.LOADERS, r.READERS, r.EXPLAINERS, r.CAUSES, r.SECTIONS)]\n"
        "import audit_suite.extend\n"
        "print(sorted({'torch', 'shap', 'sklearn', 'pytest'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_holds_functions_is_known_by_their_files(things, tmp_path, monkeypatch):
    """An edited function of a `Change` or `Editor` must not be answered from the store."""
    (tmp_path / "mine.py").write_text("def apply(picture, scene):\n    return picture\n")
    monkeypatch.syspath_prepend(tmp_path)
    held = Change("odd", "", "none", importlib.import_module("mine").apply)
    register_as("mine", things, "odd", held)
    before = things.fingerprint("odd")
    assert before == hashlib.sha256((tmp_path / "mine.py").read_bytes()).hexdigest()
    (tmp_path / "mine.py").write_text("def apply(picture, scene):\n    return picture / 2\n")
    assert things.fingerprint("odd") != before

"""The command line: what each command promises, and what a user's mistake looks like."""

from __future__ import annotations

import json
import pkgutil
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from cards import bright_project
from safetensors import safe_open
from typer.main import get_command
from typer.testing import CliRunner

import audit_suite.cli
from audit_suite import registry
from audit_suite.cli import app, main
from audit_suite.readings import Key, Readings, read_form
from audit_suite.record import Record, load_record

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "reports" / "examples" / "audit.json"

RECIPE = """
kind = "reference"
architecture = "audit_suite.models.small_cnn:small_cnn"
arguments = { outputs = 1, width = 2 }
epochs = 1
batch_size = 16
[[data]]
roi = ["lungs"]
phantom = { kind = "cxr", patients = 20, size = 32, shortcuts = [{ name = "border" }] }
[[models]]
output = "weights/tiny.safetensors"
agreement = 0.5
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with a model, a data set and a recipe."""
    bright_project(tmp_path, patients=60)
    (tmp_path / "recipe.toml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: object) -> str:
    """What a command prints; it must succeed."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def mistake(capsys, monkeypatch, *arguments: object) -> list[str]:
    """The lines a command writes to stderr when it ends with exit code 2."""
    monkeypatch.setattr(sys, "argv", ["audit-suite", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    return capsys.readouterr().err.splitlines()


def commands():
    """Every command by its name in full: ``readers export``."""
    named = {}
    for name, command in get_command(app).commands.items():
        if getattr(command, "invoke_without_command", False):
            named[name] = command
        for sub, inner in getattr(command, "commands", {"": command}).items():
            named[f"{name} {sub}".strip()] = inner
    return named


def test_each_module_is_one_command():
    modules = {module.name for module in pkgutil.iter_modules(audit_suite.cli.__path__)} - {"root"}
    assert {name.replace(" ", "_") for name in commands()} == modules


@pytest.mark.parametrize("name", commands())
def test_help_reads_in_sentences_and_leaves_nothing_out(name):
    command = commands()[name]
    first = command.help.split("\n\n")[0]
    assert first[0].isupper()
    assert first.endswith(".")
    assert len(first) <= 88, "one line of source"
    for parameter in command.params:
        if parameter.name != "help":
            assert parameter.help[0].isupper() or parameter.name == "decision", parameter.name
            assert parameter.help.endswith("."), parameter.name
    assert first.split()[0] in run(*name.split(), "--help")


def test_summary_is_markdown():
    text = run("summary", RECORD)
    record = load_record(RECORD)
    assert text.startswith("## ")
    assert all(f.title in text for f in record.findings if f.verdict in ("fail", "error"))


def test_schema_validates_the_published_example():
    assert json.loads(run("schema")) == Record.model_json_schema()


def test_train_writes_the_weights_of_a_recipe_where_it_is_asked(here):
    assert run("train", "recipe.toml", "--out", "made").splitlines()[-1] == (
        "weights: made/tiny.safetensors"
    )
    with safe_open(here / "made" / "tiny.safetensors", "pt") as weights:
        assert weights.keys()


def test_train_hands_a_study_its_options(here, monkeypatch):
    calls = []

    def train_study(recipe, out, progress, jobs, device):
        calls.append((recipe.path.name, out, jobs, device))
        return [Path("a.toml")]

    monkeypatch.setattr("audit_suite.training.train_study", train_study)
    recipe = ROOT / "model_zoo" / "recipes" / "phantom-masking-study.toml"
    assert run("train", recipe, "--out", "o", "--jobs", 3, "--device", "cpu") == "card: a.toml\n"
    assert calls == [(recipe.name, Path("o"), 3, "cpu")]


def test_readers_export_then_import(here, capsys, monkeypatch):
    shown = run(
        "readers", "export", "--model", "model.toml", "--dataset", "data.toml", "--out", "packs",
        "--readers", 2, "--precision", 0.4, "--masking", "full", "--device", "cpu",
    )  # fmt: skip
    key = read_form(Path("packs.key.json"), Key, "key")
    assert f"{len(key.items)} items per reader" in shown
    assert {path.name for path in Path("packs").iterdir()} == {"reader-1", "reader-2"}
    assert {item.masking for item in key.items.values()} == {"full"}

    def answers(present: bool) -> Path:
        rating = {"consolidation": {"present": present, "confidence": 3}}
        content = {
            "schema": 1,
            "pack": key.packs["reader-2"],
            "reader": "reader-2",
            "about": {"name": "A", "role": "radiologist", "years": 3},
            "answers": [{"code": code, "found": rating, "on": "2026-03-01"} for code in key.items],
        }
        Path("answers.json").write_text(json.dumps(content))
        return Path("answers.json")

    merge = ("readers", "import", "answers.json", "--key", "packs.key.json", "--out", "all.json")
    answers(present=True)
    assert run(*merge).splitlines() == [
        f"reader-2: {len(key.items)} of {len(key.items)} items answered, 0 cannot be read",
        "readings: all.json",
    ]
    answers(present=False)
    assert "--replace" in mistake(capsys, monkeypatch, *merge)[1]
    run(*merge, "--replace")
    (reading,) = read_form(Path("all.json"), Readings, "readings").readings
    assert not any(answer.found["consolidation"].present for answer in reading.answers)


@pytest.mark.parametrize(
    "arguments",
    [
        ("render", "none.json", "--out", "a.html"),
        ("render", RECORD, "--out", "."),
        ("sign", "none.json", "--name", "a", "--role", "b", "--decision", "rejected"),
        ("sign", RECORD, "--name", "a", "--role", "b", "--decision", "perhaps"),
        ("summary", "none.json"),
        ("train", "none.toml"),
        ("train", "model.toml"),
        ("train", "recipe.toml", "--out", "net.py"),
        ("readers", "export", "--model=none.toml", "--dataset=data.toml", "--out=packs"),
        ("readers", "export", "--model=model.toml", "--dataset=none.toml", "--out=packs"),
        ("readers", "import", "none.json", "--key", "none.json", "--out", "o.json"),
    ],
)
def test_a_mistake_is_two_lines(here, capsys, monkeypatch, arguments):
    what, remedy = mistake(capsys, monkeypatch, *arguments)
    assert what.startswith("audit-suite: ")
    assert remedy.startswith("  -> ")


def test_an_unknown_device_is_refused_before_anything_is_read(here, capsys, monkeypatch):
    lines = mistake(capsys, monkeypatch, "train", "none.toml", "--device", "gpu")
    assert "'--device'" in lines[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "recipe.toml"),
        ("readers", "export", "--model=model.toml", "--dataset=data.toml", "--out=packs"),
    ],
)
def test_extensions_are_loaded_before_cards_are_read(here, capsys, monkeypatch, arguments):
    (here / "broken_extension.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(here)
    entry = EntryPoint("tidy", "broken_extension", registry.GROUP)
    monkeypatch.setattr(registry, "_installed", lambda: (entry,))
    what, remedy = mistake(capsys, monkeypatch, *arguments)
    assert "extension 'tidy' cannot be loaded: ZeroDivisionError" in what
    assert "uninstall" in remedy

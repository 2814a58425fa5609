"""The ledger: a chain that shows what was edited, cut or forked, and counts looks by patients."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from audit_suite.cli import app
from audit_suite.errors import AuditError
from audit_suite.releases.ledger import Judged, Line, append, read_ledger, refuse_unwritable
from audit_suite.releases.looks import count_looks, ordinal
from audit_suite.releases.patients import SECRET, Patients, secret_of, share_known, sketch

SALT = b"a secret"
HASH_BEFORE_LOOKS = "a36810a04e8359779d0df0385369b83dc0d927aebab917397b867e3a72186f0a"
"""Of the first entry of `path`, by the release that did not note looks."""


def people(first, last):
    return sketch((f"patient-{n}" for n in range(first, last)), SALT)


def entry(model="m", patients=None, data="d", margins="x", looks=None):
    return Line(
        number=0,
        time="2026-11-27T06:00:00+00:00",
        models=(Judged(name=model, digest=model * 8),),
        datasets=(Judged(name=data, digest=data * 8, patients=patients),),
        policy="p",
        margins=margins,
        looks=looks,
        decision="open",
        record=f"record of {model}",
        previous="",
    )


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "ledger.jsonl"
    for model in "abcd":
        append(path, entry(model))
    return path


def lines(path):
    return path.read_text().splitlines(keepends=True)


def test_a_whole_ledger_has_no_problem(path):
    ledger = read_ledger(path)
    assert not ledger.problems
    assert [each.number for each in ledger.entries] == [1, 2, 3, 4]
    assert not read_ledger(path.with_name("none.jsonl")).entries


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda whole: [whole[0], whole[1].replace('"open"', '"closed"'), *whole[2:]],
            "line 2 was edited: its hash",
        ),
        (lambda whole: [whole[0], *whole[2:]], "lines were cut out before line 2"),
        (lambda whole: whole[1:], "its beginning was cut off"),
        (lambda whole: [whole[1], whole[0], *whole[2:]], "its beginning was cut off"),
        (lambda whole: [*whole[:2], "{}\n", *whole[3:]], "line 3 is not an entry"),
        (lambda whole: [*whole[:3], whole[3][:40]], "line 4 is incomplete: a run was stopped"),
        (lambda whole: [*whole, whole[3]], "it is forked: lines 4 and 5 both continue line 3"),
    ],
)
def test_what_was_done_to_it_is_said_and_nothing_is_added(path, spoil, said):
    path.write_text("".join(spoil(lines(path))))
    before = path.read_bytes()
    assert any(said in problem for problem in read_ledger(path).problems)
    with pytest.raises(AuditError, match="is broken"):
        append(path, entry("e"))
    assert path.read_bytes() == before
    shown = CliRunner().invoke(app, ["ledger", str(path)])
    assert shown.exit_code == 1
    assert said in shown.output


def test_two_copies_that_went_on_apart_are_a_fork_when_they_are_joined(path):
    other = path.with_name("copy.jsonl")
    other.write_bytes(path.read_bytes())
    append(path, entry("e"))
    append(other, entry("f"))
    path.write_text(path.read_text() + lines(other)[-1])
    assert read_ledger(path).problems == ["it is forked: lines 5 and 6 both continue line 4"]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_changed_byte_is_seen(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("ledger") / "l"
    for model in "ab":
        append(path, entry(model, people(0, 3)))
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 2))
    new = data.draw(st.integers(33, 126).filter(lambda byte: byte != content[place]))
    content[place] = new
    path.write_bytes(content)
    assert read_ledger(path).problems


def test_that_its_end_was_cut_the_last_record_shows(path, tmp_path):
    from report.example import example

    record = example()
    record.save(tmp_path / "audit.json")
    append(path, entry("z").model_copy(update={"record": record.digest}))
    command = ["ledger", str(path), "--record", str(tmp_path / "audit.json")]
    assert CliRunner().invoke(app, command).exit_code == 0
    path.write_text("".join(lines(path)[:-1]))
    shown = CliRunner().invoke(app, command)
    assert shown.exit_code == 1
    assert "audit.json is missing: the ledger was cut" in shown.output


def _add(path, model):
    append(path, entry(model))


def test_runs_at_once_do_not_fork_it(tmp_path):
    path = tmp_path / "ledger.jsonl"
    context = multiprocessing.get_context("fork")
    runs = [context.Process(target=_add, args=(path, letter)) for letter in "abcdef"]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    ledger = read_ledger(path)
    assert not ledger.problems
    assert {each.models[0].name for each in ledger.entries} == set("abcdef")


@pytest.mark.parametrize("what", ["a file in place of its folder", "a folder in its place"])
def test_where_nothing_can_be_written_that_is_said(tmp_path, what):
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / "ledger" if what.startswith("a file") else tmp_path
    for attempt in (lambda: append(place, entry()), lambda: refuse_unwritable(place)):
        with pytest.raises(AuditError, match=r"cannot be (read|written)"):
            attempt()


def test_the_command_needs_a_ledger_and_lists_it(path, capsys):
    shown = CliRunner().invoke(app, ["ledger", str(path)])
    assert shown.exit_code == 0
    assert "4 2026-11-27T06:00:00+00:00 open: d is the 4th model" in shown.output
    assert "4 entries" in shown.output
    missing = CliRunner().invoke(app, ["ledger", str(path.with_name("none"))])
    assert isinstance(missing.exception, AuditError)


@pytest.mark.parametrize(
    ("now", "before", "share"),
    [
        ((0, 200), (0, 200), 1),
        ((0, 200), (100, 300), 0.5),
        ((0, 100), (0, 250), 1),
        ((0, 9), (9, 20), 0),
    ],
)
def test_the_share_of_few_patients_is_exact(now, before, share):
    assert share_known(people(*now), people(*before)) == share


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.7, 1.0])
def test_the_share_of_many_is_about_right(share):
    random.seed(3)
    found = []
    for trial in range(20):
        start = trial * 100_000
        now, before = (
            people(start, start + 2000),
            people(start + round(2000 * (1 - share)), start + 5000),
        )
        found.append(share_known(now, before))
    assert sum(found) / 20 == pytest.approx(share, abs=0.03)
    assert all(abs(each - share) < 0.2 for each in found)


def test_a_sketch_holds_no_id_and_needs_the_secret():
    few = sketch(["1001", "1002"], SALT)
    assert "1001" not in few.model_dump_json()
    assert share_known(few, sketch(["1001", "1002"], b"another")) == 0
    other = few.model_copy(update={"secret": sketch([], b"another").secret})
    assert share_known(few, other) == 0
    assert isinstance(few, Patients)


def test_the_secret_is_made_once_for_its_owner_alone_and_found_from_below(tmp_path):
    secret = secret_of(tmp_path)
    file = tmp_path / SECRET
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (tmp_path / "site").mkdir()
    assert secret_of(tmp_path / "site") == secret_of(tmp_path) == secret
    assert secret_of(tmp_path / "gone" / "x") == secret
    assert not (tmp_path / "site" / SECRET).exists()


def test_without_a_place_for_a_secret_there_is_none(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "read-only")

    monkeypatch.setattr(os, "open", refuse)
    assert secret_of(tmp_path) is None


def looks(entries, model, patients, margins="x", data="d"):
    return count_looks(entries, model * 8, entry(model, patients, data).datasets[0], margins)


def test_looks_count_models_on_shared_patients_whatever_the_data_set_is_called():
    entries = [
        entry("a", people(0, 200), "first"),
        entry("b", people(50, 250), "other"),
        entry("c", people(900, 999), "apart"),
        entry("a", people(0, 200), "first", margins="y"),
    ]
    found = looks(entries, "z", people(0, 200), "y", "new")
    assert (found.number, found.changes) == (3, 1)
    assert looks(entries, "z", people(5000, 5100), data="new").number == 1
    assert looks(entries, "z", None, data="first").number == 2, (
        "by digest where patients are unknown"
    )


def test_the_looks_that_count_were_declared_before_the_first():
    """Who declares more afterwards has looked already; who declares fewer keeps to fewer."""
    same = people(0, 9)
    entries = [entry("a", same, margins="x", looks=2), entry("b", same, margins="y", looks=9)]
    found = looks(entries, "c", same, "y")
    assert (found.number, found.declared, found.changes) == (3, 2, 1)
    assert [found.allowed(now) for now in (9, 2, 1)] == [2, 2, 1]
    assert looks(entries, "c", people(50, 60), data="new").allowed(5) == 5, "nobody looked at these"
    old = looks([entry("a", same), entry("b", same, looks=3)], "c", same)
    assert old.allowed(5) == 5, "what an old entry declared is not known"


def test_entries_of_before_looks_were_noted_stay_whole(path):
    """Their hashes are those of the content that they had."""
    assert read_ledger(path).entries[0].hash == HASH_BEFORE_LOOKS
    kept = lines(path)
    append(path, entry("e", looks=5))
    assert not read_ledger(path).problems
    edited = lines(path)[-1].replace('"looks":5', '"looks":9')
    assert edited != lines(path)[-1]
    path.write_text("".join([*kept, edited]))
    assert "was edited" in read_ledger(path).problems[0]


def test_an_audit_that_is_repeated_is_the_same_look():
    entries = [entry(model, people(0, 9)) for model in "abc"]
    first = looks(entries[:1], "b", people(0, 9))
    assert looks(entries, "b", people(0, 9)) == first
    assert looks(entries, "b", people(0, 9), "y").changes == 1
    assert first.sentence("b", "d") == (
        "b is the 2nd model judged on the patients of d; margins unchanged since the first"
    )


def test_ordinals():
    words = [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 102, 111)]
    assert words == ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th"]


def test_lines_are_canonical_json_and_hold_what_the_page_says(path):
    content = json.loads(lines(path)[0])
    assert set(content) == {
        "number",
        "time",
        "models",
        "datasets",
        "policy",
        "margins",
        "decision",
        "record",
        "previous",
        "hash",
    }

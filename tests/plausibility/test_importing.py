"""Answers in: what is refused, what is merged, and that nothing imported is lost."""

from __future__ import annotations

import json

import pytest

from audit_suite.errors import AuditError
from audit_suite.plausibility.importing import import_answers, missing_items
from audit_suite.readings import Key, KeyItem, Pack, PackItem, Question, Readings, read_form

QUESTIONS = (Question(target="sick", text="Consolidation"),)
ITEMS = {
    "aaaaaaaa": KeyItem(index=0, target="sick", masking="full"),
    "bbbbbbbb": KeyItem(index=1, target="sick", masking="without-roi"),
    "cccccccc": KeyItem(index=0, target="sick", masking="full", repeats="aaaaaaaa"),
    "dddddddd": KeyItem(index=0, target="sick", masking="full", method="gradient"),
}


def pack(reader):
    items = tuple(
        PackItem(code=code, kind="map" if item.method else "read", sitting=1)
        for code, item in ITEMS.items()
    )
    return Pack(study="s", reader=reader, title="t", questions=QUESTIONS, items=items)


@pytest.fixture
def study(tmp_path):
    key = Key(
        dataset="d",
        dataset_digest="x",
        model="m",
        questions=QUESTIONS,
        precision=0.1,
        items=ITEMS,
        packs={name: pack(name).digest for name in ("reader-1", "reader-2")},
    )
    (tmp_path / "key.json").write_text(key.model_dump_json(by_alias=True))
    return tmp_path


def found(present=True, confidence=4):
    return {"sick": {"present": present, "confidence": confidence}}


def export(folder, name="a.json", reader="reader-1", answers=None, **changes):
    given = [{"code": "aaaaaaaa", "found": found()}] if answers is None else answers
    content = {"schema": 1, "pack": pack(reader).digest, "reader": reader, "answers": given}
    (folder / name).write_text(json.dumps({**content, **changes}))
    return folder / name


def bring(folder, *paths, **more):
    return import_answers(paths, folder / "key.json", folder / "readings.json", **more)


def test_answers_are_merged_and_their_files_kept(study):
    one, two = export(study), export(study, "b.json", "reader-2")
    _, told = bring(study, one, two)
    readings = read_form(study / "readings.json", Readings, "readings")
    assert [reading.reader for reading in readings.readings] == ["reader-1", "reader-2"]
    assert readings.key.items == ITEMS
    assert told[0] == "reader-1: 1 of 4 items answered, 0 cannot be read, 3 missing"
    assert missing_items(readings.readings[0], readings.key) == ["bbbbbbbb", "cccccccc", "dddddddd"]
    kept = sorted((study / "readings.json.originals").iterdir())
    assert [path.read_bytes() for path in kept] == [one.read_bytes(), two.read_bytes()]


def test_a_second_reader_joins_the_first(study):
    bring(study, export(study))
    merged, _ = bring(study, export(study, "b.json", "reader-2"))
    assert [reading.reader for reading in merged.readings] == ["reader-1", "reader-2"]


def test_further_answers_of_a_reader_are_taken_and_other_ones_refused(study):
    bring(study, export(study))
    more = [{"code": "aaaaaaaa", "found": found()}, {"code": "bbbbbbbb", "unreadable": True}]
    merged, _ = bring(study, export(study, "more.json", answers=more))
    assert len(merged.readings[0].answers) == 2
    other = export(study, "other.json", answers=[{"code": "aaaaaaaa", "found": found(False)}])
    with pytest.raises(
        AuditError, match=r"(?s)differs from what was imported .* 2 items.*--replace"
    ):
        bring(study, other)
    replaced, _ = bring(study, other, replace=True)
    assert replaced.readings[0].answers[0].found["sick"].rating == -4
    assert len(list((study / "readings.json.originals").iterdir())) == 3, "nothing is thrown away"


def test_importing_a_file_again_changes_nothing(study):
    path = export(study)
    bring(study, path)
    before = (study / "readings.json").read_bytes()
    bring(study, path)
    assert (study / "readings.json").read_bytes() == before


BAD = {
    "no JSON": (lambda s: (s / "a.json").write_text("{"), "not readable JSON"),
    "not there": (lambda s: (s / "a.json").unlink(), "does not exist"),
    "other file": (
        lambda s: (s / "a.json").write_text("[1]"),
        "not a valid export of a reading pack",
    ),
    "key named": (
        lambda s: export(s, answers=[{"code": "aaaaaaaa", "seconds": -1}]),
        "answers.0.s",
    ),
    "unknown reader": (lambda s: export(s, reader="reader-3"), "'reader-3' has no pack"),
    "changed pack": (lambda s: export(s, pack="0" * 64), "belongs to another pack"),
    "pack of another reader": (
        lambda s: export(s, pack=pack("reader-2").digest),
        "belongs to another pack",
    ),
    "unknown item": (
        lambda s: export(s, answers=[{"code": "zzzzzzzz", "found": found()}]),
        "no item 'zzzzzzzz'",
    ),
    "answered twice": (
        lambda s: export(s, answers=[{"code": "aaaaaaaa", "found": found()}] * 2),
        "are answered twice",
    ),
    "without an answer": (
        lambda s: export(s, answers=[{"code": "aaaaaaaa"}]),
        "does not fit its questions",
    ),
    "another question": (
        lambda s: export(
            s, answers=[{"code": "aaaaaaaa", "found": {"x": {"present": True, "confidence": 1}}}]
        ),
        "does not fit its questions",
    ),
    "confidence": (
        lambda s: export(s, answers=[{"code": "aaaaaaaa", "found": found(confidence=6)}]),
        "confidence",
    ),
    "a map without its rating": (
        lambda s: export(s, answers=[{"code": "dddddddd"}]),
        "does not fit its questions",
    ),
    "an outline off the picture": (
        lambda s: export(
            s,
            answers=[
                {"code": "aaaaaaaa", "found": found(), "contours": {"sick": [[[0, 0], [2, 0]]]}}
            ],
        ),
        "contours",
    ),
}


@pytest.mark.parametrize("change", BAD)
def test_a_bad_file_is_refused_and_costs_nothing(study, change):
    bring(study, export(study, "good.json", "reader-2"))
    before = (study / "readings.json").read_bytes()
    spoil, message = BAD[change]
    export(study)
    spoil(study)
    with pytest.raises(AuditError, match=message) as caught:
        bring(study, export(study, "good.json", "reader-2"), study / "a.json")
    assert "a.json" in str(caught.value)
    assert (study / "readings.json").read_bytes() == before
    assert len(list((study / "readings.json.originals").iterdir())) == 1
    assert not list(study.glob("*.tmp"))


def test_two_files_of_one_reader_are_not_guessed_between(study):
    with pytest.raises(AuditError, match="are both of reader 'reader-1'"):
        bring(study, export(study), export(study, "b.json"))


def test_another_studys_readings_are_left_alone(study):
    bring(study, export(study))
    key = read_form(study / "key.json", Key, "key")
    other = key.model_copy(update={"model": "other"})
    (study / "other.json").write_text(other.model_dump_json(by_alias=True))
    with pytest.raises(AuditError, match="readings of another study"):
        import_answers([export(study)], study / "other.json", study / "readings.json")

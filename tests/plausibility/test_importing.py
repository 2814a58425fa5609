"""Answers in: what is refused, what is merged, and that nothing imported is lost."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from audit_suite.cli import app
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
    return import_answers(paths, [folder / "key.json"], folder / "readings.json", **more)


def test_answers_are_merged_and_their_files_kept(study):
    one, two = export(study), export(study, "b.json", "reader-2")
    _, told = bring(study, one, two)
    readings = read_form(study / "readings.json", Readings, "readings")
    assert [reading.reader for reading in readings.readings] == ["reader-1", "reader-2"]
    assert readings.key.items == ITEMS
    assert told[0] == (
        "reader-1: 1 of 4 items answered, 0 cannot be read, 3 missing, without name, role and years"
    )
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
        import_answers([export(study)], [study / "other.json"], study / "readings.json")


# --- who read ---


ABOUT = {"name": "A. Reader", "role": "radiologist", "years": 12}


def test_who_read_is_kept_and_described_without_the_name(study):
    merged, (told,) = bring(study, export(study, about=ABOUT))
    (reading,) = merged.readings
    assert reading.about.name == "A. Reader"
    assert reading.described == "reader-1 (radiologist, 12 years)"
    assert "without name" not in told
    assert "A. Reader" not in told


@pytest.mark.parametrize("change", [{"name": ""}, {"years": -1}, {"role": "x" * 101}, {"age": 3}])
def test_who_read_is_checked(study, change):
    with pytest.raises(AuditError, match=f"about.{next(iter(change))}"):
        bring(study, export(study, about=ABOUT | change))


# --- wash-out ---


def looks(*days):
    """Image 0 in full, then again under another masking, then in full for the second time."""
    codes = ("aaaaaaaa", "bbbbbbbb", "cccccccc")
    return [
        {"code": code, "found": found(), "on": f"2026-03-{day:02}"}
        for code, day in zip(codes, days, strict=True)
    ]


def with_washout(study, days):
    key = read_form(study / "key.json", Key, "key")
    items = key.items | {"bbbbbbbb": key.items["bbbbbbbb"].model_copy(update={"index": 0})}
    key = key.model_copy(update={"washout_days": days, "items": items})
    (study / "key.json").write_text(key.model_dump_json(by_alias=True))
    return study


def test_an_image_is_seen_again_only_after_the_wash_out(study):
    with_washout(study, 14)
    merged, _ = bring(study, export(study, answers=looks(1, 15, 1)))
    assert len(merged.readings) == 1, "the repeat in the same sitting is free of it"
    soon = export(study, "b.json", "reader-2", answers=looks(1, 14, 20))
    with pytest.raises(AuditError, match=r"(?s)after 13 days, .*wash-out is 14.*--short-washout"):
        bring(study, soon)
    _, told = bring(study, soon, short_washout=True)
    assert "wash-out of 13 instead of 14 days" in told[1]


def test_answers_without_a_date_cannot_be_checked(study):
    answers = looks(1, 15, 1)
    del answers[1]["on"]
    with_washout(study, 0)
    bring(study, export(study, answers=answers))
    with_washout(study, 1)
    (study / "readings.json").unlink()
    with pytest.raises(AuditError, match="'bbbbbbbb' has no date"):
        bring(study, export(study, answers=answers))


# --- several packs ---


def other_pack(study, name="south", **changes):
    """A pack of other images of the same study, with a reader of the same name."""
    folder = study / name
    folder.mkdir()
    items = {f"{name[:3]}aaaaa": KeyItem(index=5, target="sick", masking="full")}
    content = {"dataset": "d", "dataset_digest": "x", "model": "m", "questions": QUESTIONS}
    content |= {"precision": 0.1, "items": items, "packs": {"reader-1": "5" * 64}} | changes
    key = Key(**content)
    path = study / f"{name}.key.json"
    path.write_text(key.model_dump_json(by_alias=True))
    answers = [{"code": code, "found": found()} for code in items]
    return path, export(study, f"{name}.json", answers=answers, pack="5" * 64)


def test_readers_of_several_packs_are_one_study(study):
    north = (study / "key.json").rename(study / "north.key.json")
    south, of_south = other_pack(study)
    merged, told = import_answers(
        [export(study), of_south], [north, south], study / "readings.json"
    )
    assert [reading.reader for reading in merged.readings] == ["north-reader-1", "south-reader-1"]
    assert told[1].startswith("south-reader-1: 1 of 1 items answered")
    assert len(merged.key.items) == 5
    assert merged.key.items_of("north-reader-2") == set(ITEMS)
    assert merged.key.items_of("south-reader-1") == {"souaaaaa"}
    assert missing_items(merged.readings[1], merged.key) == []
    before = (study / "readings.json").read_bytes()
    import_answers([of_south], [north, south], study / "readings.json")
    assert (study / "readings.json").read_bytes() == before, "the others stay"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset_digest": "y"}, "south.key.json is of another data set than"),
        ({"questions": (Question(target="x", text="X"),)}, "is of other questions than"),
        ({"items": ITEMS}, "has the item 'aaaaaaaa' of .* is a copy"),
    ],
)
def test_packs_that_do_not_belong_together(study, changes, message):
    south, _ = other_pack(study, **changes)
    with pytest.raises(AuditError, match=message):
        import_answers([], [study / "key.json", south], study / "readings.json")


def test_answers_of_no_pack_and_packs_of_one_name(study):
    south, of_south = other_pack(study)
    stranger = export(study, "stranger.json", pack="9" * 64)
    with pytest.raises(AuditError, match=r"stranger\.json belongs to none of the packs"):
        import_answers([stranger], [study / "key.json", south], study / "readings.json")
    (study / "else").mkdir()
    twin = south.rename(study / "else" / "key.json")
    with pytest.raises(AuditError, match="have the same name"):
        import_answers([of_south], [study / "key.json", twin], study / "readings.json")


def test_the_pack_names_its_key(study, monkeypatch):
    (study / "key.json").rename(study / "packs.key.json")
    words = [
        "readers",
        "import",
        str(export(study)),
        "--pack",
        str(study / "packs"),
        "--out",
        str(study / "r.json"),
    ]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "reader-1: 1 of 4 items answered" in done.output
    del words[3:5]
    done = CliRunner().invoke(app, words)
    assert "name the folder that `readers export` wrote: --pack DIR" in str(done.exception)

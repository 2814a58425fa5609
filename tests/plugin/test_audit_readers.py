"""Readers in the loop, end to end: packs out, simulated readings in, verdicts and the report."""

from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from plugin.test_audit_interpretability import NETWORKS
from scipy import stats

from audit_suite.cards import load_dataset_card, load_model_card
from audit_suite.datasets import load_dataset
from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceSource, EvidenceStore, choose_profile
from audit_suite.maskings import Masking
from audit_suite.plausibility.exporting import Design, export
from audit_suite.plausibility.importing import import_answers
from audit_suite.record import load_record
from audit_suite.report import render_html

SUITE = ("--audit-suite=plausibility",)
READINGS = "--audit-readings=readings.json"
MASKINGS = ("full", "without-roi")
CUTS = (-1.5, -1.0, -0.6, -0.3, 0.0, 0.3, 0.6, 1.0, 1.5)  # between the ten ratings


@pytest.fixture
def clinic(world, images):
    """The world with fewer patients: enough to read, and an eighth of the time."""
    world.dataset("big", images(400))
    return world


def study(world, model="shortcut", readers=3, precision=0.1, **more):
    """Packs of the world's larger data set; what was said on the way."""
    path, said = world.path, []
    source = EvidenceSource(EvidenceStore(world.evidence), choose_profile("cpu", None, 1907))
    design = Design(
        tuple(Masking.parse(id) for id in more.pop("maskings", MASKINGS)),
        readers=readers,
        precision=precision,
        **more,
    )
    cards = load_model_card(path / f"{model}.toml"), load_dataset_card(path / "big.toml")
    key = export(*cards, design, source, path / "packs", path / "key.json", said.append)
    return key, said


def rating(signal):
    """A number as one of the ten ratings."""
    levels = (*range(-5, 0), *range(1, 6))
    return levels[int(np.searchsorted(CUTS, signal))]


def read(world, key, skill, unreadable=0.0, seed=0, leave=0, outline=None):
    """Answers of all readers; ``skill`` is the AUROC by masking, ``outline`` what the sick get."""
    cases = load_dataset(load_dataset_card(world.path / "big.toml")).cases
    rng = np.random.default_rng(seed)
    files = []
    for reader, digest in key.packs.items():
        answers = []
        for code, item in list(key.items.items())[leave:]:
            shift = 2**0.5 * stats.norm.ppf(skill[item.masking])
            signal = rng.normal() + shift * (cases[item.index].labels["sick"] - 0.5)
            said = rating(signal)
            answer = {
                "code": code,
                "found": {"sick": {"present": said > 0, "confidence": abs(said)}},
            }
            if outline and said > 0 and item.masking == "full":
                answer["contours"] = {"sick": [outline]}
            if item.method:
                answer = {"code": code, "plausibility": int(rng.integers(3, 6))}
            if rng.random() < unreadable:
                answer = {"code": code, "unreadable": True}
            answers.append(
                {**answer, "comment": "SECRET remark", "seconds": 3.5, "on": "2026-03-01"}
            )
        path = world.path / f"{reader}.json"
        about = {"name": "SECRET name", "role": "radiologist", "years": 12}
        content = {"schema": 1, "pack": digest, "reader": reader, "about": about}
        path.write_text(json.dumps({**content, "answers": answers}))
        files.append(path)
    return import_answers(
        files, [world.path / "key.json"], world.path / "readings.json", short_washout=True
    )


def findings(world, check):
    return {f["case"]: f for f in world.record()["findings"] if f["check"] == check}


def values(finding):
    return {
        (e["at"].get("masking"), e["at"].get("reader"), e["at"].get("measure")): e
        for e in finding["observations"]
    }


def test_a_model_that_sees_what_no_reader_sees_is_blocked(clinic):
    key, _ = study(clinic)
    read(clinic, key, {"full": 0.9, "without-roi": 0.5})
    assert clinic.run(*SUITE, READINGS, model="shortcut").ret == 1
    ahead = findings(clinic, "H2")["without-roi"]
    assert ahead["verdict"] == "fail"
    assert ahead["estimate"]["value"] > 0.3
    assert ahead["estimate"]["at"]["readers"] == 3
    assert findings(clinic, "H1")[""]["verdict"] == "pass"
    page = render_html(load_record(clinic.path / "audit.json"))
    assert "it uses a signal that no reader sees there" in page
    assert "3 readers are treated as a sample of readers like them" in page


def test_readers_who_see_more_than_the_model_pass_it(clinic):
    key, _ = study(clinic, model="honest")
    read(clinic, key, {"full": 0.95, "without-roi": 0.9})
    clinic.run(*SUITE, READINGS)
    assert findings(clinic, "H2")["without-roi"]["verdict"] == "pass"


def test_readers_of_known_skill_are_measured_and_agree_as_they_should(clinic):
    key, _ = study(clinic, precision=0.06)
    read(clinic, key, {"full": 0.9, "without-roi": 0.6}, seed=3)
    clinic.run(*SUITE, READINGS, model="shortcut")
    shown = values(findings(clinic, "H3")[""])
    for masking, skill in (("full", 0.9), ("without-roi", 0.6)):
        mean = shown[masking, "mean", "AUROC"]
        assert mean["low"] < skill + 0.01
        assert skill - 0.01 < mean["high"], "ten levels cost a little of the truth"
        cut = stats.norm.cdf(stats.norm.ppf(skill) / 2**0.5)
        each = shown[masking, "reader-2", "sensitivity"]
        assert each["low"] - 0.03 < cut < each["high"] + 0.03
    agreement = values(findings(clinic, "H4")[""])
    # Readers are independent given the truth: each says "present" of the sick in a share of cut.
    cut = stats.norm.cdf(stats.norm.ppf(0.9) / 2**0.5)
    expected = 2 * (cut**2 + (1 - cut) ** 2) - 1
    kappa = agreement["full", None, "Fleiss' kappa"]
    assert kappa["low"] < expected < kappa["high"]
    assert (None, "reader-1", "repeats") in agreement


SQUARE = [[0.28, 0.28], [0.72, 0.28], [0.72, 0.72], [0.28, 0.72]]  # the region of interest


def test_outlines_and_ratings_speak_of_maps(clinic):
    (clinic.path / "networks.py").write_text(NETWORKS)
    for name in ("honest", "shortcut"):
        card = clinic.path / f"{name}.toml"
        card.write_text(card.read_text().replace("model.py:build", "networks.py:build"))
    key, _ = study(clinic, "honest", readers=1, maps="gradient", max_maps=5)
    maps = [item for item in key.items.values() if item.method]
    assert {(item.method, item.masking) for item in maps} == {("gradient", "full")}
    assert len(maps) == 5
    for code in (code for code, item in key.items.items() if item.method):
        text = (clinic.path / "packs" / "reader-1" / "images" / f"{code}.js").read_text()
        shown = json.loads(text.partition(", ")[2].removesuffix(");\n"))
        file = base64.b64decode(shown["png"].partition(",")[2])
        size = Image.open(io.BytesIO(file)).size
        assert (shown["width"], shown["height"]) == size, "or the page refuses it"
    read(clinic, key, {"full": 0.9, "without-roi": 0.5}, outline=SQUARE)
    every = ("--audit-suite=interpretability", "--audit-max-explained=100", READINGS)
    clinic.run(*every, *SUITE, "-k", "readers", model="honest,shortcut")
    found = {f["model"]: f for f in clinic.record()["findings"] if f["check"] == "I7"}
    inside, lift = found["honest"]["observations"][:2]
    assert inside["value"] > 0.95, "the outlines are the region of interest"
    assert lift["at"]["method"] == "gradient"
    assert lift["low"] > 2
    assert found["shortcut"]["observations"][1]["high"] < 1
    rated = {f["model"]: f for f in clinic.record()["findings"] if f["check"] == "H5"}
    assert rated["honest"]["observations"][0]["at"] == {"method": "gradient"}
    assert 3 <= rated["honest"]["observations"][0]["value"] <= 5


def test_without_outlines_nothing_is_said_of_them(clinic):
    key, _ = study(clinic, readers=1)
    read(clinic, key, {"full": 0.9, "without-roi": 0.5})
    clinic.run("--audit-suite=interpretability", "-k", "readers_look", READINGS)
    (found,) = [
        f for f in clinic.record()["findings"] if f["check"] == "I7" and f["verdict"] != "none"
    ]
    assert "readers outlined the finding in fewer than two patients" in found["reason"]


@pytest.mark.parametrize(
    ("readers", "words"), [(1, "One reader can show"), (2, "Two readers can show")]
)
def test_one_or_two_readers_give_no_verdict(clinic, readers, words):
    key, _ = study(clinic, readers=readers)
    read(clinic, key, {"full": 0.9, "without-roi": 0.5})
    clinic.run(*SUITE, READINGS, model="shortcut")
    ahead = findings(clinic, "H2")["without-roi"]
    assert ahead["verdict"] == "not_applicable"
    assert "a description, not a verdict" in ahead["reason"]
    assert ahead["observations"][0]["value"] > 0.3
    assert words in render_html(load_record(clinic.path / "audit.json"))


def test_what_cannot_be_read_is_no_signal(clinic):
    key, _ = study(clinic)
    read(clinic, key, {"full": 0.9, "without-roi": 0.9}, unreadable=1.0)
    clinic.run(*SUITE, READINGS, model="shortcut")
    shown = values(findings(clinic, "H3")[""])
    assert shown["full", "reader-1", "AUROC"]["value"] == 0.5
    assert shown["full", "reader-1", "sensitivity"]["value"] == 0
    assert shown["full", "reader-1", "specificity"]["value"] == 0
    assert shown["full", "reader-1", "cannot be read"]["value"] == 1
    assert findings(clinic, "H4")[""]["verdict"] == "not_applicable", "nobody differs in anything"


def test_unanswered_items_fail_the_pack_and_the_rest_counts(clinic):
    key, _ = study(clinic)
    read(clinic, key, {"full": 0.9, "without-roi": 0.5}, leave=7)
    assert clinic.run(*SUITE, READINGS, model="shortcut").ret == 1
    complete = findings(clinic, "H1")[""]
    assert complete["verdict"] == "fail"
    assert complete["estimate"]["value"] == 21
    assert findings(clinic, "H2")["without-roi"]["verdict"] == "fail"


def test_without_readings_an_honest_model_still_passes(world):
    assert world.run("--audit-suite=region-sensitivity", *SUITE).ret == 0
    for check in ("H1", "H2", "H3", "H4", "H5"):
        for finding in findings(world, check).values():
            assert finding["verdict"] == "not_applicable"
            assert "no readings are given (--audit-readings)" in finding["reason"]
    assert world.record()["provenance"]["readings"] is None


def test_no_remark_and_no_patient_leaves(clinic):
    key, _ = study(clinic)
    read(clinic, key, {"full": 0.9, "without-roi": 0.5}, unreadable=0.1)
    clinic.run(*SUITE, READINGS, "--junitxml=j.xml", "--audit-report=r.html", model="shortcut")
    for name in ("audit.json", "j.xml", "r.html"):
        text = (clinic.path / name).read_text()
        assert "SECRET" not in text, "readers' remarks may name anybody"
        assert "secret-" not in text


def test_packs_and_key_hold_no_patient_and_packs_no_answer(clinic):
    study(clinic)
    for path in (clinic.path / "packs").rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert "secret-" not in text
            if path.name == "items.js":
                assert not re.search(r"without-roi|\bindex\b|masking", text)
    assert "secret-" not in (clinic.path / "key.json").read_text()
    names = {path.name for path in (clinic.path / "packs" / "reader-1" / "images").iterdir()}
    assert len(names) == len(json.loads((clinic.path / "key.json").read_text())["items"])


def test_a_pack_is_balanced_blinded_and_as_large_as_planned(clinic):
    key, said = study(clinic, readers=2, precision=0.15, repeats=0.1)
    cases = load_dataset(load_dataset_card(clinic.path / "big.toml")).cases
    reads = [item for item in key.items.values() if item.repeats is None]
    for masking in MASKINGS:
        labels = [cases[i.index].labels["sick"] for i in reads if i.masking == masking]
        assert (labels.count(1), labels.count(0)) == (30, 30)
    assert said == [f"sick, {masking}: 30 with and 30 without it" for masking in MASKINGS]
    orders = []
    for reader in key.packs:
        text = (clinic.path / "packs" / reader / "items.js").read_text()
        pack = json.loads(text.removeprefix("window.PACK = ").rstrip(";\n"))
        assert pack["digest"] == key.packs[reader]
        orders.append([item["code"] for item in pack["items"]])
        shown = {}
        for item in pack["items"]:
            what = key.items[item["code"]]
            place = cases[what.index].patient, item["sitting"]
            shown.setdefault(place, set()).add(what.masking)
        assert max(map(len, shown.values())) == 1, "no patient under two maskings in one sitting"
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]


def test_too_small_a_data_set_is_said(clinic):
    clinic.dataset("big", clinic.path.parent, more="")
    clinic.dataset("big", load_dataset_card(clinic.path / "small.toml").resolve("."))
    text = (clinic.path / "small.toml").read_text().replace('"small"', '"big"')
    (clinic.path / "big.toml").write_text(text)
    _, said = study(clinic, precision=0.1)
    assert (
        said[0] == "sick, full: 30 with and 30 without it (planned: 66; the data set has no more)"
    )


def test_the_same_study_comes_out_the_same(clinic):
    first, _ = study(clinic)
    before = {
        p.name: p.read_bytes()
        for p in (clinic.path / "packs" / "reader-2").iterdir()
        if p.is_file()
    }
    (clinic.path / "packs").rename(clinic.path / "old")
    (clinic.path / "key.json").unlink()
    again, _ = study(clinic)
    assert first == again
    assert before == {
        p.name: p.read_bytes()
        for p in (clinic.path / "packs" / "reader-2").iterdir()
        if p.is_file()
    }


def test_a_pack_in_use_is_not_overwritten_and_the_key_not_put_among_packs(clinic):
    study(clinic)
    with pytest.raises(AuditError, match=r"packs already exists"):
        study(clinic)
    source = EvidenceSource(EvidenceStore(clinic.path / "ev"), choose_profile("cpu", None, 1907))
    cards = (
        load_model_card(clinic.path / "honest.toml"),
        load_dataset_card(clinic.path / "big.toml"),
    )
    design = Design((Masking.parse("full"),))
    new = clinic.path / "new"
    with pytest.raises(AuditError, match="lies in the folder of the packs"):
        export(*cards, design, source, new, new / "key.json", print)
    assert not new.exists()


@pytest.mark.parametrize("masking", ["without-roi-foreign", "without-roi-mean", "without-roi-swap"])
def test_maskings_that_need_other_images_are_not_read(clinic, masking):
    with pytest.raises(AuditError, match=f"--masking={masking}"):
        study(clinic, maskings=(masking,))
    assert not (clinic.path / "packs").exists()


def test_an_unknown_explainer_is_named(clinic):
    with pytest.raises(
        AuditError, match=r"(?s)--maps=foo: there is no explainer.*known: .*gradient"
    ):
        study(clinic, maps="foo")
    assert not (clinic.path / "packs").exists()


def usage(clinic, *args, **more):
    result = clinic.run(*SUITE, *args, **more)
    assert result.ret == 4
    return "\n".join(result.errlines)


def test_wrong_readings_are_a_users_mistake(clinic):
    assert "no.json does not exist" in usage(clinic, "--audit-readings=no.json")
    (clinic.path / "readings.json").write_text('{"schema": 1}')
    assert "is not a valid readings file: key: Field required" in usage(clinic, READINGS)
    (clinic.path / "readings.json").unlink()
    key, _ = study(clinic)
    read(clinic, key, {"full": 0.9, "without-roi": 0.5})
    said = usage(clinic, READINGS, dataset="small")
    assert "readings of data set 'big', but the audited data sets are ['small']" in said


def test_readings_of_another_version_of_the_data_are_an_error(clinic):
    key, _ = study(clinic)
    read(clinic, key, {"full": 0.9, "without-roi": 0.5})
    card = clinic.path / "big.toml"
    root = load_dataset_card(card).resolve(load_dataset_card(card).root)
    rows = (root / "manifest.csv").read_text().splitlines()[:-2]
    (clinic.path / "shorter.csv").write_text("\n".join(rows) + "\n")
    shorter = f'manifest = "{(clinic.path / "shorter.csv").as_posix()}"'
    card.write_text(card.read_text().replace('manifest = "manifest.csv"', shorter))
    assert clinic.run(*SUITE, READINGS, model="shortcut").ret == 1
    found = findings(clinic, "H1")[""]
    assert found["verdict"] == "error"
    assert any(id.startswith("H3/") for id in found["also"])
    assert "has changed since it was read" in found["reason"]

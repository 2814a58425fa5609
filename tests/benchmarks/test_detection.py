"""The benchmark of the instrument itself: what it counts, what it keeps, and that it runs."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

ROOT = Path(__file__).parents[2]

if not (ROOT / "benchmarks").is_dir():
    pytest.skip("runs in a checkout, not beside an installed wheel", allow_module_level=True)
sys.path.append(str(ROOT / "benchmarks"))

from audit_suite.cards import PhantomSpec, load_dataset_card, load_model_card  # noqa: E402
from audit_suite.errors import AuditError  # noqa: E402
from audit_suite.phantoms import cohort  # noqa: E402
from audit_suite.record import CauseFlag, CausesRecord  # noqa: E402
from detection import (  # noqa: E402
    auditing,
    cli,
    figures,
    gating,
    grid,
    outcomes,
    packs,
    rules,
    tables,
    training,
)
from detection.auditing import Row  # noqa: E402
from detection.grid import KINDS, Setting  # noqa: E402
from detection.results import Results  # noqa: E402


def row(kind="honest", strength=1.0, verdict="pass", low=0.47, size=1500, causes=(), **more):
    made = Row(
        key=f"{kind}{strength}{more.get('seed', 0)}",
        instrument="this",
        model=f"{kind}-{more.get('seed', 0)}",
        kind=kind,
        strength=strength,
        seed=0,
        size=size,
        first=True,
        world="",
        prevalence=0.5,
        positives=size // 2,
        auroc=0.9,
        decisions={"consolidation": "closed" if verdict == "fail" else "undecided"},
        verdict=verdict,
        checks={"R2": verdict},
        findings=[],
        naive=(low + 0.03, low, low + 0.06),
        seconds=1.0,
    )
    made = replace(made, **more)
    vars(made)["causes"] = causes if causes is None else list(causes)  # as if named already
    return made


def printed(rows, kinds=KINDS):
    console = Console(width=200, record=True, file=io.StringIO())
    tables.show(console, rows, kinds)
    return console.export_text()


def test_a_setting_is_known_by_all_that_decides_its_result(monkeypatch):
    one = Setting("border", 0.9, 3)
    assert one.key == Setting("border", 0.9, 3).key
    others = [
        replace(one, kind="framing"),
        replace(one, strength=1.0),
        replace(one, seed=4),
        replace(one, sizes=(1500, 200)),
        replace(one, world=grid.World(frame="fundus")),
        replace(one, prevalences=(0.1,)),
    ]
    keys = {setting.key for setting in (one, *others)}
    monkeypatch.setattr(grid, "EPOCHS", 7)
    assert len(keys | {one.key}) == 8


def test_an_edited_instrument_is_another_one(tmp_path, monkeypatch):
    import audit_suite

    before = auditing.instrument()
    assert before == auditing.instrument()
    copy = tmp_path / "audit_suite"
    shutil.copytree(Path(audit_suite.__file__).parent, copy, ignore=lambda *_: ["__pycache__"])
    monkeypatch.setattr(audit_suite, "__file__", str(copy / "__init__.py"))
    assert auditing.instrument() == before
    (copy / "report" / "words.py").write_text("# no verdict rests on it")
    (copy / "sections" / "matrix.py").write_text("# nor on what the report shows")
    (copy / "pictures" / "png.py").write_text("# nor on its pictures")
    (copy / "causes" / "naming.py").write_text("# named anew from the findings kept")
    assert auditing.instrument() == before
    (copy / "audit" / "gate.py").write_text("# edited")
    assert auditing.instrument() != before


def test_causes_are_named_anew_from_the_findings_kept(tmp_path):
    example = json.loads((ROOT / "reports" / "examples" / "audit.json").read_text())
    kept = replace(row(), findings=example["findings"])
    results = Results(tmp_path / "r.jsonl")
    results.add([kept])
    assert json.loads((tmp_path / "r.jsonl").read_text()).keys() == vars(row()).keys() - {"causes"}
    assert Row.from_json((tmp_path / "r.jsonl").read_text()).causes == ["undetermined"]
    assert replace(row(), findings=[]).causes is None, "no suite that names causes was run"


@pytest.mark.parametrize(("run", "at_least"), [(grid.full_run, 30), (grid.quick_run, 2)])
def test_a_run_holds_every_kind(run, at_least):
    settings = run(KINDS)
    assert len({setting.name for setting in settings}) == len(settings)
    assert len({setting.key for setting in settings}) == len(settings)
    for kind in KINDS:
        assert sum(setting.kind == kind for setting in settings) >= at_least, kind


def test_worlds_differ_by_one_thing_each():
    tags = [world.tag for world in grid.OTHER_WORLDS]
    assert tags == ["fundus", "3-targets", "tiny-resnet", "patch-transformer", "64-pixels"]
    assert grid.USUAL.tag == ""
    assert Setting("honest", 1.0, 0, world=grid.OTHER_WORLDS[0]).name == "honest-fundus-100-0"
    assert grid.World(frame="fundus").rois == {"glaucoma": "disc"}
    three = grid.World(targets=3)
    assert list(three.rois) == ["consolidation", "cardiomegaly", "pneumoperitoneum"]
    assert three.arguments["outputs"] == 3


@pytest.mark.parametrize("world", grid.OTHER_WORLDS, ids=lambda world: world.tag)
def test_every_world_is_drawn_trained_and_has_cards(world, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "TRAINING_PATIENTS", 40)
    monkeypatch.setattr(training, "EPOCHS", 1)
    setting = Setting("burned_in_text", 1.0, 0, (60, 40), world, (0.5, 0.2))
    models, datasets = tmp_path / "models", tmp_path / "datasets"
    models.mkdir()
    datasets.mkdir()
    training.make_model(setting, KINDS, models, datasets)
    for test in setting.tests:
        card = load_model_card(models / f"{setting.audited_on(*test)}.toml")
        assert tuple(card.targets) == tuple(world.rois)
        assert card.datasets == (setting.test_set(*test),), "judged as a release of its own"
    rare = load_dataset_card(datasets / f"{setting.test_set(60, 0.2)}.toml")
    assert rare.phantom.prevalence == 0.2
    assert (rare.phantom.kind, rare.phantom.size) == (world.frame, world.pixels)
    assert set(world.rois) <= set(rare.targets)


def test_the_gate_run_covers_patients_prevalences_worlds_and_kinds():
    settings = grid.gate_run(KINDS)
    assert {setting.kind for setting in settings} == set(KINDS)
    assert {setting.world for setting in settings} == {grid.USUAL, *grid.OTHER_WORLDS}
    honest = [s for s in settings if s.kind == "honest" and s.world == grid.USUAL]
    assert {size for s in honest for size, _ in s.tests} == set(grid.NUMBERS)
    assert {share for s in honest for _, share in s.tests} == set(grid.PREVALENCES)
    assert len({setting.name for setting in settings}) == len(settings)
    quick = grid.gate_run(KINDS, quick=True)
    assert len(quick) == 9
    assert {setting.world for setting in quick} == {grid.USUAL, *grid.OTHER_WORLDS}


def test_fresh_seeds_give_other_patients():
    settings = grid.quick_run(KINDS)
    others = grid.fresh(settings, 1000)
    assert [s.kind for s in others] == [s.kind for s in settings]
    assert not {s.data_seed for s in settings} & {s.data_seed for s in others}
    assert grid.fresh(settings, 0) == settings
    with pytest.raises(ValueError, match="multiple of 2"):
        grid.fresh(settings, 1001)


def test_rules_are_named_by_their_commit_and_seeds_by_whether_they_are_fresh(monkeypatch):
    answers = {"log": "abc123 2026-11-26T00:00:00+00:00", "status": ""}
    monkeypatch.setattr(rules, "_git", lambda *words: answers[words[0]])
    seen = rules.frozen_rules(0, {"cause_right": 0.9})
    assert (seen["rules_commit"], seen["rules_edited"]) == ("abc123", 0)
    assert (seen["seeds_fresh"], seen["cause_right_fresh"]) == (None, None)
    answers["status"] = " M audit_suite/suites/test_frame.py"
    fresh = rules.frozen_rules(2000, {"cause_right": 0.9})
    assert (fresh["rules_edited"], fresh["seeds_fresh"]) == (1, 2000)
    assert fresh["cause_right_fresh"] == 0.9
    answers |= {"log": ""}
    assert rules.frozen_rules(0, {"cause_right": None})["rules_commit"] is None, "no checkout"


def test_gate_decisions_are_counted_by_target_and_size():
    three = {"consolidation": "open", "cardiomegaly": "open", "pneumoperitoneum": "closed"}
    rows = [
        row(size=1500, decisions={"consolidation": "open"}, seed=1),
        row(size=1500, decisions={"consolidation": "undecided"}, seed=2),
        row(size=500, decisions={"consolidation": "closed"}, seed=1),
        row(size=1500, decisions=three, world="3-targets", seed=3),
        row("border", size=1500, decisions={"consolidation": "closed"}),
    ]
    found = gating.gate_figures(rows, KINDS, (500, 1500))
    assert found["open_honest_1500"] == 0.5
    assert found["undecided_honest_1500"] == 0.5
    assert found["closed_honest_500"] == 1.0
    assert found["closed_shortcut_1500"] == 1.0
    assert found["closed_shortcut_500"] is None
    lines = {
        (line["truth"], line["world"], line["patients"]): line
        for line in gating.gate_table(rows, KINDS)
    }
    assert lines["honest", "3-targets", 1500]["targets"] == 3
    assert lines["honest", "3-targets", 1500]["open"] == 2
    assert lines["honest", "", 1500]["planned_open"] > 0.9
    assert lines["border", "", 1500]["planned_open"] is None


@pytest.mark.parametrize("name", ["honest", "shortcut", "undecided"])
def test_what_was_left_out_to_save_time_makes_no_audit_partial(name):
    """The examples as they are, and with a check that was planned and not run."""
    path = ROOT / "reports" / "examples" / f"{name}.json.gz"
    record = json.loads(gzip.decompress(path.read_bytes()))
    (target,) = record["targets"]
    place = target["model"], target["dataset"]
    whole = gating.decisions_by_target(record, *place)
    idle = {
        **record["findings"][0],
        "check": "C8",
        "id": "C8/x",
        "verdict": "none",
        "role": "guard",
    }
    record["findings"].append(idle | {"comparisons": [], "reason": "not run"})
    assert gating.decisions_by_target(record, *place, ("C8",)) == whole
    assert gating.decisions_by_target(record, *place, ("M1",)) != whole or name == "shortcut"


def test_fails_of_the_folded_auroc_are_counted_where_it_is_judged():
    """R16 does not apply where R3 fails, and was not asked of the last one."""
    verdicts = ("fail", "pass", "inconclusive", "not_applicable", None)
    rows = [
        replace(row(kind, size=1500, seed=seed), checks={"R16": verdict} if verdict else {})
        for kind, count in (("honest", 5), ("exposure", 1))
        for seed, verdict in enumerate(verdicts[:count])
    ]
    found = gating.gate_figures(rows, KINDS, (500, 1500))
    assert found["r16_failed_honest_1500"] == pytest.approx(1 / 3)
    assert found["r16_failed_planted_1500"] == 1.0
    assert found["r16_failed_honest_500"] is None


def test_the_full_run_is_as_large_as_promised():
    settings = grid.full_run(KINDS)
    strong = [s for s in settings if KINDS[s.kind].group == "outside" and s.strength >= 0.9]
    assert sum(setting.kind == "honest" for setting in settings) >= 200
    assert len(strong) >= 100
    assert {s.strength for s in settings if s.kind == "border"} == {0.6, 0.8, 0.9, 1.0}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_planted_can_be_drawn(kind):
    setting = Setting(kind, 0.0 if kind == "none" else 1.0, 0)
    training_set, test_set = (grid.phantom(setting, KINDS, 40, number) for number in (0, 1))
    assert training_set["seed"] != test_set["seed"]
    for section in (training_set, test_set):
        cohort(PhantomSpec.model_validate(section), (grid.TARGET,))
    leaks = {"mask_size": "shortcuts", "under_segmented": "under_segmentation"}
    if kind in leaks:
        assert leaks[kind] not in training_set, "models learn from good masks"
        assert leaks[kind] in test_set


def test_pairs_share_their_patients_and_no_others_do():
    a, b, c = (Setting("border", 1.0, seed) for seed in (0, 1, 2))
    assert grid.phantom(a, KINDS, 9, 0) == grid.phantom(b, KINDS, 9, 0)
    assert a.data_seed != c.data_seed
    assert a.data_seed != Setting("framing", 1.0, 0).data_seed


@pytest.mark.parametrize(
    ("positives", "size", "powered"),
    [(721, 1442, True), (700, 1400, False), (451, 2255, True), (430, 2150, False), (0, 99, False)],
)
def test_power_is_that_of_the_checks_definition(positives, size, powered):
    assert figures.has_power(row(size=size, positives=positives)) == powered


def test_who_is_eligible():
    assert figures.eligible(row(), KINDS)
    assert not figures.eligible(row(size=500), KINDS)
    assert not figures.eligible(row(first=False), KINDS)
    assert figures.eligible(row("honest", 0.6), KINDS)
    assert not figures.eligible(row("border", 0.8), KINDS)
    assert not figures.eligible(row("framing", 0.6), KINDS)
    assert figures.eligible(row("framing", 0.9), KINDS)


def test_the_naive_rule_asks_the_lower_bound():
    assert figures.naively_blocked(row(low=0.501))
    assert not figures.naively_blocked(row(low=0.5))
    assert not figures.naively_blocked(row(naive=(0.3, 0.27, 0.33)))


def test_wilsons_interval():
    some = [row(verdict=verdict) for verdict in ["fail"] * 5 + ["pass"] * 95]
    found = figures.share(some, figures.blocked)
    assert found.value == 0.05
    assert (found.low, found.high) == pytest.approx((0.02154, 0.11175), abs=1e-4)
    none = figures.share([], figures.blocked)
    assert none.value is None


def test_figures_from_results():
    rows = [
        *(row(seed=n, verdict="fail" if n == 0 else "pass") for n in range(4)),
        row(seed=9, low=0.51),
        row("none", 0.0, verdict="inconclusive"),
        row("border", 0.9, "fail", 0.8, causes=["background-shortcut", "mask-leak"]),
        row("device_wire", 1.0, "inconclusive", 0.6, causes=["undetermined"]),
        row("corner_marker", 0.6, "pass"),
        row("framing", 1.0, "fail", 0.8, causes=["framing"]),
        row("exposure", 1.0, causes=["acquisition"]),
        row(verdict="fail", size=200),
    ]
    found = figures.summarise(rows, KINDS)
    assert (found["n_honest"], found["n_outside"], found["n_cause"]) == (5, 2, 4)
    assert found["honest_blocked"] == 0.2
    assert found["naive_honest_blocked"] == 0.2
    assert found["outside_blocked"] == 0.5
    assert found["naive_outside_blocked"] == 1.0
    assert found["framing_blocked"] == 1.0
    assert found["cause_right"] == 0.75
    assert found["inconclusive"] == pytest.approx(2 / 10)
    assert json.dumps(found, allow_nan=False)
    assert all(value is None or isinstance(value, int | float) for value in found.values())


def flagged(kind, *flags, **more):
    """A row whose causes were named as these flags say."""
    made = row(kind, **more)
    named = [
        CausesRecord(
            model="m",
            dataset="d",
            target="t",
            causes=[cause for cause, holds in flags if holds == "yes"],
            flags=[
                CauseFlag(cause=cause, holds=holds, because="", settles="", estimates=[])
                for cause, holds in flags
            ],
        )
    ]
    vars(made)["_named"] = named
    vars(made)["causes"] = named[0].causes
    return made


NOWHERE = "undetermined"


@pytest.mark.parametrize(
    ("kind", "flags", "expected"),
    [
        ("border", [("background-shortcut", "yes"), ("mask-leak", "yes")], "right"),
        ("border", [("mask-leak", "yes"), ("background-shortcut", "unknown")], "wrong"),
        ("border", [(NOWHERE, "yes")], "not_known"),
        ("exposure", [("acquisition", "unknown"), (NOWHERE, "unknown")], "not_known"),
        ("exposure", [("acquisition", "unknown"), (NOWHERE, "no")], "silent"),
        ("exposure", [("background-shortcut", "yes"), ("acquisition", "yes")], "right"),
        ("roi_artefact", [(NOWHERE, "unknown")], "not_known"),
        ("roi_artefact", [("masking-artefact", "yes")], "wrong"),
        ("roi_artefact", [], "silent"),
    ],
)
def test_causes_are_right_not_known_wrong_or_silent(kind, flags, expected):
    assert outcomes.outcome(flagged(kind, *flags), KINDS) == expected


def test_outcomes_are_counted_among_models_with_a_planted_cause():
    rows = [
        flagged("border", ("background-shortcut", "yes")),
        flagged("exposure", (NOWHERE, "unknown"), seed=1),
        flagged("framing", ("mask-leak", "yes"), seed=2),
        flagged("site", seed=3),
        flagged("honest", ("masking-artefact", "yes"), seed=4),
        flagged("border", ("mask-leak", "yes"), strength=0.6, seed=5),
    ]
    found = outcomes.outcome_figures(rows, KINDS)
    assert found["cause_right_or_unknown"] == 0.5
    assert (found["cause_not_known"], found["cause_wrong"], found["cause_silent"]) == (0.25,) * 3
    assert outcomes.outcome_figures([], KINDS)["cause_wrong"] is None


def test_no_cause_is_counted_where_no_suite_names_causes():
    found = figures.summarise([row("border", 1.0, "fail", causes=None)], KINDS)
    assert found["n_cause"] == 0
    assert found["cause_right"] is None
    assert "that table is left out" in printed([row("border", 1.0, "fail", causes=None)])


def test_tables_in_the_terminal():
    rows = [
        row(verdict="fail"),
        row(verdict="inconclusive", seed=1),
        row(verdict="inconclusive", size=200, seed=1, first=False),
        row("border", 1.0, "fail", 0.8, causes=["background-shortcut"]),
    ]
    text = printed(rows)
    assert re.search(r"honest +│ +2 │ +1 │ +1 │ +0 │ +0 │ +2 │ 0.50", text)
    assert re.search(r"border +│ +1 │ +1 .*1.00 \[0.21, 1.00\]", text)
    assert re.search(r"│ +200 │ +1 │ 0.00 .*│ 1.00", text), "inconclusive against n"
    assert re.search(r"outside +│ +1 │ 1.00 .*│ 1.00", text), "the naive rule beside it"


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_the_calibration_table_as_data(tmp_path, suffix):
    rows = [
        row(verdict="fail", seed=0),
        row(verdict="pass", seed=1, causes=["framing"]),
        row("border", 0.9, "fail", 0.8, causes=["background-shortcut"]),
    ]
    path = tmp_path / f"table{suffix}"
    tables.write_calibration(path, rows, KINDS, {"n_honest": 2}, "python benchmarks/detection.py")
    if suffix == ".json":
        content = json.loads(path.read_text())
        assert content["command"] == "python benchmarks/detection.py"
        assert content["figures"] == {"n_honest": 2}
        assert content["instruments"] == ["this"]
        lines = content["table"]
    else:
        lines = list(csv.DictReader(path.open()))
    honest, border = lines
    assert (honest["truth"], int(honest["models"]), int(honest["fail"])) == ("honest", 2, 1)
    assert float(honest["blocked"]) == 0.5
    assert int(honest["named_framing"]) == 1
    assert (border["expected_cause"], int(border["right_cause"])) == ("background-shortcut", 1)
    assert int(border["naively_blocked"]) == 1


def test_results_outlive_a_crash(tmp_path):
    path = tmp_path / "deep" / "results.jsonl"
    settings = [Setting("border", 1.0, 0, (60, 40)), Setting("none", 0.0, 0, (60,))]
    rows = [row("border", size=size, key=settings[0].key, first=size == 60) for size in (60, 40)]
    results = Results(path, "this")
    assert results.missing(settings) == settings
    results.add(rows)
    path.write_text(path.read_text() + '{"key": "cut o')
    again = Results(path, "this")
    assert again.of(settings) == rows
    assert again.missing(settings) == settings[1:]
    done = row("none", size=60, key=settings[1].key)
    again.add([done])
    assert Results(path, "this").of(settings) == [*rows, done], "the cut off line spoils no other"
    half = Results(tmp_path / "half.jsonl")
    half.add(rows[:1])
    assert half.missing(settings) == settings, "one test set of two is not enough"


def test_results_of_another_instrument_do_not_count(tmp_path):
    setting, path = Setting("border", 1.0, 0, (60,)), tmp_path / "results.jsonl"
    Results(path, "this").add([row("border", size=60, key=setting.key)])
    assert Results(path, "that").missing([setting]) == [setting]
    assert Results(path, "this").missing([setting]) == []
    assert Results(path).missing([setting]) == [], "unless one asks for them"


def test_what_is_asked_depends_on_what_is_counted():
    causes, gate = auditing.asked_for(), auditing.asked_for(gate=True)
    assert gate.left_out == ()
    assert set(gate.suites) - set(causes.suites) == set(auditing.GUARDING)
    assert auditing.suites(auditing.GUARDING) == auditing.GUARDING, "each is there"
    assert "M1" in causes.left_out
    searched = auditing.asked_for(search=True)
    assert searched.suites == ("region-sensitivity", "search")
    functions = auditing._functions_of(searched.left_out, searched.suites)
    assert functions == ["test_paint_outside_changes_no_decision"]
    assert auditing.instrument(searched.suites) != auditing.instrument()


def test_confirmed_counterexamples_are_counted_for_honest_models_and_for_shortcuts():
    verdicts_of = {"honest": ["report"] * 3 + ["fail"], "corner_marker": ["fail"] * 4}
    rows = [
        replace(row(kind), checks={"X3": verdict})
        for kind, verdicts in verdicts_of.items()
        for verdict in verdicts
    ]
    found = figures.search_figures([*rows, row("honest")], KINDS)
    assert (found["n_searched_honest"], found["n_searched_shortcut"]) == (4, 4)
    assert (found["confirmed_honest"], found["confirmed_shortcut"]) == (0.25, 1.0)
    assert found["confirmed_honest_high"] == pytest.approx(0.6994, abs=1e-3), "Wilson's"
    assert figures.search_figures([row("honest")], KINDS) == {}
    settings = grid.search_run()
    assert len({setting.key for setting in settings}) == 200
    assert {setting.kind for setting in settings} == set(verdicts_of)
    assert len(grid.search_run(quick=True)) == 8


def test_an_interrupted_run_goes_on_where_it_was(tmp_path, monkeypatch):
    settings = [Setting("none", 0.0, seed, (60,)) for seed in range(5)]
    done, asked = [], auditing.asked_for()

    def run_batch(batch, kinds, own, asked):
        done.extend(setting.seed for setting in batch)
        if 2 in done[-len(batch) :] and len(done) < 5:
            raise KeyboardInterrupt
        return [row(s.kind, key=s.key, size=60) for s in batch]

    monkeypatch.setattr(cli, "run_batch", run_batch)
    path, console = tmp_path / "r.jsonl", Console(record=True, width=100)
    with pytest.raises(KeyboardInterrupt):
        cli.run(settings, KINDS, Results(path), "this", asked, 0, 2, console)
    cli.run(settings, KINDS, Results(path), "this", asked, 0, 2, console)
    assert done == [0, 1, 2, 3, 2, 3, 4]
    assert "2 of 5 models already have results" in console.export_text()


def test_a_contributed_shortcut_is_a_kind_by_where_it_is_drawn():
    packs.load_packs()
    assert packs.contributed("pacemaker").group == "outside"
    assert packs.contributed("pacemaker").cause == "background-shortcut"
    assert packs.contributed("roi_artefact").group == "inside"
    assert packs.contributed("exposure").group == "diffuse"
    kinds = packs.with_contributed(KINDS, ["pacemaker"])
    assert sum(setting.kind == "pacemaker" for setting in grid.full_run(kinds)) == 30
    section = grid.phantom(Setting("pacemaker", 0.9, 0), kinds, 9, 1)
    assert section["shortcuts"] == [{"name": "pacemaker", "agreement": 0.9, "strength": 0.9}]
    with pytest.raises(AuditError, match="no shortcut 'sticker'"):
        packs.with_contributed(KINDS, ["sticker"])


def test_a_record_is_read_by_model_and_suite():
    def finding(check, verdict, suite, model="border-100-0-60", **more):
        return {
            "check": check,
            "verdict": verdict,
            "model": model,
            "dataset": "border-100-0-60",
            "target": "consolidation",
            "command": f'pytest --audit --audit-suite {suite} -k "x"',
            "comparisons": [],
            **more,
        }

    def compared(masking, low):
        estimate = {"at": {"masking": masking}, "n_positives": 31}
        return {"estimate": {**estimate, "value": low + 0.1, "low": low, "high": low + 0.2}}

    place = {"dataset": "border-100-0-60", "target": "consolidation"}
    record = {
        "targets": [
            {"model": "border-100-0-60", **place, "decision": "closed"},
            {"model": "other", **place, "decision": "open"},
        ],
        "findings": [
            finding(
                "R2",
                "inconclusive",
                "region-sensitivity",
                comparisons=[compared("without-roi-mean", 0.1), compared("without-roi", 0.52)],
            ),
            finding("R4", "not_applicable", "region-sensitivity"),
            finding("R1", "pass", "region-sensitivity", comparisons=[compared("full", 0.7)]),
            finding("C1", "fail", "controls"),
            finding("C1", "pass", "controls"),
            finding("R5", "fail", "region-sensitivity", model="other"),
        ],
    }
    setting = Setting("border", 1.0, 0, (60,))
    both = auditing.Asked(("region-sensitivity", "controls"), ())
    found = auditing.read_row(record, setting, (60, 0.5), both, "this", 2.0)
    assert found.verdict == "inconclusive", "a control's fail and another model's block nobody"
    assert found.checks == {
        "R2": "inconclusive",
        "R4": "not_applicable",
        "R1": "pass",
        "C1": "fail",
    }
    assert found.auroc == pytest.approx(0.8)
    assert found.decisions == {"consolidation": "closed"}
    assert found.findings == record["findings"][:5], "from these the causes are named"
    assert (found.key, found.instrument) == (setting.key, "this")
    assert found.naive == pytest.approx((0.62, 0.52, 0.72)), "contour, black"
    assert figures.naively_blocked(found)
    assert Row.from_json(found.to_json()) == found
    few = auditing.Asked(("region-sensitivity",), ())
    alone = auditing.read_row(record, setting, (60, 0.5), few, "this", 2.0)
    assert alone.causes is None


def test_two_models_from_training_to_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(training, "TRAINING_PATIENTS", 400)
    monkeypatch.setattr(training, "EPOCHS", 12)
    monkeypatch.setattr(auditing, "WANTED", ("region-sensitivity",))  # the controls take a minute
    monkeypatch.setattr(
        cli,
        "quick_run",
        lambda kinds: [Setting("none", 0.0, 0, (60,)), Setting("pacemaker", 1.0, 0, (120,))],
    )
    results, out = tmp_path / "r.jsonl", tmp_path / "table.csv"
    options = ["--quick", "--kind", "pacemaker", "--workers", "0", "--results", str(results)]
    cli.main([*options, "--json", str(tmp_path / "f.json"), "--out", str(out)])
    assert "2/2 models" in capsys.readouterr().out
    rows = {found["kind"]: found for found in map(json.loads, results.read_text().splitlines())}
    assert rows["pacemaker"]["verdict"] == "fail", "a contributed shortcut is found"
    assert rows["pacemaker"]["naive"][1] > 0.5
    assert rows["none"]["verdict"] in ("pass", "inconclusive")
    assert set(rows["none"]["checks"]) >= {"R2", "R3", "R5"}
    assert json.loads((tmp_path / "f.json").read_text())["n_honest"] == 0
    assert [line["truth"] for line in csv.DictReader(out.open())] == ["none", "pacemaker"]
    cli.main([*options])
    assert "2 of 2 models already have results" in capsys.readouterr().out


def test_interrupted_workers_leave_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(cli, "run_batch", _endless)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    settings = [Setting("none", 0.0, seed, (60,)) for seed in range(3)]
    coming = cli._finished(
        [[setting] for setting in settings], KINDS, "this", auditing.asked_for(), 2
    )
    assert next(coming) == []
    assert list(tmp_path.rglob("left-behind")), "others are at work"
    coming.close()
    assert not list(tmp_path.iterdir())


def _endless(batch, kinds, own, asked):
    """A batch that ends at once (the first), or not before it is stopped."""
    import time

    if batch[0].seed == 0:
        time.sleep(3)  # until the other process has begun
        return []
    Path(tempfile.mkdtemp(), "left-behind").touch()  # as if it were stopped before it can tidy up
    time.sleep(600)


def test_a_broken_audit_says_how_it_ended(tmp_path):
    with pytest.raises(auditing.AuditFailedError, match="folder without a card"):
        auditing.audit(tmp_path, tmp_path, tmp_path, ("region-sensitivity",))

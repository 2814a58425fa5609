"""Forecasts: the shared function behind plan, doctor, --audit-plan and the report."""

from __future__ import annotations

import dataclasses
import json

import pytest

from audit_suite.planning.forecast import KEPT, PLANNED, Forecast, forecast, together
from audit_suite.planning.measuring import FULL, HIDDEN
from audit_suite.planning.plan import ASSUMED, Plan, Question, forecasts
from audit_suite.planning.words import MEANING, based_on, chance, in_lines, number
from audit_suite.statistics.at_hand import AtHand
from audit_suite.statistics.decision import FEWEST_PATIENTS
from audit_suite.statistics.design import FEWEST, Cohort, Levels, Spread
from audit_suite.statistics.opening_chance import FILLS, chance_to_close, chance_to_open
from audit_suite.suites import test_region_sensitivity as suite

COHORT, FLOOR = Cohort(150, 1350, 1.5), 0.6


def one(target="effusion", auroc=0.85, cohort=COHORT, **more):
    place = "net", "cxr", target
    return forecast(place, cohort, auroc, "claimed", FLOOR, more.pop("levels", Levels()), **more)


def test_the_checks_that_are_planned_are_the_suites():
    assert suite.hidden_box == HIDDEN
    assert len(HIDDEN) == FILLS
    declared = {f.__dict__["__audit_check__"].id for f in vars(suite).values() if is_check(f)}
    assert declared >= set(PLANNED)
    assert FULL in vars(suite.test_skill_is_shown)["__audit_check__"].needs.values()
    assert FEWEST == FEWEST_PATIENTS


def is_check(thing):
    return "__audit_check__" in getattr(thing, "__dict__", {})


def test_a_forecast_is_the_formulae():
    found = one(levels=Levels.shared(looks=2, places=5))
    levels = Levels.shared(looks=2, places=5)
    assert (found.patients, found.positives, found.images_per_patient) == (1500, 150, 1.5)
    assert found.open_if_honest == chance_to_open(0.85, COHORT, FLOOR, levels=levels)
    assert found.closed_if_shortcut == {
        kept: chance_to_close(0.85, COHORT, (kept / 100,) * 3, levels=levels) for kept in KEPT
    }
    enough = COHORT.times(found.patients_for_80 / 1500)
    assert 0.8 <= found.open_with(enough, levels) < 0.81
    assert found.patients_for_90 > found.patients_for_80
    assert found.measured is None


def test_what_cannot_be_reached_is_null_and_a_perfect_score_is_no_promise():
    assert one(auroc=0.6).patients_for_80 is None
    assert one(auroc=1.0).auroc == 0.99
    assert one(cohort=Cohort(15, 1485)).open_if_honest == 0


def test_stored_scores_replace_what_was_assumed():
    spread = Spread(full=1.3, hidden=1.1, between_fills=0.9, honest=0.1)
    estimates = AtHand(0.85, (0.52, 0.5, 0.55), COHORT, spread)
    found = one(at_hand=estimates)
    assert found.spread == spread
    assert found.open_if_honest == chance_to_open(0.85, COHORT, FLOOR, spread=spread)
    assert found.measured.hidden == estimates.hidden
    assert found.measured.patients_to_decide > 1000
    assert one(at_hand=estimates, decided=True).measured.patients_to_decide is None
    assert Forecast.model_validate_json(found.model_dump_json()) == found


def test_all_targets_multiply_their_chances_and_take_more_patients():
    rare = one("nodule", cohort=Cohort(60, 1440, 1.5))
    common = one("effusion")
    joint = together([rare, common], Levels())
    assert (joint.targets, joint.auroc) == (2, 0.85)
    assert together([rare, one(auroc=0.9)], Levels()).auroc is None
    assert joint.open_if_honest == pytest.approx(rare.open_if_honest * common.open_if_honest)
    assert joint.patients_for_80["cxr"] > max(rare.patients_for_80, common.patients_for_80)
    assert together([rare, one(auroc=0.6)], Levels()).patients_for_80 is None


def question(target, auroc, cohort=COHORT):
    return Question(
        ("net", "cxr", target), cohort, FLOOR, auroc, "assumed" if auroc is None else "claimed"
    )


def test_targets_share_the_level_and_unknown_skills_are_assumed():
    shared = Levels.shared(places=2)
    single, joint = forecasts([question("effusion", 0.9), question("nodule", None)], shared)
    assert [each.auroc for each in single] == [0.9, *ASSUMED]
    assert len(joint) == len(ASSUMED)
    assert single[0].closed_if_shortcut[50] == chance_to_close(
        0.9, COHORT, (0.5,) * 3, levels=shared
    )
    alone, none = forecasts([question("effusion", 0.9)], Levels())
    assert len(alone) == 1
    assert none == []


def test_the_release_rests_on_primary_targets():
    asked = [question(name, 0.9) for name in ("effusion", "nodule", "device")]
    asked[2] = dataclasses.replace(asked[2], primary=False)
    single, (joint,) = forecasts(asked, Levels())
    assert (len(single), joint.targets) == (3, 2)
    assert forecasts(asked[1:], Levels())[1] == []


def lines(width=80):
    single, joint = forecasts([question("effusion", 0.9), question("nodule", 0.85)], Levels())
    few = question("mass", 0.9, Cohort(12, 300))
    rare, _ = forecasts([few], Levels())
    plan = Plan(
        policy="ours",
        alpha=0.05,
        looks=5,
        targets=(*single, *rare),
        all_targets=tuple(joint),
        notes=("a note",),
    )
    return plan, in_lines(plan, width)


def test_the_table_fits_a_terminal_and_says_what_it_means():
    plan, shown = lines()
    table = shown[: shown.index("")]
    assert all(len(line) <= 80 for line in table)
    assert table[0] == "net on cxr"
    effusion = next(line for line in table if line.startswith("effusion")).split()
    first = plan.targets[0]
    assert effusion[1:5] == ["1,500", "150", ".90", chance(first.open_if_honest)]
    assert effusion[-2:] == [number(first.patients_for_80), number(first.patients_for_90)]
    assert next(line for line in table if line.startswith("all 2"))
    for line in (*MEANING, "a note", "policy 'ours': each pass at 0.01 (5 looks)"):
        assert line in shown
    assert any(line.startswith("cxr, mass: 12 patients with the finding and 300") for line in shown)
    assert not any("…" in line for line in lines(40)[1]), "nothing is cut on a narrow terminal"


def test_what_was_assumed_and_what_measured_is_said():
    claimed = one()
    stored = one(at_hand=AtHand(0.85, (0.5,) * 3, COHORT, Spread()))
    measured = stored.model_copy(update={"skill": "measured"})
    assumed = claimed.model_copy(update={"skill": "assumed"})
    assert based_on([claimed]).startswith("AUROC as the model card claims; assumed: binormal")
    assert based_on([assumed]).startswith("assumed: the AUROC, binormal scores")
    assert based_on([measured]) == (
        "AUROC measured on stored scores; variances and correlations measured on stored scores"
    )
    assert "for 1 of 2 targets; assumed: binormal" in based_on([claimed, stored])


def test_chances_and_numbers_in_words():
    assert [chance(value) for value in (0, 1e-9, 0.5, 0.995, 1)] == [
        "0%", "<1%", "50%", ">99%", ">99%",
    ]  # fmt: skip
    assert [number(value) for value in (None, 7, 1047, 36811)] == ["–", "7", "1,100", "37,000"]


def test_the_keys_of_the_file():
    plan, _ = lines()
    content = json.loads(plan.model_dump_json())
    assert set(content) == {"policy", "alpha", "looks", "targets", "all_targets", "notes"}
    assert {"open_if_honest", "closed_if_shortcut", "patients_for_80"} <= set(content["targets"][0])
    assert set(content["targets"][0]["closed_if_shortcut"]) == {"25", "50", "100"}

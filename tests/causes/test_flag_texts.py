"""Texts of a flag: why it holds, what would settle it, and the sentence for a clinician."""

from __future__ import annotations

import pytest
from causes.made import (
    CAUSES,
    CLEAN,
    LEAK,
    PAIR,
    SIGNAL,
    c1,
    c3,
    c6,
    c10,
    cue,
    finding,
    findings,
    flag,
    kept,
    named,
    r2,
)

from audit_suite.causes import UNDETERMINED, name_causes


@pytest.mark.parametrize(
    ("cause", "changes", "settles"),
    [
        ("background-shortcut", {**SIGNAL, "C4": None}, None),
        (
            "background-shortcut",
            {**SIGNAL, "C4": "inconclusive: 40"},
            "C4: too little data",
        ),
        ("background-shortcut", {**SIGNAL, "C4": "na: fills 95 %"}, "C4: fills 95 %"),
        ("background-shortcut", {**SIGNAL, "C4": "inconclusive"}, "C4: too little data"),
        ("background-shortcut", {**SIGNAL, "C4": "error: disk full"}, "C4: disk full"),
        # the case that matters, although another case of the check is decided
        (
            "mask-leak",
            {**LEAK, "C1": c1("inconclusive: 9", "pass", "fail")},
            "C1: too little data",
        ),
        ("framing", {"C1": c1("inconclusive: 9", "fail", "fail"), "C11": None}, "C11 was not run"),
        (
            "mask-leak",
            {**LEAK, "C3": c3("fail", own=0.9, fall=(-0.02, 0.2))},
            "C1, C3 on more patients",
        ),
        (
            "co-label",
            {**SIGNAL, "C10": c10(site="inconclusive: 5", other="na: no equals")},
            "C10: no equals",
        ),
        ("explained-by-metadata", {"M6": None, "M7": None}, None),
        (
            "explained-by-metadata",
            {"M6": [finding("M6", "na: none declared", "nothing")]},
            "M6: none declared",
        ),
        (
            "explained-by-metadata",
            {"M6": [cue("site", 0.24, check="M6")]},
            "M6: too little data",
        ),
        (
            "acquisition",
            {
                "M7": [
                    finding("M7", "na: all are alike", "aspect"),
                    finding("M7", "na: no region", "acquisition"),
                ]
            },
            "M7: no region",
        ),
        ("acquisition", {"M7": [cue("grain", 0.2)]}, "M7: too little data"),
        (
            "background-shortcut",
            {**SIGNAL, "R8-box": kept(0.24, 0.24, 0.24)},
            "R8-box on more patients",
        ),
        (
            "co-label",
            {**SIGNAL, "C10": c10(site="fail")},
            "labels of other findings",
        ),
    ],
)  # fmt: skip
def test_an_unknown_names_what_would_settle_it(cause, changes, settles):
    if settles is None:
        assert cause not in [flag.cause for flag in named(changes).flags], "nothing was asked"
        return
    shown = flag(named(changes), cause)
    assert (shown.holds, shown.settles) == ("unknown", settles)


def test_the_most_that_any_case_needs_is_what_settles():
    shown = flag(named({"C6": c6("inconclusive: 3", "inconclusive: 30")}), "masking-artefact")
    assert shown.settles == "C6: too little data"


def test_masks_whose_quality_is_tied_to_the_label_support_no_cause():
    causes = named({**SIGNAL, **LEAK})
    assert causes.causes == ["background-shortcut", "mask-leak"]
    poor = [finding("C13", "pass", "area"), finding("C13", "fail", "quality")]
    doubted = named({**SIGNAL, **LEAK, "C13": poor})
    assert doubted.causes == [UNDETERMINED]
    shown = flag(doubted, "background-shortcut")
    assert (shown.holds, shown.settles) == (
        "unknown",
        "masks of equal quality for sick and healthy",
    )
    assert "masks of equal quality" in flag(doubted, UNDETERMINED).settles
    good = [finding("C13", "fail", "area"), finding("C13", "pass", "quality")]
    assert named({**SIGNAL, **LEAK, "C13": good}).causes == causes.causes


def test_undetermined_lists_what_is_open_and_what_would_settle_it():
    changes = {**SIGNAL, "C4": "inconclusive: 40", "C12": "na: no margin declared"}
    shown = flag(named(changes), UNDETERMINED)
    assert shown.holds == "yes"
    assert shown.settles == (
        "background-shortcut (C4: too little data); roi-incomplete (C12: no margin declared)"
    )
    closed = flag(named({**SIGNAL, "C4": "pass"}), UNDETERMINED)
    assert closed.settles == "a reader who looks at the masked images"
    unclear = flag(named({"R2": "inconclusive: 40", "R3": None}), UNDETERMINED)
    assert unclear.holds == "unknown"
    assert unclear.settles == "R2: too little data; R3 was not run"


# What a flag shows


def test_a_flag_shows_the_estimates_that_decided_it():
    record = named(SIGNAL)
    deciding = flag(record, "background-shortcut").estimates
    assert len(deciding) == 3
    shown = flag(named({**SIGNAL, "C4": "pass"}), UNDETERMINED)
    assert len(shown.estimates) == 2
    shares = [cue("grain", 0.5, inside=0.4), cue("acquisition", 0.6, inside=0.5), cue("marks")]
    used = flag(named({"M7": shares}), "acquisition")
    assert [e.at["cue"] for e in used.estimates] == ["acquisition", "grain"]
    assert used.effect.share == used.estimates[0]
    assert not flag(named(), UNDETERMINED).estimates


def test_of_several_fills_a_flag_shows_those_that_its_rule_used():
    """A background flag must not stand beside an AUROC of .477."""
    changes = {**SIGNAL, "R2": r2("inconclusive", 0.477, 0.9, 0.546), "R3": None}
    shown = flag(named(changes), "background-shortcut")
    assert shown.holds == "yes"
    assert [e.value for e in shown.estimates if "masking" in e.at][:1] == [0.9]
    assert 0.477 not in [e.value for e in shown.estimates]


def test_a_flag_shows_the_share_that_it_rests_on():
    share = flag(named({**SIGNAL, "R8-box": kept(0.6, 0.4, 0.5)}), "background-shortcut").effect
    assert share.of == "of the skill is left with the region's box hidden"
    assert share.contributes
    small = flag(named({"M6": [cue("site", 0.18, 0.05, "M6")]}), "explained-by-metadata")
    assert (small.holds, small.effect.contributes) == ("no", True)
    none = flag(named({"M6": [cue("site", 0.12, 0.05, "M6")]}), "explained-by-metadata")
    assert (none.holds, none.effect.contributes) == ("no", False)
    assert flag(named({"C6": c6("fail")}), "masking-artefact").effect is None


def test_naming_does_not_depend_on_how_many_checks_share_the_level_of_the_release():
    def undecided(check, case="", p_raw=0.001):
        made = finding(check, "inconclusive", case)
        made.comparisons[0].p_raw = p_raw  # a fail of this check alone, not one of the release
        return made

    changes = {"C1": [undecided("C1", "position")], "C11": [undecided("C11")]}
    assert named(changes).causes == ["framing"]
    many = [undecided("C1", f"case {i}", 0.9) for i in range(60)]
    assert named({**changes, "C1": [*changes["C1"], *many]}).causes == [], "cases of one check do"
    few = {"C1": [undecided("C1", "position")], "C11": [undecided("C11")]}
    for each in few["C1"]:
        each.comparisons[0].basis = PAIR.model_copy(update={"fewest": 19})
    assert named(few).causes == [], "no verdict is drawn on so few patients"


# Sentences


def test_one_sentence_for_a_clinician():
    assert named(SIGNAL).sentence == (
        "On sick: the model recognises it from parts of the image outside the region where a "
        "reader would look."
    )
    both = named({**SIGNAL, "C10": c10(site="fail", other="pass")}).sentence
    assert both.count("; and ") == 1
    assert "another finding that often comes with it" in both
    open_ = named({"R2": "inconclusive", "R3": "inconclusive"}).sentence
    assert "do not show what the model reads outside" in open_
    assert "by a cue that no check identifies" in named({**SIGNAL, "C4": "pass"}).sentence


def test_the_sentence_gives_the_share_of_a_named_cause():
    assert named({"M7": [cue("acquisition", 0.6, inside=0.5)]}).sentence == (
        "On sick: the cue is how the picture was made (exposure, noise, processing), which shows "
        "in the region too, so that hiding parts of the image cannot remove it (60%, interval "
        "55% to 65% of what separates patients with and without the finding)."
    )


def test_the_sentence_says_that_the_place_of_a_cue_is_not_known():
    """Nor which cause it is: a mark beside the region, or an exposure that is everywhere."""
    place = (
        "the model follows a cue of the image, and it is not known whether acquisition (60%, "
        "interval 55% to 65%) lies beside the region or in it too"
    )
    open_ = {"M7": [cue("acquisition", 0.6, inside=0.1, inside_half=0.2)]}
    record = named(open_)
    assert record.causes == [UNDETERMINED]
    assert record.sentence == f"On sick: {place}."
    assert flag(record, UNDETERMINED).effect.share.value == 0.6
    for cause in ("acquisition", "background-shortcut"):
        assert "whether acquisition (60%, interval 55% to 65%) lies" in flag(record, cause).settles
    both = named({**LEAK, **open_})
    assert both.causes == ["mask-leak"]
    assert both.sentence.endswith(f"; and {place}.")


def test_the_sentence_of_an_open_gate_accuses_the_model_of_nothing():
    """3,200 patients: the signal is surely there, and surely small."""
    small = {**SIGNAL, "R8-box": kept(0.14, 0.12, 0.13, half=0.01)}
    record = named({**small, "M7": [cue("grain", 0.14, 0.01)], "C4": "pass"})
    assert record.causes == []
    assert record.sentence == (
        "On sick: with the region's box hidden, less than a quarter of the skill is left (14%, "
        "interval 13% to 15%); and no declared tag or image property explains as much as a quarter of the "
        "skill; and grain contributes (14%, interval 13% to 15% of what separates patients with "
        "and without the finding)."
    )


def test_the_sentence_says_only_what_was_asked():
    nothing = dict.fromkeys(CLEAN)
    assert named({**nothing, "R2": "pass", "R3": "pass"}).sentence == (
        "On sick: with the region hidden, the model does not detect it."
    )
    alone = named({**nothing, "M6": [cue("site", check="M6")]})
    assert alone.sentence == (
        "On sick: no declared tag explains as much as a quarter of the skill."
    )
    assert [each.cause for each in alone.flags] == ["explained-by-metadata"]
    unclear = named({**nothing, "M7": [cue("grain", 0.22)]}).sentence
    assert unclear == (
        "On sick: whether any image property explains as much as a quarter of the skill is not "
        "known; and grain contributes (22%, interval 17% to 27% of what separates patients with "
        "and without the finding)."
    )


ALONE = {
    "background-shortcut": SIGNAL,
    "mask-leak": LEAK,
    "framing": {"C1": c1(position="fail"), "C11": "fail"},
    "roi-incomplete": {"R2": "fail", "C10": c10(site="fail", other="fail")},
    "co-label": {**SIGNAL, "C4": "pass", "C10": c10(site="fail", other="pass")},
    "explained-by-metadata": {"M6": [cue("site", 0.5, check="M6")]},
    "acquisition": {"M7": [cue("grain", 0.5, inside=0.4)]},
    "masking-artefact": {"C6": c6("fail")},
    UNDETERMINED: {**SIGNAL, "C4": "pass"},
}


@pytest.mark.parametrize("cause", CAUSES)
def test_every_cause_has_words_of_its_own(cause):
    """No id of a check, no name of a flag: a clinician reads it."""
    record = named(ALONE[cause])
    assert record.causes == [cause]
    others = {named(ALONE[other]).sentence for other in CAUSES if other != cause}
    assert record.sentence not in {*others, named().sentence}
    for word in (*CAUSES, "R2", "C4", "AUROC"):
        assert word not in record.sentence


# Places


def test_each_model_data_set_and_target_is_a_place_of_its_own():
    clean, guilty = findings(), findings(SIGNAL)
    for each in guilty:
        each.target = "effusion"
    records = name_causes([*clean, *guilty])
    assert [(r.target, r.causes) for r in records] == [
        ("sick", []),
        ("effusion", ["background-shortcut"]),
    ]


@pytest.mark.parametrize(
    ("audit", "count"),
    [
        ([], 0),
        ([finding("R1", "pass"), finding("C1", "fail", "geometry")], 0),
        ([finding("R2", "na: no region"), finding("C4", "na: no region")], 0),
        ([finding("R2", "pass")], 1),
        ([finding("R3", "fail")], 1),
        ([finding("C4", "inconclusive")], 1),
        ([cue("site", check="M6")], 1),
        ([finding("M7", "na: no region", "grain")], 0),
    ],
)
def test_a_place_where_nothing_was_hidden_nor_any_cue_judged_has_no_causes(audit, count):
    assert len(name_causes(audit)) == count

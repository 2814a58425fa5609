"""Texts of a flag: why it holds, what would settle it, and the sentence for a clinician."""

from __future__ import annotations

import pytest
from causes.made import CAUSES, LEAK, SIGNAL, c1, c3, c6, c10, finding, findings, flag, m3, named

from audit_suite.causes import UNDETERMINED, name_causes


@pytest.mark.parametrize(
    ("cause", "changes", "settles"),
    [
        ("background-shortcut", {**SIGNAL, "C4": None}, "C4 was not run"),
        (
            "background-shortcut",
            {**SIGNAL, "C4": "inconclusive: 40"},
            "C4 needs about 40 more positive patients",
        ),
        ("background-shortcut", {**SIGNAL, "C4": "na: fills 95 %"}, "C4: fills 95 %"),
        ("background-shortcut", {**SIGNAL, "C4": "inconclusive"}, "C4: too little data"),
        ("background-shortcut", {**SIGNAL, "C4": "error: disk full"}, "C4: disk full"),
        # the case that matters, although another case of the check is decided
        (
            "mask-leak",
            {**LEAK, "C1": c1("inconclusive: 9", "pass", "fail")},
            "C1 needs about 9 more positive patients",
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
        (
            "explained-by-metadata",
            {**SIGNAL, "C10": c10(site="inconclusive: 5", other="fail"), "M3": m3(0.7)},
            "C10 needs about 5 more positive patients",
        ),
        ("explained-by-metadata", {**SIGNAL, "M3": None}, "M3 was not run"),
        (
            "explained-by-metadata",
            {**SIGNAL, "C10": c10(nothing="na: none"), "M3": m3(name="grain")},
            "tags declared as metadata",
        ),
        (
            "co-label",
            {**SIGNAL, "C10": c10(site="fail")},
            "labels of other findings",
        ),
    ],
)  # fmt: skip
def test_an_unknown_names_what_would_settle_it(cause, changes, settles):
    shown = flag(named(changes), cause)
    assert (shown.holds, shown.settles) == ("unknown", settles)


def test_the_most_that_any_case_needs_is_what_settles():
    shown = flag(named({"C6": c6("inconclusive: 3", "inconclusive: 30")}), "masking-artefact")
    assert shown.settles == "C6 needs about 30 more positive patients"


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
        "background-shortcut (C4 needs about 40 more positive patients); "
        "roi-incomplete (C12: no margin declared)"
    )
    closed = flag(named({**SIGNAL, "C4": "pass"}), UNDETERMINED)
    assert closed.settles == "a reader who looks at the masked images"
    used = flag(named({"M3": m3(0.8, (0.4, 0.3), "brightness")}), UNDETERMINED)
    assert used.settles.startswith("images of one scanner and protocol")
    assert used.because.startswith("brightness predicts the label, and the model's score follows")


# What a flag shows


def test_a_flag_shows_the_estimates_that_decided_it():
    record = named(SIGNAL)
    deciding = flag(record, "background-shortcut").estimates
    assert len(deciding) == 3
    shown = flag(named({**SIGNAL, "C4": "pass"}), UNDETERMINED)
    assert len(shown.estimates) == 2
    used = flag(named({"M3": m3(0.8, (0.4, 0.3), "brightness")}), UNDETERMINED)
    assert [e.at["property"] for e in used.estimates] == ["brightness"] * 3
    assert not flag(named(), UNDETERMINED).estimates


def test_reasons_name_what_patients_were_equal_in():
    changes = {**SIGNAL, "C10": c10(age="pass", site="pass", other="fail")}
    changes["M3"] = [*m3(0.7), *m3(0.8, name="age")]
    shown = flag(named(changes), "explained-by-metadata")
    assert shown.because == (
        "among patients equal in age or in site, the model is at chance without the region"
    )


# Sentences


def test_one_sentence_for_a_clinician():
    assert named(SIGNAL).sentence == (
        "On sick: the model recognises it from parts of the image outside the region where a "
        "reader would look."
    )
    both = named({**SIGNAL, "C10": c10(site="fail", other="pass")}).sentence
    assert both.count("; and ") == 1
    assert "another finding that often comes with it" in both
    assert named().sentence == (
        "On sick: with the region of interest hidden the model is at chance, and no check points "
        "to another cue."
    )
    open_ = named({"R2": "inconclusive", "R3": "inconclusive"}).sentence
    assert "cannot show what the model reads outside" in open_
    assert "can neither reveal nor locate" in named({**SIGNAL, "C4": "pass"}).sentence


ALONE = {
    "background-shortcut": SIGNAL,
    "mask-leak": LEAK,
    "framing": {"C1": c1(position="fail"), "C11": "fail"},
    "roi-incomplete": {"R2": "fail", "C10": c10(site="fail", other="fail")},
    "co-label": {**SIGNAL, "C4": "pass", "C10": c10(site="fail", other="pass")},
    "explained-by-metadata": {
        **SIGNAL,
        "C4": "pass",
        "C10": c10(site="pass", other="fail"),
        "M3": m3(0.8),
    },
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
    ],
)
def test_a_place_where_the_region_was_never_hidden_has_no_causes(audit, count):
    assert len(name_causes(audit)) == count

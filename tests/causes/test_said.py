"""What a flag says: what led there, what would settle it, and the sentence for a clinician."""

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
def test_an_unknown_says_what_would_settle_it(cause, changes, settles):
    found = flag(named(changes), cause)
    assert (found.holds, found.settles) == ("unknown", settles)


def test_the_most_that_any_case_needs_is_what_settles():
    found = flag(named({"C6": c6("inconclusive: 3", "inconclusive: 30")}), "masking-artefact")
    assert found.settles == "C6 needs about 30 more positive patients"


def test_masks_whose_quality_is_tied_to_the_label_support_no_cause():
    causes = named({**SIGNAL, **LEAK})
    assert causes.causes == ["background-shortcut", "mask-leak"]
    poor = [finding("C13", "pass", "area"), finding("C13", "fail", "quality")]
    doubted = named({**SIGNAL, **LEAK, "C13": poor})
    assert doubted.causes == [UNDETERMINED]
    found = flag(doubted, "background-shortcut")
    assert (found.holds, found.settles) == (
        "unknown",
        "masks of equal quality for sick and healthy",
    )
    assert "masks of equal quality" in flag(doubted, UNDETERMINED).settles
    good = [finding("C13", "fail", "area"), finding("C13", "pass", "quality")]
    assert named({**SIGNAL, **LEAK, "C13": good}).causes == causes.causes


def test_undetermined_lists_what_is_open_and_what_would_settle_it():
    changes = {**SIGNAL, "C4": "inconclusive: 40", "C12": "na: no margin declared"}
    found = flag(named(changes), UNDETERMINED)
    assert found.holds == "yes"
    assert found.settles == (
        "background-shortcut (C4 needs about 40 more positive patients); "
        "roi-incomplete (C12: no margin declared)"
    )
    closed = flag(named({**SIGNAL, "C4": "pass"}), UNDETERMINED)
    assert closed.settles == "a reader who looks at the masked images"
    used = flag(named({"M3": m3(0.8, (0.4, 0.3), "brightness")}), UNDETERMINED)
    assert used.settles.startswith("images of one scanner and protocol")
    assert used.because.startswith("brightness tells the label, and the model's score follows")


# What a flag shows


def test_a_flag_shows_the_estimates_that_decided_it():
    record = named(SIGNAL)
    shown = flag(record, "background-shortcut").estimates
    assert len(shown) == 3
    found = flag(named({**SIGNAL, "C4": "pass"}), UNDETERMINED)
    assert len(found.estimates) == 2
    used = flag(named({"M3": m3(0.8, (0.4, 0.3), "brightness")}), UNDETERMINED)
    assert [e.at["property"] for e in used.estimates] == ["brightness"] * 3
    assert not flag(named(), UNDETERMINED).estimates


def test_reasons_name_what_patients_were_equal_in():
    changes = {**SIGNAL, "C10": c10(age="pass", site="pass", other="fail")}
    changes["M3"] = [*m3(0.7), *m3(0.8, name="age")]
    found = flag(named(changes), "explained-by-metadata")
    assert found.because == "among patients equal in age, site nothing is told without the region"


# Sentences


def test_one_sentence_says_it_to_a_clinician():
    assert named(SIGNAL).sentence == (
        "On sick: the model recognises it from parts of the image outside the region where a "
        "reader would look."
    )
    both = named({**SIGNAL, "C10": c10(site="fail", other="pass")}).sentence
    assert both.count("; and ") == 1
    assert "another finding that often comes with it" in both
    assert named().sentence == (
        "On sick: with the region of interest hidden the model tells nothing, and nothing found "
        "here speaks for another cue."
    )
    open_ = named({"R2": "inconclusive", "R3": "inconclusive"}).sentence
    assert "cannot say what the model reads outside" in open_
    assert "cannot find or tell apart" in named({**SIGNAL, "C4": "pass"}).sentence


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
    for one in guilty:
        one.target = "effusion"
    records = name_causes([*clean, *guilty])
    assert [(r.target, r.causes) for r in records] == [
        ("sick", []),
        ("effusion", ["background-shortcut"]),
    ]


@pytest.mark.parametrize(
    ("found", "count"),
    [
        ([], 0),
        ([finding("R1", "pass"), finding("C1", "fail", "geometry")], 0),
        ([finding("R2", "na: no region"), finding("C4", "na: no region")], 0),
        ([finding("R2", "pass")], 1),
        ([finding("R3", "fail")], 1),
        ([finding("C4", "inconclusive")], 1),
    ],
)
def test_a_place_where_the_region_was_never_hidden_has_no_causes(found, count):
    assert len(name_causes(found)) == count

"""R1 to R8-box on made-up scores: who passes, who fails, and who is left undecided."""

from __future__ import annotations

import numpy as np
import pytest
from needs.evidence import Stored, binormal, case, cell, findings, table

from audit_suite.verdict import Verdict

COUNT = 1500  # of each class
IDS = {
    "hidden": "without-lungs{}",
    "hidden box": "without-lungs-box{}",
    "only": "only-lungs{}",
    "only box": "only-lungs-box{}",
}
FILLS = ("", "-mean", "-blur")


def judged(tmp_path, check, full=0.9, count=COUNT, margins="", **aurocs):
    """The finding of a check where each view of an image has a given AUROC, by fill or for all.

    Args:
        tmp_path: For the cards.
        check: Its id.
        full: AUROC of full images.
        count: Images of each class.
        margins: Further keys of the model card.
        **aurocs: By the view's name with underscores: one AUROC, or one per fill.
    """
    labels, scores = binormal(full, count)
    tables = {"full": table(scores)}
    for view, form in IDS.items():
        given = aurocs.get(view.replace(" ", "_"), 0.5 if "hidden" in view else full)
        for fill, auroc in zip(FILLS, np.broadcast_to(given, 3), strict=True):
            side = auroc >= 0.5
            drawn = binormal(float(auroc if side else 1 - auroc), count)[1]
            tables[form.format(fill)] = table(drawn if side else -drawn)
        tables[form.format("-swap")] = tables[form.format("")]
    place = cell(tmp_path, roi='roi = ["lungs"]', model=margins)
    source = Stored([case(i, label) for i, label in enumerate(labels)], tables)
    ((_, finding, recorded),) = findings(check, place, source)
    return finding, recorded


def verdict(*args, **kwargs):
    return judged(*args, **kwargs)[0].verdict


HONEST = {}
SHORTCUT = {"hidden": 0.9, "hidden_box": 0.9, "only": 0.5, "only_box": 0.5}
INVERTED = {"hidden": (0.1, 0.9, 0.9), "hidden_box": (0.1, 0.9, 0.9)}  # black turns the score round
ONE_FILL = {"hidden": (0.5, 0.5, 0.8), "hidden_box": (0.5, 0.5, 0.8)}


@pytest.mark.parametrize("check", ["R2", "R3", "R4", "R6", "R6-box", "R8", "R8-box"])
@pytest.mark.parametrize(
    ("model", "said"),
    [(HONEST, "pass"), (SHORTCUT, "fail")],
    ids=["honest", "shortcut"],
)
def test_honest_and_shortcut_models(tmp_path, check, model, said):
    assert verdict(tmp_path, check, **model) == said


@pytest.mark.parametrize("check", ["R2", "R3", "R4", "R8", "R8-box"])
def test_a_score_that_black_turns_round_has_kept_its_signal(tmp_path, check):
    assert verdict(tmp_path, check, **INVERTED) == "fail"


@pytest.mark.parametrize("check", ["R2", "R3", "R8", "R8-box"])
def test_one_fill_alone_neither_fails_nor_passes(tmp_path, check):
    assert verdict(tmp_path, check, **ONE_FILL) == "inconclusive"


@pytest.mark.parametrize("check", ["R4", "R5", "R6", "R6-box", "R8-box", "R12"])
def test_a_model_with_swapped_classes_has_no_skill_to_lose(tmp_path, check):
    labels, scores = binormal(0.73, COUNT)
    tables = dict.fromkeys(
        [f.format(fill) for f in IDS.values() for fill in (*FILLS, "-swap", "-noise")],
        table(-scores),
    )
    tables |= {"full": table(-scores), "without-lungs-elsewhere-noise": table(-scores)}
    source = Stored([case(i, label) for i, label in enumerate(labels)], tables)
    place = cell(tmp_path, roi='roi = ["lungs"]')
    ((_, finding, _),) = findings(check, place, source)
    assert finding.verdict == "not_applicable"
    ((_, first, _),) = findings("R1", place, source)
    assert first.verdict == "fail"
    assert "if the classes are swapped" in first.observations[0].label
    compared, _, words = first.reason.partition("; ")
    assert compared.startswith("AUROC 0.27")
    assert words.endswith("or the labels of the data look swapped")


def test_a_model_that_merely_lacks_skill_is_not_said_to_be_swapped(tmp_path):
    place = cell(tmp_path)
    labels, scores = binormal(0.5, COUNT)
    source = Stored([case(i, label) for i, label in enumerate(labels)], {"full": table(scores)})
    ((_, first, _),) = findings("R1", place, source)
    assert first.verdict == "fail"
    assert "swapped" not in first.reason


def test_r5_takes_an_inverted_view_of_the_box_for_skill(tmp_path):
    assert verdict(tmp_path, "R5", only_box=(0.1, 0.1, 0.1)) == "pass"
    assert verdict(tmp_path, "R5", only_box=(0.5, 0.5, 0.5)) == "fail"
    assert verdict(tmp_path, "R5", only_box=(0.5, 0.9, 0.5)) == "pass", "one fill is enough"
    assert verdict(tmp_path, "R5", only_box=0.85) == "pass", "seven eighths of the skill"
    assert verdict(tmp_path, "R5", only_box=0.7) == "fail", "half of it"
    assert verdict(tmp_path, "R5", only_box=(0.5, 0.5, 0.9)) == "fail", "a blurred rim is no proof"


@pytest.mark.parametrize("check", ["R2", "R3"])
def test_between_the_margin_and_a_quarter_nobody_is_blamed_or_acquitted(tmp_path, check):
    """.07 above chance is .175 of a skill of .40: beyond .05, below a quarter of it (.10)."""
    finding, recorded = judged(tmp_path, check, count=12_000, hidden=0.57, hidden_box=0.57)
    assert finding.verdict == "inconclusive"
    assert "less than 25% of the skill on full images, which is allowed" in finding.reason
    assert {c.verdict for c in recorded.comparisons} == {Verdict.PASS}
    assert len(finding.observations) == 3, "the AUROCs are shown"
    # What the card allows in R8 is allowed here too.
    own = "R8" if check == "R2" else "R8-box"
    strict = f'[margins.{own}]\nvalue = 0.1\nsource = "our protocol"'
    held = judged(tmp_path, check, count=12_000, margins=strict, hidden=0.57, hidden_box=0.57)
    assert held[0].verdict == "fail"
    # The same distance from chance is more than a quarter of a small skill.
    small = judged(tmp_path, check, full=0.7, count=12_000, hidden=0.57, hidden_box=0.57)
    assert small[0].verdict == "fail"


@pytest.mark.parametrize(
    ("kept", "said"), [(0.0, "pass"), (0.1, "pass"), (0.25, "inconclusive"), (0.5, "fail")]
)
def test_r8_box_by_the_share_that_is_kept(tmp_path, kept, said):
    hidden = 0.5 + kept * 0.4
    assert verdict(tmp_path, "R8-box", count=3000, hidden_box=hidden) == said


def test_r8_box_shows_share_auroc_and_bound(tmp_path):
    finding, _ = judged(tmp_path, "R8-box", hidden_box=0.52)
    assert finding.estimate.label.startswith("share of skill kept without")
    assert finding.estimate.value == pytest.approx(0.05, abs=0.01)
    assert [round(o.value, 2) for o in finding.observations] == [0.52] * 3
    assert finding.comparisons[0].bound_words == "upper 95 % bound"
    assert f"{finding.comparisons[0].bound:.3f}" in finding.comparisons[0].message


@pytest.mark.parametrize(
    ("claimed", "full", "said"),
    [
        ("", 0.7, "pass"),
        ("", 0.5, "fail"),
        ("", 0.62, "inconclusive"),
        ("0.9", 0.9, "pass"),
        ("0.9", 0.85, "inconclusive"),
        ("0.9", 0.7, "fail"),
        ("0.62", 0.7, "pass"),  # the floor is higher than the claim less .05
    ],
)
def test_r1_against_the_floor_or_the_claim(tmp_path, claimed, full, said):
    labels, scores = binormal(full, 400)
    claim = f'[claims.sick]\nauroc = {claimed}\nsource = "a paper"' if claimed else ""
    place = cell(tmp_path, roi='roi = ["lungs"]', model=claim)
    source = Stored([case(i, label) for i, label in enumerate(labels)], {"full": table(scores)})
    ((_, finding, _),) = findings("R1", place, source)
    assert finding.verdict == said


def test_r6_compares_opaque_fills_alone(tmp_path):
    """Blur lets a marker through on either side; what black and mean say decides."""
    _, recorded = judged(tmp_path, "R6-box", **SHORTCUT | {"only_box": (0.5, 0.5, 0.9)})
    assert [c.verdict for c in recorded.comparisons] == [Verdict.FAIL] * 2

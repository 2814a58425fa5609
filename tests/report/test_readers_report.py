"""What readers saw, in the report: numbers beside the model's, words by number of readers."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from needs.evidence import shipped
from report.example import comparison, estimate, example, finding, picture

from audit_suite.record import ReadImage, ReadingsRecord, WaiverRecord
from audit_suite.report import render_html
from audit_suite.report.section import findings_of
from audit_suite.sections.readers import view

HIDDEN = "without-roi-box"
WAIVER = WaiverRecord(owner="Dr Example", reason="to be read again", expires="2030-01-01")


def at(label, value, **place):
    return estimate(label, value, 0.08).model_copy(update={"at": place})


def skill(names, masking="full", base=0.8):
    found = []
    for number, name in enumerate(names):
        shown = {"masking": masking, "reader": name}
        for measure in ("AUROC", "sensitivity", "specificity", "cannot be read"):
            if measure == "AUROC" or name not in ("mean", "model"):
                found.append(at(measure, base + number / 100, measure=measure, **shown))
    return found


def record(count=3, verdict="fail", images=True):
    """The example with readings; the comparison judged from three readers on."""
    names = [f"reader-{n + 1}" for n in range(count)]
    names += ["mean", "model"] if count > 1 else ["model"]
    ahead = at("AUROC of the model above the readers'", 0.31, masking=HIDDEN, readers=float(count))
    judged = [comparison(ahead, verdict.replace("waived", "fail"), "<", 0.05)] if count > 2 else []
    more = [
        finding("H1", "pass", [comparison(estimate("items", 0, 0), "pass", "<", 0)], title="read"),
        finding(
            "H2",
            verdict if judged else "not_applicable",
            judged,
            title="no signal that no reader sees",
            section="readers.comparison",
            observations=[] if judged else [ahead],
            reason="reported only: a description",
            waiver=WAIVER if verdict == "waived" else None,
        ),
        finding(
            "H3",
            "not_applicable",
            [],
            title="what readers see",
            section="readers.skill",
            observations=[*skill(names), *skill(names, HIDDEN, 0.5)],
            reason="reported only: of people",
        ),
        finding(
            "H4",
            "not_applicable",
            [],
            title="readers agree",
            section="readers.agreement",
            observations=[at("Fleiss' kappa of readers, in full", 0.61, measure="Fleiss' kappa")],
            reason="reported only: of readers",
        ),
    ]
    made = example()
    shown = [
        ReadImage(
            model="lung-net",
            dataset="site-b",
            target="effusion",
            masking=HIDDEN,
            positive=positive,
            png=picture(3),
            model_rank=0.87,
            ratings={"reader-1": -4, "reader-2": 0, "reader-3": 2},
        )
        for positive in (True, False)
    ]
    provenance = made.provenance.model_copy(
        update={
            "readings": ReadingsRecord(
                dataset="site-b", digest="d" * 64, readers=names[:count], n_items=240, chosen_by="m"
            )
        }
    )
    update = {
        "findings": [*made.findings, *more],
        "read": shown if images else [],
        "provenance": provenance,
    }
    return made.model_copy(update=update)


def page(*args, **more):
    return html.unescape(render_html(record(*args, **more)))


def test_readers_and_model_stand_side_by_side():
    made = record()
    (section,) = view(made, findings_of(made.findings, "readers"))
    assert [table.masking for table in section.tables] == ["full image", "without ROI box"]
    full = section.tables[0]
    assert [who for who, _ in full.measures] == [
        "reader-1",
        "reader-2",
        "reader-3",
        "mean",
        "model",
    ]
    assert [cell.value for cell in full.measures[1][1]] == [0.81] * 4
    assert full.measures[3][1][1:] == (None, None, None)
    assert section.tables[1].ahead.value == 0.31
    assert section.tables[0].ahead is None
    model = next(mark for mark in section.plot.rows[0].marks if mark.who == "model")
    mean = next(mark for mark in section.plot.rows[0].marks if mark.who == "mean")
    assert model.y != mean.y, "one never hides the other"
    assert model.low < model.x < model.high


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("fail", "it uses a signal that no reader sees there"),
        ("waived", "it uses a signal that no reader sees there"),
        ("pass", "detects effusion no better than the readers"),
        ("inconclusive", "These images do not show whether the model sees more"),
    ],
)
def test_the_sentence_follows_the_verdict(verdict, words):
    assert words in page(verdict=verdict)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "a description of this reader, no verdict"),
        (2, "a description of these readers, no verdict"),
        (3, "readers and patients both treated as samples"),
    ],
)
def test_what_so_many_readers_can_show_is_said(count, words):
    text = page(count)
    assert words in text
    assert ("multi-reader multi-case" in text) == (count > 2)
    if count < 3:
        assert "For effusion, the results of the model and these readers" in text
        assert "are shown without a verdict" in text


def test_images_that_were_read_are_shown_with_what_was_said():
    text = page()
    assert "Model: scores above 87 % of the images read." in text
    assert (
        "reader-1: absent (confidence 4 of 5); reader-2: cannot be read; "
        "reader-3: present (confidence 2 of 5)" in text
    )
    assert "Images that were read" not in page(images=False)


def test_numbers_of_the_section_are_not_listed_again():
    text = page()
    after = text[text.index('id="passed"') :]
    assert "Fleiss' kappa of readers, in full" not in after
    assert "readers agree" not in after[: after.index('id="glossary"')]


def test_whose_readings_they_are_is_provenance():
    text = page()
    assert "reader-1, reader-2, reader-3: 240 items of site-b, chosen by the scores of m" in text


def test_without_readings_there_is_no_section():
    text = render_html(example())
    assert 'id="readers"' not in text
    assert view(example(), []) == ()


def test_readers_of_masked_films_are_no_ceiling():
    words = "no ceiling, since nobody reads masked films"
    assert words in html.unescape(render_html(record(3)))
    assert words in " ".join((shipped("H2").__doc__ or "").split())
    page = Path(__file__).parents[2] / "docs" / "readers.md"
    if page.exists():  # runs in a checkout
        (row,) = re.findall(r"^\| H2 \|.+$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert words in row

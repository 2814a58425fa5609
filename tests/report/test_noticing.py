"""Could the model notice the masking? The report says what is known at each place."""

from __future__ import annotations

from report.example import comparison, estimate, example, finding
from report.test_report import Page
from report.test_sections import record_with

from audit_suite.report import render_html
from audit_suite.sections.noticing import view


def told(value):
    found = estimate("AUROC of a classifier", value, 0.01)
    return found.model_copy(update={"at": {"classifier": "domain"}})


SHIFT = estimate("how far masked images move", 3.0, 0.1)
EMBEDDING = finding(
    "K1",
    "not_applicable",
    [],
    section="noticing.embedding",
    reason="reported only: no fault",
    observations=[SHIFT, told(0.91), told(0.97)],
)
SWAPPED = finding(
    "K2",
    "pass",
    [comparison(estimate("gap", 0, 0.01), "pass", "<", 0.05)],
    section="noticing.unmasked",
    title="another background",
)


def test_the_worst_masking_and_what_hides_nothing_stand_in_one_row():
    page = Page(render_html(record_with(EMBEDDING, SWAPPED)))
    row = "lung-net, site-b, effusion 0.97 [0.960, 0.980] ✓ pass another background ( K2 )"
    assert f"AUROC Evidence that hides nothing {row}" in page.words
    assert "what speaks for or against it here" in page.words


def test_why_it_was_not_measured_is_said():
    bare = EMBEDDING.model_copy(update={"observations": [], "reason": "names no layer"})
    ((row),) = view(example(), [bare])
    assert (row.told_apart, row.why, row.unmasked) == (None, "names no layer", ())
    ((row),) = view(example(), [SWAPPED])
    assert (row.why, row.unmasked) == ("not asked", (SWAPPED,))


def test_without_either_check_nothing_is_said():
    page = Page(render_html(example()))
    assert "what speaks for or against it here" not in page.words
    assert "A model can notice that an image is masked" in page.words, "it stands under limits"

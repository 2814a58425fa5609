"""The share of the separation that a cue explains, from stored evidence, and what M6 and M7 judge."""

from __future__ import annotations

import numpy as np
import pytest
from needs.evidence import Stored, case, cell, findings, table, with_arrays

from audit_suite import Inconclusive, NotApplicable, OnlyROI, each_share, share_of_separation
from audit_suite.datasets.acquisition import AREAS, EACH
from audit_suite.datasets.properties import INSIDE, PROPERTIES
from audit_suite.statistics import ratio
from audit_suite.statistics.separation import basis_of_numbers, basis_of_words, estimate_separation
from audit_suite.verdict import Verdict

COUNT = 400
LABELS = np.arange(COUNT) % 2
RNG = np.random.default_rng(4)
NOISE = RNG.normal(size=(6, COUNT))
BRIGHT = LABELS + NOISE[0]  # tells the label: AUROC .76
SITE = np.where(RNG.random(COUNT) < 0.85, LABELS, 1 - LABELS)
ROWS = RNG.integers(0, 28, COUNT)
TAGS = 'metadata = ["site", "age"]'
BOX = OnlyROI(shape="box")


@pytest.fixture
def here(tmp_path):
    return cell(tmp_path, top=TAGS)


def outlines(rows, columns=8):
    """Masks of four by four pixels in a frame of 32, the first of their rows and columns given."""
    drawn = np.zeros((COUNT, 32, 32), np.uint8)
    for mask, row, column in zip(drawn, rows, np.broadcast_to(columns, COUNT), strict=True):
        mask[row : row + 4, column : column + 4] = 255
    return drawn


def stored(
    scores, alone=None, region=True, acquired=0.0, site=SITE, rows=ROWS, used=None, **properties
):
    """Evidence.

    ``alone``: scores with the box alone shown, the same unless given; ``rows``: where each region
    begins; ``used``: images that have one.
    """
    rng = np.random.default_rng(5)
    measured = rng.normal(size=(COUNT, len(PROPERTIES) + len(AREAS) * EACH))
    for name, given in properties.items():
        measured[:, PROPERTIES.index(name)] = given
    looks = measured[:, len(PROPERTIES) :]
    looks += np.asarray(acquired).reshape(-1, 1)
    if not region:
        looks[:, :EACH] = np.nan
    cases = [
        case(
            i, LABELS[i], f"p{i - 2 * (i % 6 >= 4)}", site="ab"[int(site[i])], age=str(40 + i % 40)
        )
        for i in range(COUNT)
    ]
    full = with_arrays(table(scores, 0.0), properties=measured.astype(np.float32))
    boxed = table(scores if alone is None else alone, 0.5)
    drawn = table(scores, 0.3, used, outlines(rows))

    def read(request):
        shown = request.masking
        return full if shown.is_full else boxed if shown.id.startswith("only") else drawn

    return Stored(cases, read, digest=f"{hash((region, float(np.sum(scores))))}")


def test_it_is_the_ratio_of_what_a_property_explains_to_the_whole(here):
    made = stored(BRIGHT + NOISE[1], brightness=BRIGHT)
    found = share_of_separation("brightness").estimate(here, made)
    basis = basis_of_numbers(BRIGHT.astype(np.float32).astype(float))
    scores = (BRIGHT + NOISE[1]).astype(np.float32).astype(float)
    parts = estimate_separation(LABELS, scores, basis, made.patients, made.digest, "x")
    expected = ratio(parts.explained, parts.whole, "x")
    assert found.value == pytest.approx(expected.value)
    assert found.interval() == pytest.approx(expected.interval())
    assert found.at == {"cue": "brightness", "kind": "property", "masking": "full"}
    assert found.interval()[0] > 0.6


def test_a_tag_counts_by_its_values(here):
    made = stored(2 * SITE + NOISE[1])
    found = share_of_separation("site").estimate(here, made)
    scores = (2 * SITE + NOISE[1]).astype(np.float32).astype(float)
    basis = basis_of_words(SITE.astype(str), made.patients)
    parts = estimate_separation(LABELS, scores, basis, made.patients, made.digest, "x")
    assert found.value == pytest.approx(parts.explained.value / parts.whole.value)
    assert found.value == pytest.approx(1, abs=0.2)
    assert share_of_separation("age").estimate(here, made).interval()[1] < 0.1


def test_what_no_property_measures_the_acquisition_shows(here):
    """A little in each of many numbers: a classifier that saw other patients puts it together."""
    exposure = np.where(SITE, 0.8, 0.0)
    follows = stored(2 * SITE + NOISE[1], acquired=exposure)
    assert share_of_separation("acquisition").estimate(here, follows).interval()[0] > 0.25
    honest = stored(2 * LABELS + NOISE[1], acquired=exposure)
    assert share_of_separation("acquisition").estimate(here, honest).interval()[1] < 0.25
    nothing = stored(2 * LABELS + NOISE[1])
    assert abs(share_of_separation("acquisition").estimate(here, nothing).value) < 0.05


def test_with_the_box_alone_shown_the_whole_stays_that_of_full_images(here):
    """So that the share is 0, not unknown, where nothing is left that separates the classes."""
    marker = stored(BRIGHT + NOISE[1], alone=NOISE[2], marks=BRIGHT)
    full = share_of_separation("marks").estimate(here, marker)
    alone = share_of_separation("marks", BOX).estimate(here, marker)
    assert full.interval()[0] > 0.5
    assert -0.25 < alone.interval()[0] < 0 < alone.interval()[1] < 0.25
    diffuse = stored(BRIGHT + NOISE[1], brightness=BRIGHT)
    assert share_of_separation("brightness", BOX).estimate(here, diffuse).interval()[0] > 0.5


def test_where_the_region_lies_is_a_cue(here):
    """By the centre of its mask; what the score knows otherwise is none of it."""
    rows = np.clip((14 + 4 * BRIGHT).astype(int), 0, 28)
    found = share_of_separation("position").estimate(here, stored(BRIGHT + NOISE[1], rows=rows))
    scores = (BRIGHT + NOISE[1]).astype(np.float32).astype(float)
    made = stored(scores)
    basis = basis_of_numbers((rows + 2) / 32)
    parts = estimate_separation(LABELS, scores, basis, made.patients, made.digest, "x")
    assert found.value == pytest.approx(parts.explained.value / parts.whole.value)
    assert found.at == {"cue": "position", "kind": "position", "masking": "full"}
    assert found.interval()[0] > 0.6
    honest = stored(2 * LABELS + NOISE[1], rows=rows)
    assert abs(share_of_separation("position").estimate(here, honest).value) < 0.2
    somewhere = stored(BRIGHT + NOISE[1], rows=rows, used=np.arange(COUNT) % 5 > 0)
    assert share_of_separation("position").estimate(here, somewhere).interval()[0] > 0.25
    with pytest.raises(NotApplicable, match="at the same place in all images"):
        share_of_separation("position").estimate(here, stored(BRIGHT, rows=np.full(COUNT, 9)))


def test_the_cues_are_every_property_the_acquisition_and_every_tag(here, tmp_path):
    image = [need.name for need in each_share("image").expand(here, ())]
    assert image == [*PROPERTIES, "acquisition", "position"]
    assert [need.name for need in each_share("tag").expand(here, ())] == ["site", "age"]
    (none,) = each_share("tag").expand(cell(tmp_path), ())
    with pytest.raises(NotApplicable, match="declares no metadata"):
        none.requests(here)


def test_what_cannot_be_told_says_so(here):
    tied = stored(LABELS + NOISE[1], site=LABELS)
    with pytest.raises(Inconclusive, match="cannot be told from what follows the label"):
        share_of_separation("site").estimate(here, tied)
    with pytest.raises(NotApplicable, match="all images have the same 'grain'"):
        share_of_separation("grain").estimate(here, stored(LABELS + NOISE[1], grain=1.0))


def verdicts(check, here, made):
    return {finding.case: finding for _, finding, _ in findings(check, here, made)}


def test_a_tag_or_property_that_explains_a_quarter_fails(here):
    honest = stored(2 * LABELS + NOISE[1], brightness=BRIGHT)
    found = {**verdicts("M6", here, honest), **verdicts("M7", here, honest)}
    judged = {name: f.verdict for name, f in found.items() if f.comparisons}
    assert set(judged) == {*PROPERTIES, "acquisition", "position", "site", "age"} - set(INSIDE)
    assert set(judged.values()) == {Verdict.PASS}
    reader = stored(BRIGHT + 0.3 * NOISE[1], brightness=BRIGHT)
    found = verdicts("M7", here, reader)
    assert found["brightness"].verdict is Verdict.FAIL
    assert found["grain"].verdict is Verdict.PASS
    alone = found["brightness"].observations[0]
    assert alone.at["masking"].startswith("only")
    assert verdicts("M6", here, stored(2 * SITE + NOISE[1]))["site"].verdict is Verdict.FAIL


def test_what_the_finding_itself_may_move_is_shown_and_not_judged(here):
    """Inside the region always, and on the whole image where nobody knows what lies outside."""
    found = verdicts("M7", here, stored(BRIGHT + NOISE[1], saturation=BRIGHT))
    assert found["saturation"].verdict is Verdict.NOT_APPLICABLE
    assert found["saturation"].observations[0].value > 0.5
    assert "the finding itself moves it" in found["saturation"].reason
    whole = verdicts("M7", here, stored(BRIGHT + NOISE[1], region=False, brightness=BRIGHT))
    assert whole["brightness"].verdict is Verdict.NOT_APPLICABLE
    assert "without a region in every image" in whole["brightness"].reason
    assert whole["megapixels"].verdict is Verdict.PASS, "no pixel moves the size of a file"


def test_a_tag_that_reports_the_disease_is_shown_and_not_judged(tmp_path):
    legitimate = 'legitimate = { site = "the ward for this very disease" }'
    here = cell(tmp_path, top=f"{TAGS}\n{legitimate}")
    found = verdicts("M6", here, stored(2 * SITE + NOISE[1]))
    assert found["site"].verdict is Verdict.NOT_APPLICABLE
    assert found["site"].reason.endswith("the ward for this very disease")
    assert found["site"].observations[0].value > 0.5
    assert found["age"].verdict is Verdict.PASS


def test_a_model_without_skill_has_nothing_to_explain(here):
    found = verdicts("M6", here, stored(NOISE[3]))
    assert {f.verdict for f in found.values()} == {Verdict.NOT_APPLICABLE}

"""The section on embeddings: the map with its words, the similarities and the probes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from audit_suite.record import EmbeddingCloud, EmbeddingRecord
from audit_suite.report import render_html, write_report
from audit_suite.report.charts.scatter import MARGIN, SIDE, scatter
from audit_suite.sections.embeddings import view

sys.path.insert(0, str(Path(__file__).parent))
from example import estimate, example, finding
from test_browser import BROWSER
from test_report import Page

AMONG = ("all", "positive", "negative")


def record_of(points=12, **more):
    """A map: full images of either class apart, and all of them together without the region."""
    rng = np.random.default_rng(0)
    clouds = []
    for masking, places in (("full", (0.2, 0.8)), ("without-lungs", (0.5, 0.5))):
        for positive, place in zip((True, False), places, strict=True):
            at = (place + rng.normal(0, 0.02, (2, points))).clip(0, 1).round(3)
            clouds.append(
                EmbeddingCloud(
                    masking=masking, positive=positive, x=at[0].tolist(), y=at[1].tolist()
                )
            )
    content = {
        "model": "lung-net",
        "dataset": "site-b",
        "target": "effusion",
        "n_images": 2 * points,
        "n_patients": 2 * points,
        "perplexity": 10,
        "clouds": clouds,
    }
    return EmbeddingRecord.model_validate(content | more)


def placed(value, **at):
    found = estimate("x", value, 0.01)
    found.at = at
    return found


PARTS = {"E1": "difference", "E2": "probe", "E3": "map", "E4": "similarity"}


def reported(check, *observations, case="", reason="reported only: as a test"):
    return finding(
        check,
        "not_applicable",
        [],
        id=f"{check}/lung-net/site-b/effusion/{case}",
        case=case,
        reason=reason,
        observations=list(observations),
        section=f"embeddings.{PARTS[check]}",
    )


def checks():
    similar = [placed(0.9, masking="without-roi", among=a) for a in AMONG]
    away = [placed(0.95, masking="without-roi-elsewhere", among=a) for a in AMONG]
    gap = [
        placed(-0.05, masking="without-roi", against="without-roi-elsewhere", among=a)
        for a in AMONG
    ]
    return [
        reported("E1", *similar, *away, *gap, reason="reported only: below 0 it counts for more"),
        reported("E2", placed(0.55, tag="sex", p=0.2, p_holm=0.4), case="sex"),
        reported(
            "E2",
            placed(0.91, tag="site", p=0.0001, p_holm=0.0002),
            placed(0.62, tag="site", of="score"),
            placed(0.12, cue="site", kind="tag", masking="full"),
            case="site",
            reason="reported only: site is encoded and used",
        ),
        reported("E2", placed(1.0, masking="without-roi", p=0.0001, p_holm=0.0003), case="domain"),
        reported("E3", reason="reported only: a picture"),
        reported("E4", *(placed(0.7, masking="only-roi-box", among=a) for a in AMONG)),
        reported("E4", *similar, case="without"),
    ]


def with_embeddings(**more):
    record = example()
    record.findings += checks()
    record.embeddings = [record_of(**more)]
    return record


@pytest.fixture(scope="module")
def page():
    return Page(render_html(with_embeddings()))


def test_the_section_is_well_formed_and_reached_from_the_top(page):
    assert {"id": "embeddings", "aria-labelledby": "h-embeddings"} in page.all("section")
    assert {"href": "#embeddings"} in page.all("a")
    assert "Map of the embeddings of lung-net on site-b, effusion" in page.words
    assert not any("style" in attributes for _, attributes in page.tags)
    assert not {"script", "foreignobject"} & {name for name, _ in page.tags}
    (drawing,) = [s for s in page.all("svg") if s["viewbox"].endswith(f" {MARGIN + SIDE + 4}")]
    assert drawing["role"] == "img"
    titles, pictures = len(page.all("title")), [s for s in page.all("svg") if "role" in s]
    assert titles == len(pictures) + 1
    assert len(page.all("caption")) == len(page.all("table"))
    assert all("scope" in head for head in page.all("th"))


def test_one_sentence_says_what_the_picture_can_and_cannot_show(page):
    assert "groups that lie apart show that it sees a difference" in page.words
    assert "The map cannot show whether its answer depends on that difference" in page.words
    assert "Nothing in this section is judged" in page.words


def test_similarities_stand_by_masking_and_class_and_the_difference_last():
    (found,) = view(example(), checks())
    assert [row.masking for row in found.similarities] == [
        "only ROI box",
        "without ROI",
        "without ROI moved off itself",
        "without ROI, minus without ROI moved off itself",
    ]
    assert [[cell.value for cell in row.cells] for row in found.similarities] == [
        [0.7] * 3,
        [0.9] * 3,
        [0.95] * 3,
        [-0.05] * 3,
    ]
    assert found.notes == ("E1, reported only: below 0 it counts for more",)
    assert found.map is None


def test_probes_stand_the_strongest_tag_first_and_masking_last(page):
    (found,) = view(example(), checks())
    names = [row.name for row in found.probes]
    assert names == ["site", "sex", "masking: without ROI or full"]
    assert "< .001" in page.words
    assert page.words.index("0.910 [0.900, 0.920]") < page.words.index("0.550 [0.540, 0.560]")


def test_what_stands_there_is_not_listed_again(page):
    assert "1 reported without a verdict" in page.words, "R11 of the example"
    assert page.words.count("reported only: a picture") == 0


def test_a_picture_that_could_not_be_drawn_stays_listed():
    record = with_embeddings()
    record.embeddings = []
    words = Page(render_html(record)).words
    assert "reported only: a picture" in words
    assert "Map of the embeddings" not in words


def test_classes_differ_by_shape_and_maskings_by_filling_and_dashes(page):
    drawn = scatter(record_of()).clouds
    assert [(c.number, c.filled) for c in drawn] == [(0, True), (1, True), (0, False), (1, False)]
    assert ["a3.2" in c.marks for c in drawn] == [True, False, True, False], "circles, triangles"
    assert [c.name for c in drawn] == [
        "full image, with the finding",
        "full image, without the finding",
        "without lungs, with the finding",
        "without lungs, without the finding",
    ]
    hollow = [p for p in page.all("path") if p.get("stroke-width") == "1.1"]
    assert {p["fill"] for p in hollow} == {"none"}
    assert len([p for p in page.all("path") if p.get("stroke-dasharray") == "3 2"]) == 6


def test_marks_stand_where_their_points_are_and_the_map_is_the_right_way_up():
    cloud = EmbeddingCloud(masking="full", positive=False, x=[0.0, 1.0], y=[0.0, 1.0])
    (found,) = scatter(record_of(clouds=[cloud])).clouds
    first, last = re.findall(r"M([\d.]+) ([\d.]+)h", found.marks)
    assert float(first[0]) < float(last[0])
    assert float(first[1]) > float(last[1]), "up is up"
    for x, y in (first, last):
        assert 4 <= float(x) <= 4 + SIDE - 6
        assert MARGIN + 6 <= float(y) <= MARGIN + SIDE


def test_histograms_are_shares_on_one_scale():
    narrow = EmbeddingCloud(masking="full", positive=True, x=[0.5] * 8, y=[0.5] * 8)
    wide = EmbeddingCloud(masking="full", positive=False, x=[0.1, 0.4, 0.6, 0.9], y=[0.5] * 4)
    one, two = scatter(record_of(clouds=[narrow, wide])).clouds

    def highest(path):
        return min(float(pair.split()[1]) for pair in path[1:].split("L"))

    room = MARGIN - 8
    assert room - highest(two.top) == pytest.approx((room - highest(one.top)) / 4, abs=0.1)
    assert (one.across, one.up) == ((50, 50), (50, 50))


def test_the_table_says_which_marks_are_nearest():
    clouds = {c.name: c for c in scatter(record_of(40)).clouds}
    assert clouds["full image, with the finding"].same_class == 1
    assert clouds["full image, with the finding"].same_masking == 1
    hidden = clouds["without lungs, with the finding"]
    assert 0.3 < hidden.same_class < 0.7
    assert hidden.same_masking == 1
    assert abs(hidden.across[0] - 50) < 5 > abs(hidden.across[1] - 50)


def test_an_image_is_no_neighbour_of_itself_under_the_other_masking():
    """Two classes of one image each: the nearest of each is the other class alone."""
    clouds = [
        EmbeddingCloud(masking=m, positive=p, x=[x], y=[0.5])
        for m, x in (("full", 0.1), ("without-roi", 0.2))
        for p in (True, False)
    ]
    assert [c.same_class for c in scatter(record_of(clouds=clouds)).clouds] == [0.0] * 4


def test_one_class_alone_and_few_points_are_drawn_too():
    empty = [
        EmbeddingCloud(masking=m, positive=p, x=[0.1, 0.9] * p, y=[0.1, 0.9] * p)
        for m in ("full", "without-roi")
        for p in (True, False)
    ]
    page = Page(render_html(with_embeddings(clouds=empty)))
    assert "without the finding (0)" in page.words


def test_hostile_names_stay_text():
    evil = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>"
    record = with_embeddings()
    for found in record.findings:
        if found.check == "E2" and "tag" in found.observations[0].at:
            found.observations[0].at["tag"] = evil
        if found.check == "E1":
            found.reason = evil
    html = render_html(record)
    assert "<script" not in html
    assert "<img src=x" not in html


def test_the_record_reads_back_and_the_page_is_the_same_each_time(tmp_path):
    record = with_embeddings()
    again = type(record).model_validate_json(record.to_json())
    assert again == record
    assert render_html(again) == render_html(record)


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on this machine")
def test_the_browser_shows_it_under_the_pages_own_policy(tmp_path):
    page = tmp_path / "audit.html"
    write_report(with_embeddings(points=150), page)
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    options += ["--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}"]
    options += [f"--print-to-pdf={tmp_path / 'audit.pdf'}"]
    done = subprocess.run(
        [BROWSER, *options, page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in done.stderr
    if (reader := shutil.which("pdftotext")) is not None:
        text = subprocess.run(
            [reader, tmp_path / "audit.pdf", "-"], capture_output=True, text=True, check=True
        ).stdout
        assert "Nearest ten" in text, "the table behind the map prints open"


def test_a_tag_has_a_row_and_a_sentence_on_whether_it_is_used():
    (found,) = view(with_embeddings(), checks())
    rows = {row.name: row for row in found.probes}
    assert list(rows) == ["site", "sex", "masking: without ROI or full"]
    assert (rows["site"].score.value, rows["site"].share.value) == (0.62, 0.12)
    assert rows["site"].words == "site is encoded and used"
    assert (rows["sex"].score, rows["sex"].share) == (None, None)
    assert rows["masking: without ROI or full"].words == ""
    page = Page(render_html(with_embeddings()))
    assert "site is encoded and used." in page.words

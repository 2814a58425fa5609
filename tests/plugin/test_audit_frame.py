"""An audit of data without any mask: it ends partial, and says what it could not ask."""

from __future__ import annotations

import pytest

from audit_suite.record import load_record
from audit_suite.report import render_html

NO_REGION = """
schema = 1
name = "none"
reader = "manifest"
root = "{folder}"
manifest = "manifest.csv"
[targets.sick]
column = "sick"
"""
REGION = ("R2", "R3", "R8-box", "R10", "R14", "C1", "C3", "C14", "E1")
NEEDS_NONE = ("P3", "P3-alone", "P3-hidden", "M3", "M5", "M5-score")


@pytest.fixture
def audited(world, images):
    """The world's two models on its images, with a card that knows no mask."""

    def run(model, *options):
        (world.path / "none.toml").write_text(NO_REGION.format(folder=images(400).as_posix()))
        result = world.run(*options, model=model, dataset="none")
        return result, load_record(world.path / "audit.json")

    return run


def by_check(record, *ids):
    return [f for f in record.findings if f.check in ids]


def test_an_honest_model_ends_partial_and_the_report_says_what_was_not_asked(audited):
    result, record = audited("honest")
    assert result.ret == 11
    assert record.decision == "partial"
    assert "no region declared" in record.decision_reason
    assert not by_verdict(record, "error")
    region = by_check(record, *REGION)
    assert {f.check for f in region} == set(REGION)
    for finding in region:
        assert finding.verdict == "not_applicable", finding.id
        assert "no region declared" in finding.reason, finding.id
        assert "audit-suite region draw" in finding.reason
        assert "audit-suite segment" in finding.reason
    assert {f.check for f in by_check(record, *NEEDS_NONE)} == set(NEEDS_NONE)
    edge = by_check(record, "P3", "P3-alone", "P3-hidden", "M5-score")
    assert not {f.verdict for f in edge} & {"fail", "error"}
    (bright,) = by_check(record, "M5-score")  # its finding brightens the whole image
    assert bright.verdict == "inconclusive"
    assert "a finding that is bright wherever it lies" in bright.reason
    page = render_html(record)
    first = page[: page.index("<nav")]
    assert "No region declared:" in first
    assert "a pass is no acquittal" in first
    assert 'id="frame"' in page
    assert "They cannot show" in page
    result.stdout.fnmatch_lines(["*no region declared: checks that need no mask can show*"])


def test_a_marker_in_the_corner_is_caught_without_any_mask(audited):
    result, record = audited("shortcut", "--audit-suite=frame")
    assert result.ret == 1
    found = {
        f.id.removeprefix("/").split("/", 1)[0]: f for f in by_check(record, "P3", "P3-hidden")
    }
    assert found["P3"].verdict == "fail"
    assert found["P3-hidden"].verdict == "fail"
    alone = {f.case: f.verdict for f in by_check(record, "P3-alone")}
    assert alone["only-frame.corners-swap"] == "fail"
    assert alone["only-frame.rim-swap"] != "fail"
    (place,) = record.frames
    assert max(place.cells, key=lambda cell: cell.share.value).name == "corners"
    assert sum(cell.share.value for cell in place.cells) == pytest.approx(1)


def by_verdict(record, verdict):
    return [f for f in record.findings if f.verdict == verdict]

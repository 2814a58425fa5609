"""The report: everything of the record, safe, self-contained, and readable by anybody."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from audit_suite.cli import app
from audit_suite.record import (
    Calibration,
    Deviation,
    ErrorRate,
    Record,
    TargetDecision,
    load_record,
)
from audit_suite.report import render_html, render_markdown, write_report
from audit_suite.report.charts.forest import forest
from audit_suite.report.words import number, p_value
from audit_suite.statistics import DecisionRule, Margin, recording
from audit_suite.statistics.means import estimate_proportion
from audit_suite.verdict import Inconclusive, Verdict

sys.path.insert(0, str(Path(__file__).parent))
import itertools

from example import EXAMPLES, comparison, estimate, example, finding

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Collects tags, and fails on a tag that is not closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self._open = [], [], []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


@pytest.fixture(scope="module")
def page():
    return Page(render_html(example()))


def test_golden_example():
    assert render_html(example()) == (EXAMPLES / "audit.html").read_text(), "see `make schema`"
    assert example().to_json() == (EXAMPLES / "audit.json").read_text()


def test_every_finding_is_shown(page):
    for found in example().findings:
        assert found.check in page.words
        assert found.title.lower() in page.words.lower()
        if found.verdict is not Verdict.PASS and found.reason:
            assert found.reason.lower() in page.words.lower()
    assert "Dr Example" in page.words
    assert "second site pending" in page.words
    (undecided,) = (c for f in example().findings for c in f.comparisons if f.check == "R3")
    assert f"the {undecided.bound_words}, {number(undecided.bound, 4)}" in page.words
    assert "protocol 1.2 of the example hospital" in page.words
    assert "manifest.csv row 88" in page.words


def test_the_number_that_decided_stands_beside_every_verdict():
    """The 95 % interval .000 to .127 is not below .1; the one-sided bound that passed is: .083."""
    nothing = estimate_proportion(np.zeros(60, bool), np.arange(60), "d", "fails by chance")
    with recording(DecisionRule()) as recorded, contextlib.suppress(Inconclusive):
        assert nothing < Margin(0.1, "protocol")
    (compared,) = (one.to_record() for one in recorded.comparisons)
    record = example()
    record.findings.append(finding("P2", compared.verdict, [compared]))
    shown = f"{compared.bound_words} {number(compared.bound, 4)}"
    assert shown in re.sub(r"\s+", " ", render_html(record))
    assert compared.bound_words in compared.message


@pytest.mark.parametrize("decision", ["open", "undecided"])
def test_each_target_says_its_decision_and_what_is_left(decision):
    record = example()
    record.targets = [
        TargetDecision(
            model="lung-net",
            dataset="site-b",
            target="nodule",
            primary=False,
            decision=decision,
            reason="because",
            kept="with the region hidden at most 12% of the skill is left under every fill",
        )
    ]
    for text in (render_html(record), render_markdown(record)):
        plain = re.sub(r"<[^>]*>", "", text)
        assert f"lung-net on site-b, nodule: {decision}: because" in plain
        assert "the release does not rest on this target" in plain
        assert "at most 12% of the skill is left" in plain


def test_order_waived_then_worst_first(page):
    shown = page.words[page.words.index("Dr Example") :]
    order = ["R5", "R2", "R6", "R3"]
    places = [shown.index(f"( {check} )") for check in order]
    assert places == sorted(places)
    in_full = shown.partition("What did not pass, in full")[2]
    places = [in_full.index(f"( {check} )") for check in order]
    assert places == sorted(places)


def test_a_fail_says_what_it_means_and_what_to_do_and_so_does_its_code(page):
    means, to_do = "without the region.", "What to do: Look at the pictures without the region."
    _, _, in_full = page.words.partition("What did not pass, in full")
    in_full, _, codes = in_full.partition("Every check of this report")
    failed = [one for one in example().findings if one.verdict is Verdict.FAIL]
    assert in_full.count(to_do) == len(failed) >= 1
    assert codes.count(to_do) == len({one.check for one in example().findings})
    assert in_full.count(f"What it means: The model recognises the finding {means}") == len(failed)
    assert f"If it fails: The model recognises the finding {means}" in codes


def test_sections_stand_in_the_order_of_a_readers_questions(page):
    ids = [section["id"] for section in page.all("section")]
    wanted = ["waived", "problems", "data", "coverage", "claims", "appendix", "estimates"]
    wanted += ["gallery", "findings", "passed", "glossary", "method", "limits", "provenance"]
    assert ids == wanted


def test_what_was_never_asked_is_visible(page):
    assert "pneumothorax" in page.words
    assert page.words.count("not asked") >= 8


def test_nothing_is_loaded_and_nothing_runs(page):
    names = {name for name, _ in page.tags}
    assert not names & {"script", "iframe", "object", "embed", "link", "form", "base"}
    for _, attributes in page.tags:
        assert "style" not in attributes
        assert not [key for key in attributes if key.startswith("on")]
        for key in ("src", "href", "xlink:href"):
            if key in attributes:
                assert attributes[key].startswith(("data:image/png;base64,", "#"))
    assert not re.search(r"https?://|url\(", render_html(example()))


def test_the_policy_allows_the_style_sheet_alone(page):
    html = render_html(example())
    css = re.search(r"<style>(.*?)</style>", html, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    (policy,) = (m["content"] for m in page.all("meta") if m.get("http-equiv"))
    assert policy.startswith("default-src 'none'; ")
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_accessible(page):
    assert page.all("html") == [{"lang": "en"}]
    assert all(image["alt"] for image in page.all("img"))
    levels = [int(name[1]) for name, _ in page.tags if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert all("scope" in cell for cell in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(svg["role"] == "img" for svg in page.all("svg"))
    assert len(page.all("title")) == len(page.all("svg")) + 1
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for link in page.all("a"):
        assert link["href"][1:] in ids
    assert {"header", "nav", "main"} <= {name for name, _ in page.tags}


def test_verdicts_are_words_not_colours_alone(page):
    for word in (
        "fail",
        "inconclusive",
        "error",
        "waived",
        "pass",
        "not applicable",
        "not run",
        "reported",
    ):
        assert word in page.words


def test_hostile_text_stays_text():
    evil = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>"
    record = example()
    for found in record.findings:
        for key in (
            "title",
            "question",
            "claim",
            "reason",
            "would_pass",
            "command",
            "case",
            "model",
            "target",
        ):
            setattr(found, key, evil)
        for compared in found.comparisons:
            compared.message = compared.rule = compared.margin_source = compared.estimate.label = (
                evil
            )
    record.findings[3].waiver.owner = evil
    record.decision_reason = evil
    for model in record.provenance.models:
        model.name = model.description = evil
    for dataset in record.provenance.datasets:
        dataset.name = dataset.description = dataset.licence = evil
        dataset.excluded = [evil]
    record.environment = {evil: evil}
    for image in record.gallery:
        image.masking = image.case = evil
    html = render_html(record)
    assert "<script" not in html
    assert "<img src=x" not in html
    assert not any("onerror" in attributes for _, attributes in Page(html).tags)
    assert "<script" not in render_markdown(record)


@pytest.mark.parametrize("decision", ["open", "closed", "undecided", "partial"])
def test_an_empty_record_renders(decision):
    record = example().model_copy(
        update={
            "findings": [],
            "gallery": [],
            "decision": decision,
            "counts": dict.fromkeys(Verdict, 0),
        }
    )
    assert Page(render_html(record)).words
    assert render_markdown(record)


def test_the_first_screen_says_what_is_missing_and_what_never_opens():
    record = example()
    record.policy.deviations.append(Deviation(what="a smoke run on 50", never_opens=True))
    record.policy.waivers[0].state = "needless"
    words = Page(render_html(record)).words.partition("What did not pass")[0]
    assert "required, but not asked or not judged: R8-box" in words
    assert "R8-box, C14, R13 (suite region-sensitivity, input): ask the suite" in words
    assert "Never opens the gate: a smoke run on 50" in words
    assert "Needless waiver of R4 by Dr Example" in words
    assert (
        "R8-box (region-sensitivity) on lung-net, site-b, effusion was not asked"
        in Page(render_html(record)).words
    ), "each with its place under Coverage"
    assert "pneumothorax only" not in words, "deviations that change nothing stand under provenance"


def test_the_page_names_the_policy_and_its_roles(page):
    assert "Policy Name default Digest" in page.words
    assert "Required R1, R8-box Guards R2, R3" in page.words
    assert example().digest in page.words


def test_ten_thousand_findings():
    record = example()
    compared = comparison(estimate("AUROC", 0.52, 0.01), "pass", "<", 0.05, 0.5)
    record.findings += [
        finding(
            "R2",
            "pass",
            [compared],
            id=f"R2/m{i}/site-b/effusion",
            model=f"m{i % 100}",
            case=str(i),
        )
        for i in range(10_000)
    ]
    started = time.monotonic()
    html = render_html(record)
    assert len(html) < 12_000_000
    print(f"{time.monotonic() - started:.1f} s, {len(html) / 1e6:.1f} MB")
    assert "10001 checks passed" in Page(html).words


def test_forest_geometry():
    found = finding("R2", "fail", [comparison(estimate("a", 0.7, 0.1), "fail", "<", 0.05, 0.5)])
    chart = forest([(found, found.comparisons[0])])
    (line,) = chart.lines
    assert (
        chart.left <= line.band[0] < line.band[1] < line.low < line.value < line.high <= chart.right
    )
    ticks = [float(label.replace("−", "-")) for _, label in chart.ticks]
    assert ticks == sorted(ticks)
    assert ticks[0] <= 0.45
    assert ticks[-1] >= 0.8
    above = comparison(estimate("a", 0.7, 0.01), "fail", ">", 0.8)
    chart = forest([(found, above)])
    assert chart.lines[0].band[1] - chart.lines[0].band[0] > 20, "an open range is visible"
    point = comparison(estimate("a", 0.5, 0.0), "pass", "<", 0.5)
    assert forest([(found, point)]).ticks


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.500"), (-0.0312, "−0.031"), (-0.0001, "0.000"), (12.3456, "12.346")],
)
def test_numbers(value, text):
    assert number(value) == text


@pytest.mark.parametrize(("p", "text"), [(0.0004, "< .001"), (0.034, "= .034"), (1.0, "= 1.0")])
def test_p_values(p, text):
    assert p_value(p).startswith(text)


def test_markdown_lists_what_did_not_pass():
    text = render_markdown(example())
    assert text.startswith("## Do not release: fault found")
    assert text.count("\n| ") == (1 + 1) + (1 + 5), "one place, five findings"
    assert "| fail | R2 chance without the roi | lung-net | site-b | effusion | 0.712" in text
    assert not re.search(r"\bR1\b", text)


def test_command_line(tmp_path):
    run = CliRunner().invoke(
        app, ["render", str(EXAMPLES / "audit.json"), "--out", str(tmp_path / "a.html")]
    )
    assert run.exit_code == 0
    assert (tmp_path / "a.html").read_text() == (EXAMPLES / "audit.html").read_text()
    summary = CliRunner().invoke(app, ["summary", str(EXAMPLES / "audit.json")]).output
    assert "Do not release: fault found" in summary
    assert '"title": "Record"' in CliRunner().invoke(app, ["schema"]).output


def test_command_line_mistakes_are_two_lines(tmp_path):
    done = subprocess.run(
        [Path(sys.executable).parent / "audit-suite", "render", "none.json", "--out", "x.html"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("audit-suite: none.json does not exist")
    assert len(done.stderr.splitlines()) == 2


def test_rendering_needs_no_torch(tmp_path):
    code = (
        "import sys\nfrom audit_suite.record import load_record\nfrom audit_suite.report import render_html\n"
        f"render_html(load_record({str(EXAMPLES / 'audit.json')!r}))\n"
        "assert not {'torch', 'pytest'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_write_report_is_whole_or_an_error(tmp_path):
    write_report(example(), tmp_path / "deep" / "audit.html")
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["audit.html"]
    (tmp_path / "file").write_text("")
    with pytest.raises(Exception, match="cannot be written"):
        write_report(example(), tmp_path / "file" / "audit.html")


def test_the_record_reads_back(tmp_path):
    (tmp_path / "a.json").write_text(example().to_json())
    assert isinstance(load_record(tmp_path / "a.json"), Record)


def test_an_error_rate_that_a_newer_release_measured_is_shown_by_its_name():
    record = example()
    rate = ErrorRate(name="of_next_year", value=0.1, low=0.0, high=0.2, of=10)
    record.provenance.calibration = Calibration(
        audit_suite="9", command="x", models=10, rates=[rate], inconclusive={}
    )
    assert "of_next_year 10.0 %" in Page(render_html(record)).words

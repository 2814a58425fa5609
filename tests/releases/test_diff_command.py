"""`audit-suite diff`: exit codes, Markdown and HTML, and records that cannot be compared."""

from __future__ import annotations

import json

import pytest
from releases.made import record_of, scores_of
from report.example import example
from typer.testing import CliRunner

from audit_suite.cli import app
from audit_suite.errors import AuditError
from audit_suite.evidence.store import EvidenceStore
from audit_suite.record import load_record
from audit_suite.releases.compare import compare
from audit_suite.releases.side import Side
from audit_suite.report.changes import changes_text


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Records of an honest model and of one with a shortcut, with their evidence."""
    folder = tmp_path_factory.mktemp("diff")
    store = EvidenceStore(folder / "evidence")
    labels, honest = scores_of(6)
    for name, scores in (("honest", honest), ("shortcut", scores_of(56, 1.8, 1.8)[1])):
        record_of(labels, scores, name, store).save(folder / f"{name}.json")
    record_of(labels, honest, data="e" * 64).save(folder / "other.json")
    return folder


def diff(folder, old, new, *options):
    command = ["diff", f"{folder / old}.json", f"{folder / new}.json", *map(str, options)]
    return CliRunner().invoke(app, [*command, "--evidence", str(folder / "evidence")])


def test_a_model_with_itself_ends_in_0_and_a_regression_in_1(folder):
    same = diff(folder, "honest", "honest")
    assert same.exit_code == 0
    assert "## Against the baseline: no regression\n\n3 unchanged.\n" in same.output
    assert same.output.count("0.000 \\[0.000, 0.000], paired by patient") == 3
    worse = diff(folder, "honest", "shortcut")
    assert worse.exit_code == 1
    assert "2 regressions" in worse.output
    better = diff(folder, "shortcut", "honest")
    assert better.exit_code == 0
    assert "2 fixed" in better.output


def compared(folder, old, new):
    """What `diff` compares, as it prints it for a terminal of 80 columns."""
    sides = [Side.of(load_record(folder / f"{name}.json"), []) for name in (old, new)]
    return changes_text(compare(load_record(folder / f"{old}.json"), *sides, 0.05)[0], 80)


def test_a_terminal_shows_what_changed_and_counts_the_rest(folder):
    same, worse = compared(folder, "honest", "honest"), compared(folder, "honest", "shortcut")
    assert same.startswith("Against the baseline: no regression\n3 unchanged.\n")
    assert "UNCHANGED" not in same
    assert worse.count("NEW FAILURE (REGRESSION): ") == 2
    assert "pass → fail" in worse
    assert "by overlap of intervals" in worse
    assert "--evidence" in " ".join(worse.split()), "where the evidence is found"
    assert max(map(len, worse.splitlines())) <= 80


def test_in_markdown_what_is_unchanged_is_folded(folder):
    text = diff(folder, "honest", "shortcut").output
    shown, _, folded = text.partition("<details><summary>1 unchanged</summary>\n\n| change |")
    assert shown.count("\n| new failure (regression) |") == 2
    assert folded.rstrip().endswith("</details>")
    assert "details" not in diff(folder, "honest", "other").output


def test_the_page_is_whole_and_needs_nothing_from_elsewhere(folder, tmp_path):
    page = tmp_path / "diff.html"
    done = diff(folder, "honest", "shortcut", "--out", page)
    assert done.exit_code == 1
    assert f"comparison: {page}" in done.output
    text = page.read_text()
    assert "<h1>2 regressions</h1>" in text
    assert "default-src 'none'" in text
    assert "http" not in text.replace("http-equiv", "")
    assert text.count("paired by patient") == 3
    diff(folder, "honest", "shortcut", "--out", tmp_path / "diff.md")
    assert (tmp_path / "diff.md").read_text().startswith("## Against the baseline")


def test_names_cannot_break_out_of_the_page(folder, tmp_path):
    record = json.loads((folder / "honest.json").read_text())
    text = json.dumps(record).replace("What does R1 ask?", "<script>alert(1)</script>|x")
    from audit_suite.record import Record

    altered = Record.model_validate(json.loads(text))
    altered.digest = altered.content_digest()
    altered.save(tmp_path / "bad.json")
    page = tmp_path / "diff.html"
    command = ["diff", str(tmp_path / "bad.json"), str(tmp_path / "bad.json")]
    assert "<script>" not in CliRunner().invoke(app, command).output
    CliRunner().invoke(app, [*command, "--out", str(page)])
    assert "<script>" not in page.read_text()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("none", "honest", "none.json does not exist"),
        ("honest", "altered", "altered.json was altered after the audit"),
        ("newer", "honest", "schema_version '7', this release reads"),
        ("honest", "other", "is not the one that the baseline was audited on"),
        ("honest", "example", "cannot be compared: "),
    ],
)
def test_records_that_cannot_be_compared_are_refused_in_one_sentence(folder, old, new, said):
    text = (folder / "honest.json").read_text()
    (folder / "altered.json").write_text(text.replace('"verdict": "pass"', '"verdict": "fail"', 1))
    (folder / "newer.json").write_text(
        text.replace('"schema_version": "1.2"', '"schema_version": "7"')
    )
    example().save(folder / "example.json")
    before = {path: path.read_bytes() for path in folder.glob("*.json")}
    done = diff(folder, old, new)
    assert isinstance(done.exception, AuditError)
    assert said in str(done.exception)
    assert {path: path.read_bytes() for path in folder.glob("*.json")} == before


def test_a_margin_out_of_range_is_refused(folder):
    done = diff(folder, "honest", "honest", "--margin", "1.5")
    assert "--margin=1.5: must lie between 0 and 1" in str(done.exception)


def test_a_baseline_without_evidence_is_compared_by_intervals_and_says_so(folder, tmp_path):
    files = [str(folder / f"{name}.json") for name in ("honest", "shortcut")]
    done = CliRunner().invoke(app, ["diff", *files, "--evidence", str(tmp_path / "none")])
    assert done.exit_code == 1
    assert "3 of 3 checks are compared by overlap of intervals" in done.output
    assert not (tmp_path / "none").exists()

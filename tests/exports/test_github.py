"""What a record shows on the pages of GitHub, and the composite action played step by step."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml
from exports.player import ACTION, Player
from exports.records import opened, passing, sound
from hypothesis import given
from hypothesis import strategies as st
from report.example import example, finding
from typer.testing import CliRunner

from audit_suite.cli import app
from audit_suite.exports.github import (
    ANNOTATED,
    COMMENT_CHARACTERS,
    MARKER,
    SUMMARY_BYTES,
    Annotation,
    Step,
    annotated,
    comment,
    job_summary,
)
from audit_suite.verdict import Verdict

STUB = """#!/usr/bin/env bash
printf '%s\\n' "$@" > arguments.txt
for argument in "$@"; do
  case "$argument" in
    --audit-json=*) [ ! -e "$STORED" ] || cp "$STORED" "${argument#*=}" ;;
    --audit-report=*) echo report > "${argument#*=}" ;;
    --audit-evidence=*) ls "${argument#*=}" 2> /dev/null || true; mkdir -p "${argument#*=}"
      echo scores > "${argument#*=}/scores" ;;
  esac
done
exit "$CODE"
"""
"""Takes the place of pytest where a whole audit is too slow: it brings a stored record."""


def many(count):
    """Findings that did not pass, the worst last."""
    undecided = [
        finding(f"own-{n}", "none", [], id=f"own-{n}", title=f"check {n}", reason=f"reason {n}")
        for n in range(count)
    ]
    return [*undecided, finding("R5", "error", [], id="worst", title="worst", reason="it broke")]


def test_the_worst_nine_are_annotated_and_the_tenth_counts_the_others():
    record = sound(many(30))
    told = annotated(record)
    assert len(told) == ANNOTATED + 1
    assert (told[0].level, told[0].title) == (
        "error",
        "error: R5 worst (lung-net on site-b, effusion)",
    )
    count = int(re.match(r"and (\d+) more checks did not pass or are missing", told[-1].title)[1])
    lacking = {each.check for each in record.policy.missing} - {f.check for f in record.findings}
    checks = {each.check for each in record.findings}
    assert count == len(checks) + len(lacking) - ANNOTATED


def test_a_check_of_several_cases_is_told_once_with_its_worst():
    cases = [
        finding("C10", verdict, [], id=f"C10/{case}", title="strata", case=case)
        for case, verdict in (("age", "inconclusive"), ("sex", "fail"), ("site", "inconclusive"))
    ]
    (told,) = (each for each in annotated(sound([*passing(), *cases])) if "C10" in each.title)
    assert told.level == "error"
    assert told.title == "fail: C10 strata [sex] (lung-net on site-b, effusion), and 2 more cases"


def test_few_findings_are_all_annotated_and_none_if_the_gate_is_open():
    assert annotated(opened()) == []
    told = annotated(example())
    assert [each.title.split(" (")[0] for each in told] == [
        "error: R5 the box is enough",
        "fail: R2 chance without the roi",
        "not run: R6 beats its background",
        "inconclusive: R3 chance without the roi box",
        "missing: R8-box",
        "missing: C14",
        "missing: R13",
    ]
    assert [each.level for each in told] == ["error", "error"] + ["warning"] * 5
    assert "to repeat it: pytest --audit" in told[1].message


def test_what_never_decides_is_a_notice_and_comes_last():
    context = finding("M1", "fail", [], title="metadata", reason="age tells the label")
    told = annotated(sound([context, *many(1)]))
    assert [each.level for each in told if "M1" in each.title] == ["notice"]
    assert [each.title[:4] for each in told[:3]] == ["erro", "not ", "fail"]


def test_what_closes_the_gate_apart_from_findings_comes_first():
    record = opened()
    record.policy.problems.append("1 file of checks could not be collected")
    assert annotated(record) == [
        Annotation("error", "The gate is closed", "1 file of checks could not be collected")
    ]


@given(title=st.text(), message=st.text())
def test_no_text_ends_a_command_or_begins_another(title, message):
    command = Annotation("error", title, message).command()
    head, middle, body = command.removeprefix("::error title=").partition("::")
    assert middle
    assert not re.search("[\r\n:,]", head)
    assert not re.search("[\r\n]", body)
    codes = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}
    for text, written in ((title, head), (message, body)):
        assert re.sub("%..", lambda code: codes[code[0]], written) == text


@pytest.fixture(scope="module")
def large():
    """A record whose summary does not fit the page."""
    return sound(many(9000))


def test_a_summary_fits_the_page_and_says_what_it_leaves_out(large):
    text = job_summary(large)
    assert 500_000 < len(text.encode()) <= SUMMARY_BYTES
    assert job_summary(large, used=SUMMARY_BYTES - 10) == ""
    cut = job_summary(large, used=SUMMARY_BYTES - 5000)
    assert len(cut.encode()) <= 5000
    assert cut.startswith(text[:1000])
    left = int(re.search(r"\n(\d+) more lines are in the report\.\n$", cut)[1])
    assert left + cut.count("\n") - 2 == text.count("\n")


def test_a_comment_is_found_again_and_short_enough(large):
    text = comment(large, "https://github.com/hospital/model/actions/runs/7")
    assert text.splitlines()[0] == MARKER
    assert len(text) < COMMENT_CHARACTERS + 1000 < 65_536
    assert "[run](https://github.com/hospital/model/actions/runs/7)" in text
    assert example().digest in comment(example())


def test_no_output_sets_another(tmp_path):
    step = Step(tmp_path / "summary.md", tmp_path / "output.txt", "")
    step.give({"reason": "it broke\ndecision=open", "decision": "closed"})
    assert (
        tmp_path / "output.txt"
    ).read_text() == "reason=it broke decision=open\ndecision=closed\n"


def test_outside_of_a_job_it_says_so(tmp_path):
    done = CliRunner().invoke(app, ["github", "none.json"], env={"GITHUB_OUTPUT": ""})
    assert "this is not a step of GitHub Actions" in str(done.exception)


needs_action = pytest.mark.skipif(not ACTION.exists(), reason="runs in a checkout")


class Played:
    """The action on a runner where pytest is a stub that brings a record."""

    def __init__(self, folder: Path) -> None:
        self._bin = bin = folder / "bin"
        bin.mkdir()
        (bin / "pytest").write_text(STUB)
        (bin / "pytest").chmod(0o755)
        (bin / "audit-suite").symlink_to(Path(sys.executable).parent / "audit-suite")
        self.stored = folder / "stored.json"
        self.workspace = folder / "workspace"
        self._player = Player(
            self.workspace, folder / "temp", folder / "cache",
            PATH=f"{bin}:/usr/bin:/bin", STORED=str(self.stored), CODE="1",
        )  # fmt: skip

    def without_commands(self):
        """From now on `audit-suite` does nothing but note what it was told."""
        command = self._bin / "audit-suite"
        command.unlink()
        command.write_text('#!/usr/bin/env bash\necho "$@" >> commands.txt\n')
        command.chmod(0o755)

    def __call__(self, record="", **inputs):
        self.stored.unlink(missing_ok=True)
        if record:
            self.stored.write_text(record)
        cards = {"model": "a.toml\nb.toml\n", "dataset": "data.toml", "install": ""}
        return self._player.play(**cards | inputs)


@pytest.fixture
def played(tmp_path):
    return Played(tmp_path)


@needs_action
def test_a_closed_audit_is_shown_and_fails_in_the_step_that_verifies(played):
    record = example()
    (played.workspace / "own.toml").write_text(
        'schema = 1\nname = "own"\n[[targets]]\nmatch = ["*"]\nrequired = ["R1", "R2"]\n'
    )
    job = played(
        record.to_json(), cache="true", policy="own.toml", arguments="--audit-device=cpu\n-k a or b"
    )
    assert job.failed == ["Verify the record"]
    (verified,) = (step for step in job.steps.values() if step.name == "Verify the record")
    assert "the decision is closed, not open" in verified.log
    assert "the audit followed the policy 'default', not own.toml" in verified.log
    assert job.steps["show"].summary.startswith("## Do not release: fault found")
    assert len(job.steps["show"].annotations) == 7
    assert job.outputs == {
        "decision": "closed",
        "reason": record.decision_reason,
        "record": "audit/audit.json",
        "report": "audit/audit.html",
        "comment": "audit/comment.md",
        "statement": "audit/statement.json",
        "junit": "audit/junit.xml",
        "exit-code": "1",
    }
    text = (played.workspace / "audit" / "comment.md").read_text()
    assert text.startswith(f"{MARKER}\n## Do not release")
    assert "[run](https://github.com/hospital/model/actions/runs/1)" in text
    assert (played.workspace / "arguments.txt").read_text().splitlines() == [
        "--audit",
        "--audit-evidence=.audit-evidence",
        "--audit-json=audit/audit.json",
        "--audit-report=audit/audit.html",
        "--junitxml=audit/junit.xml",
        "--audit-model=a.toml",
        "--audit-model=b.toml",
        "--audit-dataset=data.toml",
        "--audit-policy=own.toml",
        "--audit-device=cpu",
        "-k a or b",
    ]
    # A job that failed still left its evidence to the next.
    played.without_commands()
    again = played(record.to_json(), cache="true", sign="true")
    assert (played.workspace / "commands.txt").read_text().splitlines()[1] == (
        "attest audit/audit.json --out audit/statement.json --sign"
    )
    restored = next(s for s in again.steps.values() if s.name.startswith("Bring back"))
    assert restored.log == "restored audit-evidence-Linux-1-1"


@needs_action
def test_an_open_audit_passes_under_the_default_policy(played):
    job = played(opened().to_json())
    assert not job.failed
    assert job.outputs["decision"] == "open"
    assert job.steps["show"].annotations == []
    assert [s.outcome for s in job.steps.values() if "evidence" in s.name] == ["skipped"] * 2


@needs_action
@pytest.mark.parametrize(
    ("record", "why"),
    [
        ("", "audit/audit.json does not exist"),
        (example().to_json().replace('"closed"', '"open"', 1), "was altered after the audit"),
    ],
    ids=["missing", "altered"],
)
def test_without_a_record_to_rely_on_nothing_is_open(played, record, why):
    job = played(record)
    assert job.failed == ["Show the record", "Verify the record"]
    assert job.outputs["decision"] == "none"
    assert why in job.outputs["reason"]
    assert why in job.steps["show"].summary
    ((level, title, message),) = job.steps["show"].annotations
    assert (level, title) == ("error", "No audit to rely on")
    assert why in message
    assert job.outputs["statement"] == ""


@needs_action
def test_the_action_puts_no_input_into_a_script_and_describes_each():
    content = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    for step in content["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
    for each in (*content["inputs"].values(), *content["outputs"].values()):
        assert each["description"].endswith(".")


def test_open_and_passing_are_what_they_say():
    assert all(each.verdict is Verdict.PASS for each in passing())

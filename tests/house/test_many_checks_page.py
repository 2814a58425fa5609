"""The page on large audits: what it shows runs, and its limits are those of the report."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from house.pages import DOCS, ROOT, blocks

from audit_suite.datasets.left_out import EXAMPLES
from audit_suite.record import load_record
from audit_suite.report.charts import MANY
from audit_suite.report.room import ROOM

PAGE = DOCS / "howto" / "many-checks.md"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="runs in a checkout, not beside a wheel")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    shutil.copy(ROOT / "reports" / "examples" / "audit.json", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_shell_finds_what_failed(folder):
    (script,) = blocks(PAGE, "bash")
    found = subprocess.run(["bash", "-ec", script], capture_output=True, text=True, check=True)
    failed = [f for f in load_record(folder / "audit.json").findings if f.verdict == "fail"]
    assert failed
    number, *ids = found.stdout.splitlines()
    assert int(number) == len(failed)
    assert ids == [f'"id": "{finding.id}"' for finding in failed][:10]


def test_the_example_in_python_prints_the_decisions(folder, capsys):
    (example,) = blocks(PAGE, "python")
    exec(compile(example, str(PAGE), "exec"), {})
    counted, *decided = capsys.readouterr().out.splitlines()
    record = load_record("audit.json")
    failed = {(f.model, f.check) for f in record.findings if f.verdict == "fail"}
    assert all(str(each) in counted for each in sorted(failed)[:1])
    assert len(decided) == len(record.targets)


def test_its_limits_are_those_of_the_report():
    text = PAGE.read_text(encoding="utf-8")
    rows = [int(number) for number in re.findall(r"^\| (\d+) (?:check|compar)", text, re.MULTILINE)]
    assert rows == [MANY, MANY]
    assert (ROOM, EXAMPLES) == (2_000_000, 5)
    assert "two million characters" in text
    assert "five rows" in text

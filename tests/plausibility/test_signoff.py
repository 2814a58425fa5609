"""Sign-off: bound to one record's bytes, refused for any other, and shown in the report."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from audit_suite.errors import AuditError
from audit_suite.record import load_record
from audit_suite.report import render_html
from audit_suite.signoff import SignOff, record_digest, sign, sign_off_of

EXAMPLE = Path(__file__).parents[2] / "reports" / "examples" / "audit.json"


@pytest.fixture
def record(tmp_path):
    if not EXAMPLE.exists():
        pytest.skip("runs in a checkout, not beside an installed wheel")
    return Path(shutil.copy(EXAMPLE, tmp_path / "audit.json"))


def signed(record, name="A. Reviewer", decision="accepted with conditions", remarks="Only <PA>."):
    return sign(record, name, "consultant", decision, remarks, date(2026, 11, 26))


def test_a_sign_off_is_found_beside_its_record(record):
    assert sign_off_of(record) is None
    path = signed(record)
    assert path == record.with_name("signoff.json")
    found = sign_off_of(record)
    assert (found.name, found.role, found.decision, found.remarks, str(found.date)) == (
        "A. Reviewer",
        "consultant",
        "accepted with conditions",
        "Only <PA>.",
        "2026-11-26",
    )
    assert found.record == record_digest(record)


def test_a_sign_off_of_another_record_is_refused(record):
    signed(record)
    record.write_text(record.read_text().replace("lung-net", "lung-net-2"))
    with pytest.raises(AuditError, match="signs a record other"):
        sign_off_of(record)


def test_a_changed_byte_is_another_record(record):
    signed(record)
    record.write_bytes(record.read_bytes() + b"\n")
    with pytest.raises(AuditError, match="signs a record other"):
        sign_off_of(record)


def test_a_record_is_signed_once_and_a_new_one_anew(record):
    signed(record)
    with pytest.raises(AuditError, match="already signs this record"):
        signed(record, decision="rejected")
    record.write_bytes(record.read_bytes() + b"\n")
    signed(record, decision="rejected")
    assert sign_off_of(record).decision == "rejected"


@pytest.mark.parametrize(
    ("change", "message"),
    [({"name": " "}, "--name"), ({"decision": "maybe"}, "(?s)--decision=maybe.*rejected")],
)
def test_what_a_signature_lacks_is_named(record, change, message):
    with pytest.raises(AuditError, match=message):
        signed(record, **change)
    assert not record.with_name("signoff.json").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": 1}'])
def test_a_damaged_sign_off_is_no_sign_off(record, text):
    record.with_name("signoff.json").write_text(text)
    with pytest.raises(AuditError, match="is not a sign-off"):
        sign_off_of(record)


def test_the_report_shows_it_and_escapes_it(record):
    signed(record)
    page = render_html(load_record(record), sign_off_of(record))
    assert "Signed off: accepted with conditions" in page
    assert "Only &lt;PA&gt;." in page
    assert record_digest(record) in page
    assert "Signed off" not in render_html(load_record(record))


def run(*arguments):
    code = "import sys; from audit_suite.cli import main; sys.argv[0] = 'audit-suite'; main()"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_commands_end_to_end(record, tmp_path):
    done = run("sign", record, "--name", "A. B.", "--role", "physicist", "--decision", "rejected")
    assert done.returncode == 0, done.stderr
    content = json.loads(record.with_name("signoff.json").read_text())
    assert SignOff.model_validate(content).decision == "rejected"
    page = tmp_path / "audit.html"
    assert run("render", record, "--out", page).returncode == 0
    assert "Signed off: rejected" in page.read_text()
    record.write_bytes(record.read_bytes() + b" ")
    page.unlink()
    done = run("render", record, "--out", page)
    assert (done.returncode, page.exists()) == (2, False)
    assert "signs a record other" in done.stderr
    assert "Traceback" not in done.stderr

"""Sections of extensions under `pytest --audit`: shown, refused by name, and never in the way."""

from __future__ import annotations

import pytest

from audit_suite.registry import SECTIONS

SECTION = """
from audit_suite.report.section import Section, register_section

def collect(gathered):
    return [cell.model_name for cell in gathered.cells]

def view(record, findings):
    return record.sections.get("devices")

register_section(
    Section("devices", "Implanted devices", view, "{{ content|join(', ') }} carry one", collect=collect)
)
"""
CHECK = """
@check("Z1", section="devices")
def test_devices(audit):
    report_only(because="a count has no limit")
"""


@pytest.fixture
def pack(world):
    """A pack with a section and a check in it; its text can be changed before it is run."""

    def run(*args, old="", new="", check=CHECK):
        assert old in SECTION
        (world.path / "devices_pack.py").write_text(SECTION.replace(old, new) if old else SECTION)
        path = world.check(check)
        world.pytester.syspathinsert()
        return world.run("-p", "devices_pack", path, *args, dataset="small")

    yield run
    SECTIONS._entries.pop("devices", None)  # runs of one process share their registries


def report(world):
    return (world.path / "audit.html").read_text(encoding="utf-8")


def test_a_packs_section_and_check_are_in_record_and_report(world, pack):
    done = pack("--audit-report=audit.html")
    assert done.ret == 11, "nothing was judged, and nothing broke"
    record = world.record()
    assert record["sections"] == {"devices": ["honest"]}
    assert record["broken_sections"] == {}
    assert [f["section"] for f in record["findings"]] == ["devices"]
    assert '<h2 id="h-devices">Implanted devices</h2>\nhonest carry one' in report(world)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("return [cell.model_name", "return [cell", {"devices"}),
        ("return record", "return record.missing", set()),
    ],
    ids=["collect", "view"],
)
def test_a_section_that_breaks_is_named_and_everything_else_is_written(
    world, pack, old, new, field
):
    done = pack("--audit-report=audit.html", old=old, new=new)
    assert done.ret == 1
    done.stdout.fnmatch_lines(["audit: the report section 'devices' of devices_pack raised *"])
    assert set(world.record()["broken_sections"]) == field
    assert world.record()["findings"][0]["reason"] == "reported only: a count has no limit"
    assert "This section could not be shown:" in report(world)
    assert "the report section &#39;devices&#39; of devices_pack raised" in report(world)


@pytest.mark.parametrize("section", ["device", "devices.part", "embeddings"])
def test_a_check_that_names_no_section_stops_the_audit_by_name(world, pack, section):
    done = pack(check=CHECK.replace('"devices"', f'"{section}"'))
    assert done.ret == 4
    text = done.stdout.str() + done.stderr.str()
    assert f'@check("Z1", section="{section}"): the report has no section' in text
    assert "known: associations, attributions.maps" in text
    assert "devices, drift, duplicates, edits, embeddings.difference" in text
    assert not (world.path / "audit.json").exists()

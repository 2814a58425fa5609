"""A searched counterexample in an audit: one record however it was computed, and no patient in it."""

from __future__ import annotations

import json

from audit_suite.record import load_record

STRATEGY = """
from dataclasses import dataclass
from hypothesis import given, strategies as st
from audit_suite.strategies import *

@dataclass(frozen=True)
class Square:
    size: int
    down: int
    right: int

    def box(self, height, width):
        return placed((height, width), (self.size, self.size), (self.down, self.right))

    def paint(self, images):
        return images * 0 + 1

@register_strategy
def squares(largest=30):
    return st.builds(Square, percents(8, largest), percents(), percents())

@check("S1", section="counterexamples",
       found=counterexample(outside_roi(swapped(areas())), tries=90, shrinking=30))
def test_place(found):
    assert found < 0.05

@given(limit=percents(0, 90))
@check("S3", found=auroc())
def test_drawn(found, limit):
    assert found < 1 - limit / 100

@check("S2", section="counterexamples",
       found=counterexample(outside_roi(squares()), tries=30, shrinking=30, limit=0.01))
def test_square(found):
    found.report(because="painted", margin=0.001)
"""
POINT = '[operating_points.sick]\nprobability = 0.5\nsource = "test"\n'
MORE = 'activation = "sigmoid"\n'


def test_serial_and_two_workers_give_one_record_and_a_repeat_needs_no_model(world, images):
    world.dataset("big", images(300))  # two shards
    for name, where in (("honest", "roi"), ("shortcut", "corner")):
        world.model(name, where, more=POINT)
        card = world.path / f"{name}.toml"
        card.write_text(card.read_text().replace("[input]", f"{MORE}[input]", 1))
    world.check(STRATEGY)
    args = "test_checks.py", "--junitxml=junit.xml"
    shown = world.run(
        *args, "--audit-evidence=one", "--audit-report=audit.html", model="honest,shortcut"
    )
    first = world.record()
    found = {(f["check"], f["model"]): f for f in first["findings"]}
    place = found["S1", "shortcut"]
    assert place["verdict"] == "fail"
    x0, y0, x1, y1 = place["counterexample"]["box"]
    assert max(x0, y0) == 0, "the corner of 2 x 2 pixels"
    assert max(x1, y1) <= 6
    assert place["counterexample"]["tries"] <= 90
    assert place["counterexample"]["case"] >= 2, "a row of the manifest, whose header is row 1"
    assert place["claim"].endswith("< 0.05")
    honest = found["S1", "honest"]
    assert (honest["verdict"], honest["counterexample"]) == ("not_applicable", None)
    assert "not an all-clear" in honest["reason"]
    assert "; with limit=" in found["S3", "honest"]["reason"], "of a test under @given, too"
    for model in ("honest", "shortcut"):
        assert found["S2", model]["verdict"] == "not_applicable"
    texts = [shown.stdout.str(), json.dumps(first), (world.path / "junit.xml").read_text()]
    texts.append((world.path / "audit.html").read_text())
    assert not any("secret-" in text for text in texts)
    assert not (world.path / ".hypothesis").exists()

    world.run("test_checks.py", "-n2", "--audit-evidence=two", model="honest,shortcut")
    assert world.record()["digest"] == first["digest"]
    world.run("test_checks.py", "--audit-evidence=one", "--audit-offline", model="honest,shortcut")
    assert world.record()["findings"] == first["findings"]
    assert load_record(world.path / "audit.json").findings

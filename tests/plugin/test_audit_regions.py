"""An audit without mask files: a region drawn in the frame, and boxes that only positives have."""

from __future__ import annotations

CHECKS = """
@check("A", hidden=auroc(WithoutROI()))
def test_a(hidden):
    assert hidden.distance_to(0.5) < 0.12

@check("B", outline=[outline_auroc("geometry"), outline_auroc("pixels"), outline_auroc("position")])
def test_b(outline):
    assert outline - 0.5 < 0.1

@check("D", area=outline_property("area"))
def test_d(area):
    assert area.distance_to(0.5) < 0.1
"""
CARD = """
schema = 1
name = "{name}"
reader = "manifest"
root = "{folder}"
manifest = "manifest.csv"
[targets.sick]
column = "sick"
roi = ["{name}"]
[regions.{name}]
{keys}
"""
DRAWN = 'format = "drawn"\nrectangle = [0.25, 0.25, 0.75, 0.75]'
BOXES = (
    'format = "boxes"\ntable = "{}"\ncolumns = ["x", "y", "w", "h"]\nbox = "xywh"\n'
    'absent = "population"'
)


def test_a_region_for_all_finds_the_shortcut_and_tells_no_label(world, images):
    folder = images(600)
    rows = [
        f"{i}.png,{4 + i % 3},{4 + i % 5 // 2},{5 + i % 2},{5 + i % 4 // 2}"
        for i in range(1, 600, 2)
    ]
    table = world.path / "boxes.csv"  # those of positives alone, smaller than the region
    table.write_text("\n".join(["image,x,y,w,h", *rows]) + "\n")
    for name, keys in (("drawn", DRAWN), ("boxes", BOXES.format(table))):
        text = CARD.format(name=name, folder=folder.as_posix(), keys=keys)
        (world.path / f"{name}.toml").write_text(text)
    world.check(CHECKS)
    world.run(
        "test_checks.py", "--audit-suite=input", model="honest,shortcut", dataset="drawn,boxes"
    )
    found = {finding["id"]: finding for finding in world.record()["findings"]}
    wanted = {
        "A/honest/{}/sick": "pass",
        "A/shortcut/{}/sick": "fail",
        "D/honest/{}/sick": "not_applicable",
        **{f"B/honest/{{}}/sick/{aspect}": "pass" for aspect in ("geometry", "pixels", "position")},
        "C14/honest/{}/sick": "pass",
    }
    for name in ("drawn", "boxes"):
        for id, verdict in wanted.items():
            assert found[id.format(name)]["verdict"] == verdict, id
        assert "have the same area" in found[f"D/honest/{name}/sick"]["reason"]
    assert "secret" not in (world.path / "audit.json").read_text()

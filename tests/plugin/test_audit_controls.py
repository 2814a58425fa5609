"""Controls and causes end to end, on small worlds whose truth is known: each control, both ways."""

from __future__ import annotations

import json
from collections import defaultdict

import numpy as np
import pytest
from once import made_once
from PIL import Image

PATIENTS = 256  # one shard
SIDE = 16
CHECKS = ("R2", "R3", "R13", "C1", "C3", "C4", "C9", "C10", "C11", "C12", "C13")
MARGINS = "".join(  # what 128 patients of a class can show; of unpaired fills less
    f'[margins.{check}]\nvalue = {value}\nsource = "test"\n'
    for check, value in (*((check, 0.15) for check in CHECKS), ("C6", 0.25))
)

NETS = """
import torch

class Net(torch.nn.Module):
    def __init__(self, score):
        super().__init__()
        self.score = score
    def forward(self, batch):
        return self.score(batch[:, 0]).unsqueeze(1)

def mean(batch, rows, columns):
    return batch[:, rows, columns].mean(dim=(1, 2))

def inside(batch):
    return mean(batch, slice(4, 12), slice(4, 12))

def roi(batch):
    # The finding; and a little of what lies below, so that no two images are alike.
    return inside(batch) + 0.1 * mean(batch, slice(13, 16), slice(0, 16))

def corner(batch):
    return batch[:, 0, 0] + 0.1 * mean(batch, slice(13, 16), slice(0, 16))

def hole(batch):
    # How little grain there is: whatever is put in the hole is smoother than the image.
    return -(batch[:, :, 1:] - batch[:, :, :-1]).abs().mean(dim=(1, 2))

def place(batch):
    return mean(batch, slice(8, 16), slice(0, 16)) - mean(batch, slice(0, 8), slice(0, 16))

def upset(batch):
    # Reads the finding, but gives up where much of the image is black.
    black = (batch < 0.002).float().mean(dim=(1, 2)) > 0.1
    return torch.where(black, 0.0, roi(batch))

def build(what):
    return Net(globals()[what])
"""


def scenes(folder, draw, **columns):
    """Write images, a mask each, and a manifest; ``draw`` gives image and mask of a patient.

    Args:
        folder: Where.
        draw: Called with a generator, the label and the patient's further columns.
        **columns: Further columns: functions of a generator and the label.
    """
    folder.mkdir()
    rng = np.random.default_rng(7)
    wards = ["ward"] if "other" in columns else []
    rows = [",".join(["image", "mask", "patient_id", "sick", *columns, *wards])]
    for patient in range(PATIENTS):
        label = patient % 2
        more = {name: make(rng, label) for name, make in columns.items()}
        if "other" in more:  # the ward that the second finding is treated in
            more["ward"] = ("east", "west")[int(more["other"])]
        image, mask = draw(rng, label, more)
        Image.fromarray(image.clip(1, 255).astype(np.uint8)).save(folder / f"{patient}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"m{patient}.png")
        values = [f"{patient}.png", f"m{patient}.png", f"secret-{patient}", label, *more.values()]
        rows.append(",".join(map(str, values)))
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def square(top=4, left=4, side=8):
    mask = np.zeros((SIDE, SIDE), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def grain(rng):
    return rng.normal(118, 6, (SIDE, SIDE))


def agreeing(share):
    """A column that equals the label in a share of patients."""

    def make(rng, label):
        return label if rng.random() < share else 1 - label

    return make


def clean(rng, label, more):
    """The finding inside the mask and nothing else; masks all alike."""
    image = grain(rng)
    image[4:12, 4:12] += 25 * label + rng.normal(0, 9)
    return image, square()


def marked(rng, label, more):
    """The same, and a marker in the corner."""
    image, mask = clean(rng, label, more)
    image[0:3, 0:3] += 40 * label + rng.normal(0, 14)
    return image, mask


def leaking(rng, label, more):
    """Nothing in the image; the masks of the sick are larger."""
    side = int(rng.integers(4, 6)) + (3 if label else 0)
    return grain(rng), square((SIDE - side) // 2, (SIDE - side) // 2, side)


def framed(rng, label, more):
    """A bright body with nothing in it, lower in the frame if sick."""
    top = int(rng.integers(2, 4)) + (3 if label else 0)
    image = grain(rng)
    image[square(top)] += 50
    return image, square(top)


def spilling(rng, label, more):
    """The finding reaches a pixel or two beyond masks that lie now here, now there."""
    image = grain(rng)
    image[4:12, 4:12] += 25 * label + rng.normal(0, 9)
    return image, square(5 + int(rng.integers(-1, 2)), 5 + int(rng.integers(-1, 2)), 6)


def travelling(rng, label, more):
    """Nothing of the label itself; what travels with it shows in the corner."""
    image = grain(rng)
    image[0:3, 0:3] += 40 * int(more["other"]) + rng.normal(0, 14)
    return image, square()


def exposed(rng, label, more):
    """All of the image is brighter in the sick, and by chance in all."""
    return grain(rng) + 12 * label + rng.normal(0, 9), square()


SITE = {"site": lambda rng, label: "ab"[rng.integers(2)]}
OTHER = 'roi_margin = 32\n[targets.other]\ncolumn = "other"\nroi = ["square"]'
WORLDS = {
    "clean": (clean, SITE, 'metadata = ["site"]', "roi_margin = 32"),
    "marked": (marked, SITE, 'metadata = ["site"]', "roi_margin = 32"),
    "spilling": (spilling, {}, "", "roi_margin = 128"),
    "travelling": (travelling, {"other": agreeing(0.8)}, 'metadata = ["ward"]', OTHER),
    "leaking": (leaking, {}, "", ""),
    "framed": (framed, {}, "", ""),
    "exposed": (exposed, {}, "", ""),
}
"""By data set: how images are drawn, further columns, lines of the card, and of its target."""

CELLS = {
    "honest": ("roi", ["clean", "spilling"]),
    "inside": ("inside", ["exposed"]),
    "marker": ("corner", ["marked", "travelling"]),
    "hole": ("hole", ["leaking"]),
    "place": ("place", ["framed"]),
    "upset": ("upset", ["clean"]),
}
"""By model: what it reads, and the data sets it is audited on."""


@pytest.fixture(scope="session")
def worlds(tmp_path_factory):
    """The images, written once a session."""
    root = tmp_path_factory.mktemp("controls")
    for name, (draw, columns, _, _) in WORLDS.items():
        scenes(root / name, draw, **columns)
    return root


def run(world, worlds):
    """One audit of all cells: its record."""
    (world.path / "nets.py").write_text(NETS)
    for name, (_, _, more, target) in WORLDS.items():
        world.dataset(name, worlds / name, roi=f'["square"]\n{target}', more=f"{more}\n{MARGINS}")
    for name, (reads, datasets) in CELLS.items():
        world.model(name, reads)
        card = world.path / f"{name}.toml"
        text = card.read_text().replace("model.py", "nets.py").replace("where =", "what =")
        card.write_text(text.replace("[input]", f"datasets = {datasets}\n[input]"))
    result = world.run(
        "--audit-suite=controls",
        "--audit-suite=region-sensitivity",
        "--audit-suite=metadata",
        "--audit-multiplicity=none",  # each cell as if it were audited alone
        model=",".join(CELLS),
        dataset=",".join(WORLDS),
    )
    assert result.ret == 1
    return world.record()


@pytest.fixture
def audited(world, worlds, tmp_path_factory):
    """Findings and causes by model and data set, of one audit, run once for all processes."""

    def audit(folder):
        (folder / "audit.json").write_text(json.dumps(run(world, worlds)))

    folder = made_once(tmp_path_factory, "controls", audit)
    return Audited(json.loads((folder / "audit.json").read_text()))


class Audited:
    """What one audit found, cell by cell."""

    def __init__(self, record):
        self.findings = defaultdict(dict)
        for finding in record["findings"]:
            cell = finding["model"], finding["dataset"]
            self.findings[cell][finding["check"], finding["case"]] = finding
        self.causes = {(c["model"], c["dataset"]): c for c in record["causes"]}

    def finding(self, model, dataset, check, case=""):
        return self.findings[model, dataset][check, case]

    def verdict(self, *where):
        return self.finding(*where)["verdict"]

    def flag(self, model, dataset, cause):
        (found,) = [f for f in self.causes[model, dataset]["flags"] if f["cause"] == cause]
        return found


CLEAN = ("honest", "clean")
MARKED = ("marker", "marked")
LEAKING = ("hole", "leaking")
FRAMED = ("place", "framed")

BOTH_WAYS = [
    ("R2", "", CLEAN, MARKED),
    ("R3", "", CLEAN, MARKED),
    ("R4", "", CLEAN, MARKED),
    ("R5", "", CLEAN, MARKED),
    ("R6", "", CLEAN, MARKED),
    ("R6-box", "", CLEAN, MARKED),
    ("R8", "", CLEAN, MARKED),
    ("R12", "", CLEAN, MARKED),
    ("R13", "", CLEAN, MARKED),
    ("C1", "geometry", CLEAN, LEAKING),
    ("C1", "geometry", FRAMED, LEAKING),
    ("C1", "pixels", CLEAN, LEAKING),
    ("C1", "position", CLEAN, FRAMED),
    ("C1", "position", LEAKING, FRAMED),
    ("C3", "", CLEAN, MARKED),
    ("C4", "", CLEAN, MARKED),
    ("C5", "", CLEAN, MARKED),
    ("C6", "", CLEAN, LEAKING),
    ("C10", "site-without-roi", CLEAN, MARKED),
    ("C11", "", CLEAN, FRAMED),
    ("C12", "", ("honest", "spilling"), MARKED),
]


@pytest.mark.parametrize(("check", "case", "clean", "planted"), BOTH_WAYS)
def test_a_control_passes_where_nothing_is_and_fails_where_it_was_planted(
    audited, check, case, clean, planted
):
    assert audited.verdict(*clean, check, case) == "pass"
    assert audited.verdict(*planted, check, case) == "fail"


def test_a_model_upset_by_a_black_surround_is_judged_before_another_background(audited):
    found = audited.finding("upset", "clean", "R5")
    assert found["verdict"] == "pass"
    (black,) = found["observations"]
    assert black["high"] < 0.75, "before black alone it would have failed"


def test_fills_agree_for_an_honest_model(audited):
    for cell in (CLEAN, MARKED):  # one that reads the region, and one that reads the corner alone
        found = audited.findings[cell]["C6", ""]
        assert found["verdict"] == "pass"
        assert len(found["observations"]) == 3, "fills that carry the surroundings are shown"


def test_the_instrument_finds_what_it_planted_itself_in_every_cell(audited):
    for cell, found in audited.findings.items():
        planted, permuted = found["C9", ""], found["C8", ""]
        skilled = found["R1", ""]["verdict"] == "pass"  # without skill there is no acquittal
        want = "pass" if skilled else "not_applicable"
        assert (planted["verdict"], permuted["verdict"]) == (want, want), cell
        inside, outside = (c["estimate"] for c in planted["comparisons"])
        assert inside["low"] < 0.5 < inside["high"]
        assert outside["value"] == 0.5, "an AUROC of 1, less one half"
        assert permuted["estimate"]["value"] <= 0.05


def test_the_masks_area_is_asked_of_the_masks_that_differ(audited):
    assert audited.verdict(*LEAKING, "C13", "area") == "fail"
    assert audited.verdict(*CLEAN, "C13", "area") == "not_applicable"
    assert "gives no quality" in audited.finding(*CLEAN, "C13", "quality")["reason"]


@pytest.mark.parametrize(
    ("cell", "check", "case", "reason"),
    [
        (LEAKING, "C5", "", "there is too little to lose"),
        (LEAKING, "R8", "", "there is too little to lose"),
        (LEAKING, "R12", "", "there is too little to lose"),
        (LEAKING, "C10", "nothing-without-roi", "declares no metadata and no other target"),
        (LEAKING, "C12", "", "declares no margin around the ROI"),
        (("marker", "travelling"), "C10", "sick-without-roi", "'sick' is the target itself"),
        (CLEAN, "C7", "", "names no layer to take embeddings from"),
        (CLEAN, "M3", "aspect", "all images have the same 'aspect'"),
        (CLEAN, "C2", "", "reported only"),
    ],
)
def test_what_has_no_meaning_says_why_and_is_no_pass(audited, cell, check, case, reason):
    finding = audited.finding(*cell, check, case)
    assert finding["verdict"] == "not_applicable"
    assert reason in finding["reason"]


def test_a_signal_falls_with_another_region_hidden_where_the_hole_is_read(audited):
    """C3 shows the fall by fill, whatever its own verdict is."""

    def falls(cell):
        seen = audited.finding(*cell, "C3")["observations"]
        return {e["at"]["masking"]: e for e in seen if "fall" in e["at"]}

    assert set(falls(LEAKING)) == {"without-roi", "without-roi-mean", "without-roi-blur"}
    assert all(fall["low"] > 0.1 for fall in falls(LEAKING).values())
    assert all(fall["high"] < 0.05 for fall in falls(MARKED).values())
    turned = audited.finding(*LEAKING, "C3")["observations"][0]
    assert turned["value"] < 0.1, "a black hole turns the AUROC round, and still it falls"


def test_the_populations_region_says_how_much_of_each_own_it_hides(audited):
    for cell in (CLEAN, LEAKING, ("honest", "spilling")):
        shown = audited.finding(*cell, "C4")["observations"]
        assert [e["at"]["covered"] for e in shown] == [1.0] * 3


def test_what_a_hole_elsewhere_costs_is_shown_beside_c5(audited):
    (honest,) = audited.finding(*CLEAN, "C5")["observations"]
    (upset,) = audited.finding("upset", "clean", "C5")["observations"]
    assert honest["high"] < 0.1
    assert upset["low"] > 0.3


def test_what_is_reported_alone_has_estimates_and_no_verdict(audited):
    for cell in (CLEAN, MARKED):
        assert audited.verdict(*cell, "R11") == "not_applicable"
        assert audited.finding(*cell, "R11")["observations"]


def test_relative_foreground_sensitivity_is_shown_and_has_its_sign(audited):
    (honest,) = audited.finding(*CLEAN, "R12")["observations"]
    (marker,) = audited.finding(*MARKED, "R12")["observations"]
    assert 0.5 < honest["value"] <= 1
    assert -1 <= marker["value"] < 0


def test_each_property_and_tag_is_held_against_label_and_score(audited):
    found = audited.findings["inside", "exposed"]
    told, sick, well = found["M3", "brightness"]["observations"]
    assert told["low"] > 0.7
    assert min(sick["low"], well["low"]) > 0.5, "the score follows it among equals"
    ward, *_ = audited.finding("marker", "travelling", "M3", "ward")["observations"]
    assert ward["low"] > 0.6
    site, *_ = audited.finding(*CLEAN, "M3", "site")["observations"]
    assert site["low"] < 0.5
    assert {case for check, case in audited.findings[CLEAN] if check == "M3"} == {
        *("megapixels", "aspect", "brightness", "contrast", "entropy", "border", "marks", "grain"),
        "saturation",
        "site",
    }


@pytest.mark.parametrize(
    ("cell", "named", "cleared"),
    [
        (CLEAN, [], ["background-shortcut", "mask-leak", "framing", "masking-artefact"]),
        (MARKED, ["background-shortcut"], ["mask-leak", "explained-by-metadata"]),
        (LEAKING, ["mask-leak"], ["background-shortcut", "framing"]),
        (FRAMED, ["framing"], ["background-shortcut"]),
        (("honest", "spilling"), ["roi-incomplete"], ["background-shortcut", "mask-leak"]),
        (
            ("marker", "travelling"),
            ["background-shortcut", "co-label", "explained-by-metadata"],
            ["roi-incomplete"],
        ),
        (("upset", "clean"), ["masking-artefact"], ["background-shortcut", "mask-leak"]),
        (("inside", "exposed"), ["acquisition"], ["mask-leak", "framing"]),
    ],
)
def test_what_was_planted_is_named(audited, cell, named, cleared):
    found = audited.causes[cell]
    assert set(named) <= set(found["causes"])
    assert found["causes"] or not named
    for cause in cleared:
        assert audited.flag(*cell, cause)["holds"] == "no"
    for cause in named:
        assert audited.flag(*cell, cause)["estimates"], "with the estimates that led there"
    assert found["sentence"].startswith("On sick: ")


def test_an_honest_model_is_named_nothing_and_cleared_of_a_background(audited):
    found = audited.causes[CLEAN]
    assert found["causes"] == []
    assert "no declared tag or image property explains as much as a quarter" in found["sentence"]
    assert {flag["holds"] for flag in found["flags"]} == {"no"}


def test_nothing_of_a_patient_is_in_the_findings(audited):
    said = json.dumps([list(cell.values()) for cell in audited.findings.values()])
    assert "secret" not in said

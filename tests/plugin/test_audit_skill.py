"""No skill, no acquittal: a model that tells nothing passes nothing that speaks of the model."""

from __future__ import annotations

import pytest

from audit_suite.suites.test_region_sensitivity import CLAIM_ROOM, LEAST_SKILL

NOISE = '{"roi": inside, "corner": corner}'
OF_THE_DATA = {"C1", "C13", "C14"}  # what they say is about the masks, whatever the model does


@pytest.fixture
def noise(world):
    """A model that scores a part of the image in which there is nothing."""
    source = world.path / "model.py"
    source.write_text(
        source.read_text().replace(NOISE, NOISE[:-1] + ', "noise": 10 * (rest - 0.41)}')
    )
    world.model("noise", "noise")
    return world


def test_a_model_at_chance_passes_nothing(noise, images):
    noise.dataset("big", images(400))
    result = noise.run("--audit-suite=region-sensitivity", "--audit-suite=controls", model="noise")
    record = noise.record()
    passed = {f["check"] for f in record["findings"] if f["verdict"] == "pass"}
    assert passed <= OF_THE_DATA
    assert (result.ret, record["decision"]) == (1, "closed")
    (skill,) = [f for f in record["findings"] if f["check"] == "R1"]
    assert (skill["verdict"], skill["margin"]) == ("fail", LEAST_SKILL)
    (box,) = [f for f in record["findings"] if f["check"] == "R8-box"]
    assert "skill on full images is not shown" in box["reason"]
    assert record["policy"]["missing"] == [], "it was asked: R1 says all that there is to say"
    (hidden,) = [f for f in record["findings"] if f["check"] == "R3"]
    assert hidden["verdict"] in ("not_applicable", "inconclusive")
    assert hidden["comparisons"], "what was compared is still shown"


@pytest.mark.parametrize(
    ("claim", "margin", "verdict"),
    [(None, LEAST_SKILL, "pass"), (0.62, LEAST_SKILL, "pass"), (0.98, 0.98 - CLAIM_ROOM, "pass")],
)
def test_a_true_claim_passes(world, claim, margin, verdict):
    if claim:
        world.model("honest", "roi", more=f'[claims.sick]\nauroc = {claim}\nsource = "leaflet"\n')
    world.run("--audit-suite=region-sensitivity", "-k", "skill_is_shown")
    (skill,) = [f for f in world.record()["findings"] if f["check"] == "R1"]
    assert (skill["verdict"], skill["margin"]) == (verdict, pytest.approx(margin))


def test_a_claim_out_of_reach_fails(world):
    source = world.path / "model.py"
    source.write_text(
        source.read_text().replace("0.1 * rest", "20 * (rest - 0.46)")
    )  # mostly noise
    world.model("honest", "roi", more='[claims.sick]\nauroc = 0.98\nsource = "leaflet"\n')
    world.run("--audit-suite=region-sensitivity", "-k", "skill_is_shown")
    (skill,) = [f for f in world.record()["findings"] if f["check"] == "R1"]
    assert skill["estimate"]["value"] > LEAST_SKILL
    assert skill["verdict"] == "fail", skill["reason"]
    assert "claim of the model card (0.98) less 0.05: leaflet" in skill["margin_source"]


def test_the_numbers_are_in_record_and_report_whether_or_not_the_maker_claims_any(world):
    only = "--audit-suite=region-sensitivity", "-k", "everything_that_is_shown"
    world.run(*only, "--audit-report", "audit.html")
    (numbers,) = [f for f in world.record()["findings"] if f["check"] == "R0"]
    assert numbers["verdict"] == "not_applicable"
    areas = {e["at"]["masking"]: e for e in numbers["observations"] if "ties" in e["at"]}
    assert len(areas) == 13, "the whole, and two shapes hidden and alone with three fills"
    assert areas["full"]["value"] > 0.8 > areas["without-roi-box"]["high"]
    html = (world.path / "audit.html").read_text()
    assert html.count('<th scope="row">only ROI box (blur fill)</th>') == 1

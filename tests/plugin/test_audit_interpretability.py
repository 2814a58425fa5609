"""The suite interpretability end to end: verdicts, gate rule for maps, evidence and report."""

from __future__ import annotations

import pytest

from audit_suite.record import load_record
from audit_suite.report import render_html

SUITE = "--audit-suite=interpretability"
FEW = "--audit-max-explained=24"  # enough for a verdict, and half the time
ALONE = "--audit-multiplicity=none"  # but too few for a fail at its share of the release's level

NETWORKS = '''
import torch

class Weighing(torch.nn.Module):
    """Weighs all pixels: those of the ROI, of a corner, or by weights that nobody trained."""

    def __init__(self, where):
        super().__init__()
        rng = torch.Generator().manual_seed(3)
        weight = torch.zeros(16, 16)
        if where == "roi":
            weight[4:12, 4:12] = 1 / 64
        elif where == "corner":
            weight[0:2, 0:2] = 1 / 4
        else:
            weight = torch.randn(16, 16, generator=rng) * (torch.arange(256).view(16, 16) % 2 * 2 - 1)
        weight = 8 * (weight + 0.001 * torch.randn(16, 16, generator=rng))
        self.flat = torch.nn.Flatten()
        self.head = torch.nn.Linear(256, 1, bias=False)
        with torch.no_grad():
            self.head.weight.copy_(weight.view(1, 256))

    def forward(self, batch):
        return self.head(self.flat(batch))

def build(where):
    return Weighing(where)

def script(where):
    return torch.jit.trace(Weighing(where).eval(), torch.zeros(1, 1, 16, 16))
'''


@pytest.fixture
def weighing(world):
    """The world, its models made of parameters that can be shuffled."""
    (world.path / "networks.py").write_text(NETWORKS)
    for name, where, function in (
        ("honest", "roi", "build"),
        ("shortcut", "corner", "build"),
        ("random", "nowhere", "build"),
        ("scripted", "corner", "script"),
    ):
        world.model(name, where)
        card = world.path / f"{name}.toml"
        card.write_text(card.read_text().replace("model.py:build", f"networks.py:{function}"))
    return world


@pytest.fixture
def verdicts(weighing):
    """Findings of a model by check and case."""

    def run(model, *more):
        weighing.run(SUITE, FEW, ALONE, *more, model=model, dataset="small")
        return {(f["check"], f["case"]): f for f in weighing.record()["findings"]}

    return run


def test_the_honest_model_passes_and_the_shortcut_model_fails(verdicts):
    honest, shortcut = verdicts("honest"), verdicts("shortcut")
    assert honest["R14", ""]["verdict"] == "pass"
    assert honest["I1", "gradient"]["verdict"] == "pass"
    assert honest["R14", ""]["estimate"]["high"] < 0.3
    assert shortcut["R14", ""]["verdict"] == "fail"
    assert shortcut["I1", "gradient"]["verdict"] == "fail"
    assert shortcut["R14", ""]["estimate"]["low"] > 0.7


def test_a_model_that_learned_nothing_passes_nothing(weighing, verdicts):
    found = verdicts("random")
    of_the_model = [finding for (check, _), finding in found.items() if check != "C14"]
    assert "pass" not in {finding["verdict"] for finding in of_the_model}
    assert "skill on full images is not shown" in found["R14", ""]["reason"]
    page = render_html(load_record(weighing.path / "audit.json"))
    assert f"R14 gives no verdict: {found['R14', '']['reason'][:30]}" in page


def test_tests_of_a_method_are_reported_beside_it(verdicts):
    found = verdicts("honest")
    gap = found["I5", "gradient"]
    assert gap["verdict"] == "not_applicable"
    assert gap["reason"] == "reported only: a test of the method, passed (limit 0.05)"
    assert gap["observations"][0]["high"] < 0.05
    assert found["I6", "gradient"]["observations"][0]["low"] > 0
    assert found["I4", "gradient"]["reason"].startswith("the model has no folds")
    assert found["I1", "grad-cam"]["reason"].startswith("Grad-CAM")


def test_a_map_that_does_not_depend_on_the_model_supports_no_verdict(weighing, monkeypatch):
    from audit_suite.explainers import Explained
    from audit_suite.explainers.methods.gradient import ExpectedGradients

    plain = ExpectedGradients.explain

    def edges(self, module, output, images, references, seed):
        """Draws the image itself, whatever the model's output."""
        explained = plain(self, module, output, images, references, seed)
        return Explained(images.mean(dim=1), explained.outputs, explained.expected)

    monkeypatch.setattr(ExpectedGradients, "explain", edges)
    weighing.run(SUITE, FEW, "--audit-evidence=edges", dataset="small")
    found = {(f["check"], f["case"]): f for f in weighing.record()["findings"]}
    for check, case in (("I1", "gradient"), ("I2", "gradient-pointing")):
        assert found[check, case]["verdict"] == "not_applicable"
        assert (
            "did not pass their own tests on this model (I3: not passed (limit 0.1); I5: "
            in (found[check, case]["reason"])
        )
        assert found[check, case]["observations"], "and is shown"
    assert "not passed" in found["I3", "gradient-all-layers"]["reason"]


def test_what_a_method_cannot_handle_is_not_applicable_with_a_reason(verdicts):
    found = verdicts("scripted")
    assert found["R14", ""]["verdict"] == "fail", "regions need nothing of the inside"
    deep = found["I1", "deep"]
    assert deep["verdict"] == "not_applicable"
    assert len(deep["reason"]) > 20
    assert "Traceback" not in deep["reason"]


def test_the_sample_is_as_large_as_asked_and_stored(weighing):
    weighing.run(SUITE, "--audit-max-explained=8", dataset="small")
    record = weighing.record()
    assert record["provenance"]["settings"]["max_explained"] == 8
    (shown,) = record["attributions"]
    assert shown["n_images"] == 8
    assert {f["verdict"] for f in record["findings"] if f["check"] == "R14"} == {"inconclusive"}
    again = weighing.run(SUITE, "--audit-max-explained=8", "--audit-offline", dataset="small")
    assert weighing.record()["attributions"] == record["attributions"]
    assert "evidence:" not in again.stdout.str()
    offline = weighing.run(SUITE, "--audit-max-explained=9", "--audit-offline", dataset="small")
    said = "lacks the evidence of model 'honest' on data set 'small' under method 'region-shapley'"
    assert said in offline.stdout.str()


def test_a_bad_number_of_images_is_named(weighing):
    result = weighing.run(SUITE, "--audit-max-explained=1", dataset="small")
    assert "--audit-max-explained=1: must be a whole number of 4 or more" in result.stderr.str()


def test_the_plan_says_what_would_be_explained(weighing):
    result = weighing.run(SUITE, "--audit-plan", "--audit-evidence=none", dataset="small")
    assert "honest on small: region-shapley of sick on up to 48 images" in result.stdout.str()


def test_report_and_record_tell_regions_and_maps_and_no_patient(weighing):
    weighing.run(SUITE, FEW, dataset="small")
    record = load_record(weighing.path / "audit.json")
    (shown,) = record.attributions
    bars = {player.name: player for player in shown.players}
    assert bars["square"].inside == 1
    assert bars["square"].share.low > max(
        p.share.high for n, p in bars.items() if n.startswith("background")
    )
    assert bars["square"].value.low > 0, "what is in it speaks for the finding"
    assert sum(p.share.value for p in shown.players) == pytest.approx(1)
    assert [o.case for o in shown.overlays if o.method == "gradient"] == [
        "positive 1",
        "positive 2",
        "negative 1",
    ]
    page = render_html(record)
    area = round(100 * sum(player.area * player.inside for player in bars.values()))
    assert f"comes from the region of interest, on {area} % of the image" in page
    assert "R14 gives no verdict" not in page
    assert "Maps by gradient" in page
    assert "a test of the method, passed" in page
    assert "secret-" not in page + (weighing.path / "audit.json").read_text()


def test_cards_set_the_limits_of_the_maps_own_tests(weighing):
    """A margin for I3 or I5 holds there, and for what I1 and I2 rest on."""
    card = weighing.path / "honest.toml"
    text = card.read_text()
    margin = '[margins.{}]\nvalue = {}\nsource = "protocol 7"\n'
    card.write_text(text + margin.format("I3", -0.99))
    weighing.run(SUITE, FEW, dataset="small")
    found = {(f["check"], f["case"]): f for f in weighing.record()["findings"]}
    assert found["I3", "gradient-all-layers"]["reason"].endswith("not passed (limit -0.99)")
    assert "(I3: not passed (limit -0.99))" in found["I1", "gradient"]["reason"]
    card.write_text(text + margin.format("I6", 0.1))
    result = weighing.run(SUITE, FEW, dataset="small")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "honest.toml: key 'margins.I6': the check I6" in result.stderr.str()
    assert "takes no margin from a card" in result.stderr.str()

"""`audit-suite watch`: new phantoms beside audited ones, and what no comparison is drawn with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cards import BRIGHTNESS, model_card, phantom_card
from typer.testing import CliRunner

from audit_suite import run
from audit_suite.audit.verify import contradictions, load_verified
from audit_suite.audit.watching import watch
from audit_suite.cli import app
from audit_suite.errors import AuditError
from audit_suite.record import Record
from audit_suite.report import render_html

NEW = 'metadata = ["site"]\nunlabelled = true'
INLINE = {"executor": "inline", "cache": None, "device": "cpu"}


class World:
    """A model of brightness, audited on 150 phantoms, and cards of new ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "net.py").write_text(BRIGHTNESS)
        self.model = model_card(
            folder, name="model", targets=["consolidation"], architecture="net.py:build"
        ).path
        self.card("audited", 'metadata = ["site"]', patients=150)
        self.card("same", NEW, more="seed = 7")
        device = "exposure", "scanner_noise"
        kinds = ", ".join(f'{{ name = "{each}", agreement = 0.5 }}' for each in device)
        self.card("bright", NEW, patients=300, more=f"seed = 7\nshortcuts = [{kinds}]")
        self.card("inside", NEW, patients=100)
        self.card("labelled", 'metadata = ["site"]', more="seed = 7")
        self.record = self.audit("audited", "audit.json")

    def card(self, name, top="", patients=120, **more):
        return phantom_card(self.folder, name, top, patients=patients, **more).path

    def audit(self, data, out):
        made = run(
            [self.model],
            [self.folder / f"{data}.toml"],
            checks=[self.skill()],
            evidence=self.folder / "evidence",
            **INLINE,
        )
        made.save(self.folder / out)
        return self.folder / out

    def skill(self):
        """A check of one's own: the audit needs no suite to be a baseline."""
        file = self.folder / "test_own.py"
        file.write_text(
            "from audit_suite import auroc, check\n\n\n"
            '@check("own", full=auroc())\ndef test_own(full):\n    assert full > 0.5\n'
        )
        return file

    def watch(self, new, **more):
        more = {"evidence": self.folder / "evidence", **INLINE} | more
        return watch(self.folder / f"{new}.toml", self.record, **more)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("watch")
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    yield World(folder)
    patch.undo()


def verdicts(record: Record) -> dict[str, str]:
    return {"/".join(filter(None, (f.check, f.case))): f.verdict.value for f in record.findings}


def test_patients_of_the_same_kind_do_not_drift_and_the_record_is_like_any_other(world, tmp_path):
    found = world.watch("same", by=["site"])
    said = verdicts(found)
    assert "fail" not in said.values()
    assert said["D2/aspect"] == "not_applicable"
    assert {key.partition("/")[0] for key in said} == {"D1", "D1-groups", "D2", "D2-groups"}
    assert [one.check for one in found.policy.required] == ["D1"]
    assert not list(contradictions(found))
    found.save(tmp_path / "watch.json")
    again = load_verified(tmp_path / "watch.json")
    baseline = load_verified(world.record)
    assert again.sections["drift"]["baseline"] == baseline.digest
    page = render_html(again)
    assert "Drift since the audit" in page
    assert "phantom-" not in page, "no patient is named"
    assert found.findings[0].command.startswith("audit-suite watch ")
    repeat = world.watch("same", by=["site"], offline=True)
    assert repeat.digest == found.digest


def test_another_exposure_is_seen_in_scores_and_images(world):
    found = world.watch("bright")
    said = verdicts(found)
    assert said["D1/level"] == "fail"
    assert "fail" in {verdict for key, verdict in said.items() if key.startswith("D2/")}, said
    assert said["D1-groups"] == "not_applicable"
    assert found.decision == "closed"
    page = render_html(found)
    assert "Something changed since the audit" in page
    assert "Do not release" not in page, "drift is no fault of the model by itself"


def test_labelled_cases_get_the_required_checks(world):
    found = world.watch("labelled")
    required = [one.check for one in found.policy.required]
    assert required == ["D1", "R1", "R8-box"]
    asked = {finding.check for finding in found.findings}
    assert {"R1", "R8-box"} <= asked
    assert "R3" not in asked, "what is required alone"


def test_the_command_says_what_it_found_and_ends_as_an_audit_does(world, tmp_path, monkeypatch):
    found, asked = world.watch("bright"), []
    monkeypatch.setattr(
        "audit_suite.audit.watching.watch", lambda *a, **more: asked.append((a, more)) or found
    )
    line = ["watch", "bright.toml", "--baseline", "audit.json", "--by", "site"]
    line += ["--out", str(tmp_path / "w.json"), "--report", str(tmp_path / "w.html")]
    done = CliRunner().invoke(app, line)
    assert done.exit_code == 1, done.output
    assert "fail           D1 scores lie as in the audit [level]" in done.output
    assert json.loads((tmp_path / "w.json").read_text())["decision"] == "closed"
    assert (tmp_path / "w.html").exists()
    (((new, baseline), more),) = asked
    assert (str(new), str(baseline), more["by"]) == ("bright.toml", "audit.json", ("site",))


def wrong(world, words, new="same", **more):
    with pytest.raises(AuditError, match=words):
        world.watch(new, **more)


def test_no_comparison_is_drawn_where_none_is_honest(world, tmp_path):
    bad = world.folder / "altered.json"
    bad.write_text(world.record.read_text().replace('"n_images": 150', '"n_images": 151'))
    with pytest.raises(AuditError, match="was altered after the audit"):
        watch(world.folder / "same.toml", bad, **INLINE)
    with pytest.raises(AuditError, match="does not exist"):
        watch(world.folder / "same.toml", world.folder / "none.json", **INLINE)
    other = model_card(
        world.folder, name="other", targets=["consolidation"], architecture="net.py:build"
    )
    wrong(world, "is of model, not of 'other'", model=other.path)
    (world.folder / "net2.py").write_text(BRIGHTNESS.replace("20 *", "21 *"))
    renamed = model_card(
        world.folder, name="again", targets=["consolidation"], architecture="net2.py:build"
    ).path
    renamed.write_text(renamed.read_text().replace('name = "again"', 'name = "model"'))
    wrong(world, "is another model than 'model' in", model=renamed)
    targets = phantom_card(
        world.folder, "targets", NEW, more='co_labels = [{ target = "cardiomegaly" }]'
    )
    text = targets.path.read_text().replace("[targets.consolidation]", "[targets.cardiomegaly]")
    targets.path.write_text(text.replace("lungs", "heart"))
    wrong(world, "has the targets|nothing can be audited", "targets")
    wrong(world, "are in the audited data set: nothing is new", "inside")
    wrong(
        world,
        "is not in .*elsewhere: the scores of 'model' on 'audited'",
        evidence=Path("elsewhere"),
    )
    wrong(world, r"--by names \['ward'\]", by=["ward"])
    (tmp_path / "other").mkdir()
    fewer = phantom_card(tmp_path / "other", "audited", 'metadata = ["site"]', patients=140)
    wrong(world, "is not the data set 'audited' of", dataset=fewer.path)


def test_the_cards_that_the_record_names_must_be_there(world, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    wrong(world, "names none that is there of the data set cards: audited.toml")

"""Wrong input: one clear error that names the culprit, and nothing lost."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from child import PYTEST
from typer.testing import CliRunner

from audit_suite.audit import assemble
from audit_suite.cli import app

CHECK = """
@check("A", full=auroc())
def test_a(full):
    assert full > 0.6
"""


@pytest.fixture(autouse=True)
def own_store(world, images):
    """What is wrong with the input shows while evidence is computed: in each test, so of few."""
    world.evidence = world.path / ".audit-evidence"
    world.dataset("big", images(60))


def verdicts(world):
    record = json.loads((world.path / "audit.json").read_text())
    return {f["id"]: (f["verdict"], f["reason"]) for f in record["findings"]}


def usage_error(result, *lines):
    assert result.ret == 4
    assert "Traceback" not in result.stderr.str() + result.stdout.str()
    result.stderr.fnmatch_lines([f"*{line}*" for line in lines])


def test_no_cards(world):
    world.check(CHECK)
    usage_error(world.run("test_checks.py", model=""), "at least one --audit-model CARD")
    usage_error(world.run("test_checks.py", dataset=""), "at least one --audit-dataset CARD")


def test_missing_card(world):
    usage_error(world.run(model="nobody"), "model card*nobody.toml does not exist")


def test_unknown_key_in_a_card(world, images):
    world.dataset("big", images(60), more='colour = "red"')
    usage_error(world.run(), "data set card*big.toml: key 'colour': unknown key", "known keys*")


def test_unknown_suite(world):
    usage_error(
        world.run("--audit-suite=astrology"),
        "--audit-suite=astrology: there is no such suite",
        "known: calibration, controls, dilation",
    )


def test_no_common_target(world):
    world.model("other", "roi", target="rich")
    usage_error(world.run(model="other"), "*'rich'*nothing can be audited")


def test_two_cards_of_one_name(world, images):
    (world.path / "more").mkdir()
    (world.path / "more" / "big.toml").write_text((world.path / "big.toml").read_text())
    usage_error(world.run(dataset="big,more/big"), "have the same name 'big'")


@pytest.mark.parametrize(
    "option",
    [
        "--audit-confidence=2",
        "--audit-batch-size=0",
        "--audit-max-cases=1",
        "--audit-explain-budget=120",
        "--audit-explain-budget=x%",
    ],
)
def test_option_out_of_range(world, option):
    usage_error(world.run(option), f"{option}: must be")


def test_cuda_where_there_is_none(world, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    usage_error(world.run("--audit-device=cuda"), "--audit-device=cuda*no CUDA device")


def test_a_precision_that_the_device_lacks(world):
    usage_error(world.run("--audit-precision=tf32"), "--audit-precision=tf32*only CUDA devices*")


def test_ini_twins(world):
    (world.path / "pytest.toml").write_text(
        "[pytest]\n"
        'audit_models = ["honest.toml"]\n'
        'audit_datasets = ["big.toml"]\n'
        'audit_json = "from-ini.json"\n'
        'audit_policy = "policy.toml"\n'
        'audit_seed = "7"\n'
        'audit_executor = "inline"\n'
    )
    world.check(CHECK)
    result = world.run("--audit", "test_checks.py", audit=False)
    assert result.ret == 0
    record = json.loads((world.path / "from-ini.json").read_text())
    assert record["policy"]["name"] == "test"
    assert record["provenance"]["settings"]["seed"] == 7
    assert record["environment"]["executor"] == "inline"


def test_bad_data_are_an_error_and_other_evidence_is_kept(world, images, tmp_path):
    folder = tmp_path / "broken"
    shutil.copytree(images(60), folder)
    (folder / "31.png").write_bytes(b"no image")
    world.dataset("broken", folder)
    world.check(CHECK)
    result = world.run("test_checks.py", dataset="big,broken")
    assert result.ret == 1
    found = verdicts(world)
    assert found["A/honest/big/sick"][0] == "pass"
    verdict, reason = found["A/honest/broken/sick"]
    assert verdict == "error"
    assert "33" in reason, "the row, counted as an editor counts lines"
    assert "on_bad_image" in reason
    assert "secret" not in reason


def test_bad_image_excluded_where_the_card_allows_it(world, images, tmp_path):
    folder = tmp_path / "broken"
    shutil.copytree(images(60), folder)
    (folder / "31.png").write_bytes(b"no image")
    world.dataset("broken", folder, more='on_bad_image = "exclude"')
    world.check(CHECK)
    for _ in range(2):  # computed, then from the store
        assert world.run("test_checks.py", dataset="broken").ret == 0
        record = json.loads((world.path / "audit.json").read_text())
        (dataset,) = record["provenance"]["datasets"]
        assert len(dataset["excluded"]) == 1
        assert "33" in dataset["excluded"][0]
        assert record["findings"][0]["estimate"]["n_images"] == 59


def test_nan_scores_are_an_error_of_that_model_alone(world):
    (world.path / "model.py").write_text(
        (world.path / "model.py").read_text()
        + "\nclass Nan(Window):\n    def forward(self, batch):\n"
        + "        return super().forward(batch) * float('nan')\n"
        + "def broken(where):\n    return Nan(where)\n"
    )
    world.model("nan", "roi")
    card = world.path / "nan.toml"
    card.write_text(card.read_text().replace("model.py:build", "model.py:broken"))
    world.check(CHECK)
    assert world.run("test_checks.py", model="honest,nan").ret == 1
    found = verdicts(world)
    assert found["A/honest/big/sick"][0] == "pass"
    assert found["A/nan/big/sick"][0] == "error"


def test_a_damaged_store_is_mended(world):
    world.check(CHECK)
    assert world.run("test_checks.py").ret == 0
    before = (world.path / "audit.json").read_text()
    for file in (world.path / ".audit-evidence").glob("*/*.safetensors"):
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data)
    assert world.run("test_checks.py", "--audit-offline").ret == 1
    assert "--audit-offline" in verdicts(world)["A/honest/big/sick"][1]
    assert world.run("test_checks.py").ret == 0
    after = (world.path / "audit.json").read_text()
    assert json.loads(before)["findings"] == json.loads(after)["findings"]


def test_full_disk(world, monkeypatch):
    replace = Path.replace

    def full(file, target):
        if ".safetensors." in file.name:
            raise OSError(28, "No space left on device")
        return replace(file, target)

    world.check(CHECK)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        assert world.run("test_checks.py").ret == 1
    verdict, reason = verdicts(world)["A/honest/big/sick"]
    assert verdict == "error"
    assert "No space left on device" in reason
    assert not list((world.path / ".audit-evidence").rglob("*.tmp"))
    assert world.run("test_checks.py").ret == 0


def test_offline_uses_the_store_and_says_what_is_missing(world):
    world.check(CHECK)
    assert world.run("test_checks.py", "--audit-offline").ret == 1
    assert "lacks the evidence of model 'honest'" in verdicts(world)["A/honest/big/sick"][1]
    assert world.run("test_checks.py").ret == 0
    assert world.run("test_checks.py", "--audit-offline").ret == 0


def test_plan_shows_and_stops(world, images):
    world.dataset("big", images(300))
    world.check(CHECK + "@check('B', h=auroc(WithoutROI()))\ndef test_b(h):\n    assert h < 1\n")
    result = world.run("test_checks.py", "--audit-plan")
    assert result.ret == 11
    result.stdout.fnmatch_lines(
        ["*honest on big: 300 images x 2 maskings = 600 forward passes; 0 of 4 shards stored*"]
    )
    assert not (world.path / "audit.json").exists()
    world.run("test_checks.py")
    world.run("test_checks.py", "--audit-plan").stdout.fnmatch_lines(["*4 of 4 shards stored*"])


def test_smoke_run_says_so(world, images):
    world.dataset("big", images(800))
    world.check(CHECK)
    result = world.run("test_checks.py", "--audit-max-cases=200")
    result.stdout.fnmatch_lines(["*smoke run*"])
    record = json.loads((world.path / "audit.json").read_text())
    assert record["provenance"]["settings"]["max_cases"] == 200
    assert record["provenance"]["datasets"][0]["n_images"] <= 200


def test_report_is_written_and_an_unwritable_place_is_an_error(world):
    world.check(CHECK)
    assert world.run("test_checks.py", "--audit-report=out/audit.html").ret == 0
    assert "<html" in (world.path / "out" / "audit.html").read_text()
    (world.path / "file").write_text("")
    result = world.run("test_checks.py", "--audit-json=file/audit.json")
    assert result.ret == 4, "before anything is computed"
    result.stderr.fnmatch_lines(["*--audit-json=*file/audit.json*nothing can be written there*"])


def test_no_patient_id_leaves_the_process(world):
    world.check(CHECK + "@check('B', h=auroc(WithoutROI()))\ndef test_b(h):\n    assert h < 0.1\n")
    result = world.run("test_checks.py", "--junitxml=junit.xml", "--audit-report=audit.html", "-rA")
    texts = [result.stdout.str(), result.stderr.str()]
    texts += [(world.path / n).read_text() for n in ("junit.xml", "audit.html", "audit.json")]
    texts += [file.read_bytes().decode("latin-1") for file in world.path.rglob("*.safetensors")]
    assert not any("secret-" in text for text in texts)


def test_plain_pytest_imports_nothing_heavy(tmp_path):
    (tmp_path / "test_plain.py").write_text(
        "import sys\ndef test_light():\n"
        "    heavy = {'audit_suite', 'torch', 'numpy', 'pydantic', 'jinja2'} & set(sys.modules)\n"
        "    assert not heavy\n"
        "    assert 'pytest_audit.plugin' in sys.modules\n"
    )
    done = subprocess.run(
        [*PYTEST, "-q", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_importing_the_package_imports_no_torch():
    code = (
        "import sys, audit_suite; assert 'torch' not in sys.modules and 'pytest' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


LATE = """
import pytest

def pytest_runtest_logreport(report):
    if report.when == "call":
        {break_it}
"""


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        # The images go when the checks are done, and before the pictures are made.
        ("__import__('shutil').rmtree('images', ignore_errors=True)", None),
        (
            "__import__('audit_suite.audit.assemble').audit.assemble.collect_sections = None",
            "the pictures of the report could not be made: TypeError",
        ),
        (
            "__import__('audit_suite.audit.assemble').audit.assemble._datasets = None",
            "the description of the data sets could not be made: TypeError",
        ),
    ],
)
def test_what_breaks_late_leaves_a_record(world, images, monkeypatch, break_it, said):
    shutil.copytree(images(60), world.path / "images")
    world.dataset("small", world.path / "images")
    world.pytester.makeconftest(LATE.format(break_it=break_it))
    monkeypatch.setattr(assemble, "collect_sections", assemble.collect_sections)
    monkeypatch.setattr(assemble, "_datasets", assemble._datasets)
    world.check(CHECK)
    args = ("test_checks.py", "--audit-report=audit.html", "--audit-evidence=own")
    result = world.run(*args, dataset="small")
    record = world.record()
    assert record["findings"][0]["verdict"] == "pass"
    assert (world.path / "audit.html").exists()
    if said:
        assert result.ret == 1
        assert record["decision"] == "closed"
        assert said in record["policy"]["problems"][0]
        result.stdout.fnmatch_lines([f"audit: {said}*"])


def test_control_characters_reach_neither_terminal_nor_summary_nor_record(world):
    world.check(
        "@check('X', full=auroc())\ndef test_x(full):\n"
        "    raise AuditError('\\x1b[2J\\x1b]0;owned\\x07\\n ::error::\\u202eevil\\r##[x]', 'none\\x00')\n"
    )
    (world.path / "test_checks.py").write_text(
        "from audit_suite.errors import AuditError\n" + (world.path / "test_checks.py").read_text()
    )
    result = world.run("test_checks.py")
    record = (world.path / "audit.json").read_text()
    summary = CliRunner().invoke(app, ["summary", str(world.path / "audit.json")]).output
    for text in (result.stdout.str(), result.stderr.str(), record, summary):
        assert not set(text) & set("\x1b\x07\u202e\x00")
        assert not re.search(r"^\s*::|##\[", text, re.MULTILINE)
    assert "owned" in record

"""The how-to pages that no other test reads: their examples load and run, their words are ours."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib

import pytest
import yaml
from house.pages import DOCS, ROOT, blocks
from hypothesis import given, settings

from audit_suite.audit.gate import Exit
from audit_suite.audit.policy import load_policy
from audit_suite.audit.settings import FIRST_LOOK
from audit_suite.audit.suites import shipped_suites, suite_of
from audit_suite.audit.waivers import load_waivers, today
from audit_suite.cards import load_dataset_card
from audit_suite.checks import ATTRIBUTE, check_on
from audit_suite.datasets.dicom_tags import METADATA
from audit_suite.exports.github import MARKER
from audit_suite.report.first.decision import TITLES
from audit_suite.report.words import VERDICTS
from audit_suite.suites import test_region_sensitivity

HOWTO = DOCS / "howto"

if not DOCS.exists():
    pytest.skip("runs in a checkout, not beside a wheel", allow_module_level=True)


def text(name):
    return (HOWTO / f"{name}.md").read_text(encoding="utf-8")


def test_the_dicom_card_loads_with_each_of_its_additions(tmp_path):
    card, *additions = blocks(HOWTO / "dicom.md", "toml")
    assert len(additions) == 2
    for addition in ("", *additions):
        (tmp_path / "data.toml").write_text(card + addition)
        loaded = load_dataset_card(tmp_path / "data.toml")
        assert loaded.reader == "dicom"
    tags = re.search(r"`dicom\.NAME`: (.+?)\. The checks", text("dicom"), re.DOTALL)[1]
    assert set(re.findall(r"`(\w+)`", tags)) == set(METADATA)


def test_the_custom_checks_are_checks_and_the_policy_requires_one(tmp_path):
    (code,) = blocks(HOWTO / "custom-check.md", "python")
    module = {}
    exec(compile(code, "page", "exec"), module)
    found = {f.__dict__[ATTRIBUTE].id for f in module.values() if ATTRIBUTE in vars_of(f)}
    assert found == {"own-background", "own-anatomy"}
    assert not any(map(suite_of, found)), "ids of shipped checks are taken"
    (policy,) = blocks(HOWTO / "custom-check.md", "toml")
    (tmp_path / "policy.toml").write_text(policy)
    required = load_policy(tmp_path / "policy.toml").targets[0].required
    assert {id for id in required if not suite_of(id)} <= found
    assert "own-anatomy" in required


def test_the_searches_are_checks_and_their_strategies_draw(tmp_path, monkeypatch):
    ids = []
    for number, code in enumerate(blocks(HOWTO / "counterexamples.md", "python")):
        file = tmp_path / f"page{number}.py"
        file.write_text(code)
        spec = importlib.util.spec_from_file_location(file.stem, file)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, file.stem, module)
        spec.loader.exec_module(module)
        for thing in vars(module).values():
            if getattr(thing, "__module__", "") == file.stem and (check := check_on(thing)):
                ids.append(check.id)
                if "found" in check.needs:
                    strategy = check.needs["found"].strategy
                    settings(database=None, max_examples=9)(
                        given(strategy.drawn())(strategy.check)
                    )()
    assert ids == ["own-corners", "own-text", "own-electrodes", "own-marker", "own-margin"]


def test_the_checks_of_the_readme_are_checks():
    code = next(b for b in blocks(ROOT / "README.md", "python") if "@check" in b)
    module = {}
    exec(compile(code, "README", "exec"), module)
    assert sum(ATTRIBUTE in vars_of(thing) for thing in module.values()) == 2


def vars_of(thing):
    return getattr(thing, "__dict__", {})


def test_the_waiver_is_read_and_may_not_run_longer_than_the_policy_allows(tmp_path):
    (waiver,) = blocks(HOWTO / "waivers.md", "toml")
    path = tmp_path / "waivers.toml"
    path.write_text(waiver)
    end = tomllib.loads(waiver)["waiver"][0]["expires"]
    (read,) = load_waivers(path, 366, min(today(), end))
    assert suite_of(read.check)
    assert read.covers(read.check, "cxr-triage", "our-chest-xrays", "any")
    assert f"{load_policy().waiver_days} by default" in text("waivers")


def test_the_gate_in_ci_is_a_step_of_its_own_after_a_fresh_record():
    gitlab = next(b for b in map(yaml.safe_load, blocks(HOWTO / "ci.md", "yaml")) if "release" in b)
    (jenkins,) = blocks(HOWTO / "ci.md", "groovy")
    (plain,) = blocks(HOWTO / "ci.md", "bash")
    shell = [" ".join(each.split()) for each in re.findall(r"sh '+(.+?)'+\n", jenkins, re.DOTALL)]
    for commands in (gitlab["audit"]["script"], shell, plain.replace("\\\n", "").splitlines()):
        (removed,) = [n for n, line in enumerate(commands) if "rm -f audit.json" in line]
        (audited,) = [n for n, line in enumerate(commands) if "pytest --audit" in line]
        (verified,) = [n for n, line in enumerate(commands) if "audit-suite verify" in line]
        assert removed < audited < verified
        assert commands[audited].rstrip().endswith("|| true")
        assert "--require open --policy policy.toml" in commands[verified]
        assert "--audit-policy policy.toml" in commands[audited]


def test_the_workflow_of_ci_gives_the_action_what_it_takes():
    action = yaml.safe_load((ROOT / ".github/actions/audit/action.yml").read_text())
    workflow, comment, _ = map(yaml.safe_load, blocks(HOWTO / "ci.md", "yaml"))
    (used,) = (s for s in workflow["jobs"]["audit"]["steps"] if "audit-suite" in s["uses"])
    assert used["uses"].endswith("/.github/actions/audit@COMMIT")
    required = {name for name, each in action["inputs"].items() if each.get("required")}
    assert required <= set(used["with"]) <= set(action["inputs"])
    named = re.search(r"The action's outputs are (.+?)\. All", text("ci"), re.DOTALL)[1]
    assert set(re.findall(r"`([\w-]+)`", named)) - {"none"} == set(action["outputs"])
    (posted,) = comment["steps"]
    assert f"steps.{used['id']}.outputs.comment" in posted["env"]["COMMENT"]
    assert MARKER in posted["run"]
    assert "${{" not in posted["run"], "text of others could become a command"


def test_the_exit_codes_of_ci_are_all_of_the_audits():
    codes = re.findall(r"^- (\d+): ", text("ci"), re.MULTILINE)
    assert [int(code) for code in codes] == list(map(int, Exit))


def test_a_first_look_is_described_as_it_is():
    page = text("first-look")
    assert f"at most {FIRST_LOOK} images" in page
    assert f"exit code {Exit.PARTIAL:d} by design" in page
    assert set(re.findall(r"\bR\d+(?:-box)?\b", page)) == set(load_policy().targets[0].required)


def test_a_report_is_explained_in_its_own_words():
    page = text("read-a-report")
    for sign, word, meaning in VERDICTS.values():
        assert f"| {sign} | {word} | {meaning} |" in page
    for title in TITLES.values():
        assert f"| **{title}** |" in page


def test_the_readme_says_which_extras_and_suites_there_are():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    table = re.search(r"\| extra \| for \|\n(.+?)\n\n", readme, re.DOTALL)[1]
    named = re.findall(r"`(\w+)`", "".join(row.split("|")[1] for row in table.splitlines()))
    assert set(named) == set(extras) - {"test", "dev", "docs"}
    asked = re.search(r"\| suite \| asks \|\n(.+?)\n\n", readme, re.DOTALL)[1]
    assert set(re.findall(r"^\| `([a-z-]+)`", asked, re.MULTILINE)) == set(shipped_suites())


def test_the_demonstration_of_the_readme_asks_what_the_suite_asks():
    shown = next(b for b in blocks(ROOT / "README.md", "text") if b.startswith("phantom-honest"))
    asked = {
        vars(function)[ATTRIBUTE].question
        for function in vars(test_region_sensitivity).values()
        if ATTRIBUTE in vars_of(function)
    }
    lines = re.findall(r"^  (PASS|FAIL)  (.+)$", shown, re.MULTILINE)
    assert [verdict for verdict, _ in lines] == ["PASS"] * 4 + ["FAIL"] * 2
    assert {question for _, question in lines} <= asked


def test_every_how_to_is_on_the_entry_page():
    entry = (DOCS / "index.md").read_text(encoding="utf-8")
    for page in HOWTO.glob("*.md"):
        assert f"howto/{page.stem}\n" in entry, page.name
        assert f"(howto/{page.name})" in entry, page.name

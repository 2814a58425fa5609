"""The gate: what the policy requires decides, however the audit is narrowed."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from audit_suite.audit.suites import shipped_suites

CHECKS = """
@check("A", full=auroc())
def test_a(full):
    assert full > 0.6

@check("B", hidden=auroc(WithoutROI()))
def test_b(hidden):
    assert hidden.distance_to(0.5) < 0.1
"""
SKIP = "import pytest\npytest.skip('not now', allow_module_level=True)\n"
HOOK = """
import pytest

@pytest.hookimpl({when}=True)
def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if "test_b" not in item.name]
"""
TAKEN = """
def pytest_collection_modifyitems(items):
    for item in items:
        if "test_b" in item.name:
            item.obj = lambda hidden: None
"""


def record(world):
    return json.loads((world.path / "audit.json").read_text())


@pytest.mark.parametrize(
    "args",
    [
        ("test_checks.py", "-k", "test_a"),
        ("test_checks.py", "-k", "no_such_check"),
        ("test_checks.py", "--deselect=test_checks.py::test_b"),
        ("test_checks.py", "-m", "not_a_mark"),
        ("test_checks.py::test_a",),
        ("test_checks.py", "-o", "python_functions=test_a"),
        ("test_other.py",),
        (".", "--ignore=test_checks.py"),
        (".", "--ignore-glob=*checks*"),
        (".", "-o", "python_files=test_o*.py"),
        ("--audit-suite=input",),
        ("test_checks.py", "--maxfail=1", "-k", "test_a"),
        ("test_checks.py", "--audit-max-cases=600"),
        ("test_checks.py", "--audit-max-cases=40"),
        ("test_checks.py", "--audit-profile=first-look"),
        ("test_checks.py", "--audit-confidence=0.8"),
    ],
    ids=lambda args: " ".join(args).replace("test_checks.py", "").strip() or args[0],
)
def test_a_narrowed_audit_is_partial(world, args):
    world.check(CHECKS)
    world.check(CHECKS.replace('"A"', '"O"').replace('"B"', '"P"'), "test_other.py", required=False)
    result = world.run(*args)
    assert result.ret == 11, result.stdout.str()
    assert record(world)["decision"] == "partial"
    result.stdout.fnmatch_lines(["*audit: PARTIAL*", "not a full audit: *"])


@pytest.mark.parametrize(
    ("conftest", "code"),
    [
        ("collect_ignore = ['test_checks.py']\n", 5),
        (HOOK.format(when="tryfirst"), 11),
        (HOOK.format(when="trylast"), 11),
        (
            "def pytest_ignore_collect(collection_path):\n    return collection_path.name == 'x'\n",
            0,
        ),
        ("def pytest_pycollect_makeitem(name):\n    return [] if name == 'test_b' else None\n", 11),
        ("import pytest\ndef pytest_runtest_setup(item):\n    pytest.skip('no')\n", 1),
        (TAKEN, 1),
        ("def pytest_sessionfinish(session):\n    session.exitstatus = 0\n", 11),
        (
            "import atexit, os\ndef pytest_configure(config):\n    config.option.keyword = 'test_a'\n",
            11,
        ),
    ],
    ids=["ignore", "first", "last", "idle", "makeitem", "skip", "body", "exit", "option"],
)
def test_a_conftest_cannot_narrow_in_secret(world, conftest, code):
    world.pytester.makeconftest(conftest)
    world.check(CHECKS)
    narrowed = ("-k", "test_a") if "sessionfinish" in conftest else ()
    result = world.run(".", *narrowed)
    assert result.ret == code, result.stdout.str()
    if code == 11:
        (missing,) = record(world)["policy"]["missing"]
        assert missing["check"] == "B"


def test_a_first_look_asks_what_the_policy_needs(world):
    world.check(CHECKS)
    world.check(CHECKS.replace('"A"', '"O"').replace('"B"', '"P"'), "test_other.py", required=False)
    world.run("test_checks.py", "test_other.py", "--audit-profile=first-look")
    found = record(world)
    assert [finding["check"] for finding in found["findings"]] == ["A", "B"]
    assert found["policy"]["missing"] == []
    assert 350 <= found["provenance"]["datasets"][0]["n_images"] <= 400
    assert [d["never_opens"] for d in found["policy"]["deviations"] if "first look" in d["what"]]
    world.run("test_checks.py", "--audit-profile=first-look", dataset="small", model="shortcut")
    assert record(world)["decision"] in ("partial", "closed")


@pytest.mark.parametrize("body", [SKIP, "import pytest\npytest.importorskip('nothing_of_it')\n"])
def test_a_skipped_file_is_missed(world, body):
    world.check(body + CHECKS)
    world.check(CHECKS.replace('"A"', '"O"').replace('"B"', '"P"'), "test_other.py", required=False)
    result = world.run("test_checks.py", "test_other.py")
    assert result.ret == 11
    assert [m["check"] for m in record(world)["policy"]["missing"]] == ["A", "B"]
    result.stdout.fnmatch_lines(["*required, but missing: A on honest, big, sick was not asked*"])


def test_the_shipped_checks_are_required_by_default(world):
    result = world.run("--audit-suite=metadata", dataset="small")
    assert result.ret == 11
    said = record(world)
    assert said["decision_reason"].startswith("not a full audit: region-sensitivity was not asked")
    assert said["policy"]["suites_asked"] == ["input", "metadata"]
    others = set(shipped_suites()) - {"input", "metadata"}
    assert said["policy"]["suites_not_asked"] == sorted(others - {"watch"}), "a command's own"
    result.stdout.fnmatch_lines(
        ["*R8-box (region-sensitivity)*was not asked; to do: ask the suite*"]
    )


def test_what_is_required_but_does_not_apply_is_partial(world, images):
    world.dataset("big", images(800), roi="[]")
    result = world.run("--audit-suite=region-sensitivity")
    assert result.ret == 11
    (missing,) = record(world)["policy"]["missing"]
    assert missing["check"] == "R8-box"
    assert missing["reason"].startswith("does not apply: ")
    assert "targets.sick.roi" in missing["reason"]


def test_a_guard_without_a_verdict_leaves_the_gate_open(world):
    world.check(CHECKS.replace("< 0.1", "< 0.0001"))
    world.policy("A")
    result = world.run("test_checks.py")
    assert result.ret == 0, result.stdout.str()
    found = {f["check"]: (f["role"], f["verdict"]) for f in record(world)["findings"]}
    assert found == {"A": ("required", "pass"), "B": ("guard", "inconclusive")}
    result.assert_outcomes(passed=1, skipped=0)
    result.stdout.fnmatch_lines(
        ["1 required check passed and no guard failed; 1 of the guards inc*"]
    )


def test_a_guard_that_fails_closes(world):
    world.check(CHECKS)
    world.policy("A")
    assert world.run("test_checks.py", model="shortcut").ret == 1


def test_addopts_of_the_environment_cannot_narrow_in_secret(world, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k test_b")
    world.check(CHECKS)
    result = world.run("test_checks.py")
    assert result.ret == 11
    verdicts = {f["check"]: f["verdict"] for f in record(world)["findings"]}
    assert verdicts == {"A": "none", "B": "pass"}


def test_only_what_failed_last_time_is_a_partial_audit(world):
    world.check(CHECKS.replace("full > 0.6", "full < 0.6"))
    assert world.run("test_checks.py", "-p", "cacheprovider").ret == 1
    world.check(CHECKS)
    assert world.run("test_checks.py", "-p", "cacheprovider", "--lf").ret == 11


# A controller never collects, so it learns the plan from its workers: one worker shows that.
PARALLEL = pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["serial", "n1"])


@PARALLEL
def test_stopping_at_the_first_failure_is_still_a_fail(world, workers):
    world.check(CHECKS.replace("full > 0.6", "full < 0.6"))
    result = world.run("test_checks.py", "-x", *workers)
    assert result.ret == 1
    assert record(world)["decision"] == "closed"


@pytest.mark.parametrize("how", ["--collect-only", "--audit-plan", "--fixtures", "--setup-plan"])
def test_what_runs_no_check_opens_nothing(world, how):
    world.check(CHECKS)
    world.run("test_checks.py")
    world.run("test_checks.py", how)
    left = world.path / "audit.json"
    assert not left.exists() or record(world)["decision"] == "partial"


def test_no_checks_at_all_open_nothing(world):
    world.check("def test_plain():\n    assert True\n")
    assert world.run("test_checks.py").ret == 5


def test_a_broken_audit_file_opens_nothing(world):
    world.check(CHECKS)
    (world.path / "test_broken.py").write_text("import nothing_of_that_name\n")
    args = ("test_checks.py", "test_broken.py")
    assert world.run(*args).ret == 1
    assert world.run(*args, "--continue-on-collection-errors").ret == 1
    assert record(world)["decision"] == "closed"
    assert record(world)["policy"]["problems"] == ["1 file of checks could not be collected"]


def test_interrupting_opens_nothing(world):
    world.check(
        CHECKS + "@check('C', full=auroc())\ndef test_stop(full):\n    raise KeyboardInterrupt\n"
    )
    result = world.run("test_checks.py", "-q")
    assert result.ret == 2
    assert record(world)["decision"] == "partial"
    text = result.stdout.str()
    ours = text[text.index("= audit: ") :].partition("\n!!!")[0].splitlines()
    assert len(ours) == 3
    assert "INTERRUPTED" in ours[0]
    assert ours[1] == "1 of 3 checks were not run, so it is not a full audit"
    assert ours[2].startswith(
        "the same command goes on from the evidence that is stored; written: r"
    )


def test_a_crashed_worker_is_an_error_not_a_loss(world):
    world.check(
        CHECKS + "@check('C', full=auroc())\ndef test_crash(full):\n    import os; os._exit(3)\n"
    )
    result = world.run("test_checks.py", "-n1", "-k", "not test_b")
    assert result.ret == 1
    verdicts = {f["check"]: f["verdict"] for f in record(world)["findings"]}
    assert verdicts["C"] == "error"
    assert (verdicts["A"], verdicts["B"]) == ("pass", "none")


def test_reruns_are_refused(world):
    world.pytester.makeconftest(
        "def pytest_addoption(parser):\n    parser.addoption('--reruns', type=int)\n"
    )
    world.check(CHECKS)
    result = world.run("test_checks.py", "--reruns=2")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--reruns cannot be used with --audit*"])


def test_without_audit_checks_are_deselected(world):
    world.check(CHECKS + "def test_plain():\n    assert True\n")
    result = world.run("test_checks.py", audit=False)
    result.assert_outcomes(passed=1, deselected=2)


def test_with_audit_other_tests_are_deselected(world):
    world.check(CHECKS + "def test_plain():\n    assert False\n")
    result = world.run("test_checks.py")
    result.assert_outcomes(passed=2, deselected=1)


def test_two_checks_of_one_identity_are_refused(world):
    world.check(CHECKS.replace('"B"', '"A"'))
    result = world.run("test_checks.py")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*same identity 'A/honest/big/sick'*"])


@pytest.mark.parametrize("suite", [(), ("--audit-suite=region-sensitivity",)], ids=["all", "one"])
def test_own_audits_run_whatever_suite_is_named(world, suite):
    (world.path / "audits").mkdir()
    world.check(CHECKS, name="audits/test_own.py")
    world.policy("A", "B", "R1", "R8-box")
    assert world.run(*suite, dataset="small").ret == 10
    assert not record(world)["policy"]["missing"]
    checks = {f["check"] for f in record(world)["findings"]}
    assert {"A", "B", "R2", "R6"} <= checks


def test_an_own_check_cannot_take_a_shipped_id(world):
    world.check(CHECKS.replace('"B"', '"R8-box"'))
    result = world.run("test_checks.py")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*has the id R8-box, which is that of a shipped check*"])


def test_junit_properties(world):
    world.check(CHECKS)
    world.run("test_checks.py", "--junitxml=junit.xml")
    text = (world.path / "junit.xml").read_text()
    assert '<property name="audit_verdict" value="pass"' in text
    assert '<property name="audit_id" value="A/honest/big/sick"' in text
    assert "secret-" not in text


def waiver(world, **more):
    entry = {"check": "B", "owner": "Dr Who", "reason": "known", **more}
    lines = "".join(f'{key} = "{value}"\n' for key, value in entry.items() if key != "expires")
    expires = more.get("expires", date.today() + timedelta(days=30))
    (world.path / "w.toml").write_text(f"[[waiver]]\n{lines}expires = {expires}\n")
    return "test_checks.py", "--audit-waivers=w.toml"


def test_a_waiver_opens_and_stands_first(world):
    world.check(CHECKS)
    result = world.run(*waiver(world, model="shortcut"), model="shortcut")
    assert result.ret == 0
    (waived,) = [f for f in record(world)["findings"] if f["verdict"] == "waived"]
    assert waived["waiver"]["owner"] == "Dr Who"
    assert record(world)["decision_reason"].startswith("1 check waived by name; otherwise ")
    result.stdout.fnmatch_lines(["*used waiver: B on shortcut, by Dr Who until *: known"])


def test_an_expired_waiver_closes_and_a_needless_one_does_not(world):
    world.check(CHECKS)
    assert (
        world.run(*waiver(world, model="shortcut", expires="2001-01-01"), model="shortcut").ret == 1
    )
    result = world.run(*waiver(world))
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*needless waiver: B on everything, by Dr Who*"])
    assert world.run(*waiver(world, expires="2001-01-01")).ret == 1
    assert "expired on 2001-01-01" in record(world)["decision_reason"]
    result = world.run(*waiver(world, expires="2199-01-01"))
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*the policy allows 366 days*"])


def test_hooks_see_copies_and_can_only_worsen(world):
    world.pytester.makeconftest(
        "from audit_suite import Verdict\n"
        "def pytest_audit_finding(finding):\n"
        "    print('HOOK', finding.id, finding.verdict.value)\n"
        "    better = finding.verdict is not Verdict.PASS\n"
        "    finding.verdict = Verdict.PASS if better else Verdict.INCONCLUSIVE\n"
        "    finding.reason, finding.comparisons = 'by a plugin', []\n"
    )
    world.check(CHECKS)
    result = world.run("test_checks.py", "-s", model="shortcut")
    result.stdout.fnmatch_lines(["*HOOK A/shortcut/big/sick pass*"])
    found = {f["check"]: f for f in record(world)["findings"]}
    assert (found["A"]["verdict"], found["B"]["verdict"]) == ("inconclusive", "fail")
    assert "an extension (pytest_audit_finding) made it inconclusive" in found["A"]["reason"]
    assert found["A"]["comparisons"]
    assert result.ret == 1


def test_old_outputs_do_not_outlive_the_start_of_a_run(world):
    world.check(CHECKS)
    reports = ("--audit-report=audit.html", "--audit-report-folder=report")
    outputs = [world.path / name for name in ("audit.json", "audit.html", "report/index.html")]
    assert world.run("test_checks.py", *reports).ret == 0
    assert all(output.exists() for output in outputs)
    world.check("@check('A', nothing=1)\ndef test_a():\n    pass\n")
    world.run("test_checks.py", *reports, dataset="no-such-card")
    assert not any(output.exists() for output in outputs)

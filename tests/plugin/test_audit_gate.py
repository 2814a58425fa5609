"""The gate: what was planned must run, and nothing but a whole audit opens it."""

from __future__ import annotations

import json

import pytest

CHECKS = """
@check("A", full=auroc())
def test_a(full):
    assert full > 0.6

@check("B", hidden=auroc(WithoutROI()))
def test_b(hidden):
    assert hidden.distance_to(0.5) < 0.05
"""

PARALLEL = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["serial", "n2"])


def record(world):
    return json.loads((world.path / "audit.json").read_text())


@PARALLEL
@pytest.mark.parametrize(
    "narrowing",
    [("-k", "test_a"), ("--deselect=test_checks.py::test_a",), ("--lf",)],
    ids=["k", "deselect", "lf"],
)
def test_a_narrowed_audit_is_partial(world, workers, narrowing):
    world.check(CHECKS)
    args = list(narrowing)
    if narrowing == ("--lf",):
        args += ["-p", "cacheprovider"]
    result = world.run("test_checks.py", *args, *workers, dataset="small", subprocess=bool(workers))
    assert result.ret == 11, result.stdout.str()
    assert record(world)["decision"] == "partial"


@PARALLEL
def test_addopts_of_the_environment_cannot_narrow_in_secret(world, workers, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k test_b")
    world.check(CHECKS)
    result = world.run("test_checks.py", *workers, subprocess=bool(workers))
    assert result.ret == 11
    verdicts = {f["check"]: f["verdict"] for f in record(world)["findings"]}
    assert verdicts == {"A": "none", "B": "pass"}


def test_a_node_id_is_a_partial_audit(world):
    world.check(CHECKS)
    result = world.run("test_checks.py::test_a")
    assert result.ret == 11
    assert "a path with ::" in record(world)["decision_reason"]


@PARALLEL
def test_stopping_at_the_first_failure_is_still_a_fail(world, workers):
    world.check(CHECKS.replace("full > 0.6", "full < 0.6"))
    result = world.run("test_checks.py", "-x", *workers, subprocess=bool(workers))
    assert result.ret == 1
    assert record(world)["decision"] == "closed"


@PARALLEL
def test_collect_only_opens_nothing(world, workers):
    world.check(CHECKS)
    assert (
        world.run("test_checks.py", "--collect-only", *workers, subprocess=bool(workers)).ret != 0
    )


def test_no_checks_at_all_open_nothing(world):
    world.check("def test_plain():\n    assert True\n")
    assert world.run("test_checks.py").ret == 5


@PARALLEL
def test_a_broken_audit_file_opens_nothing(world, workers):
    world.check(CHECKS)
    (world.path / "test_broken.py").write_text("import nothing_of_that_name\n")
    args = ("test_checks.py", "test_broken.py", *workers)
    assert world.run(*args, subprocess=bool(workers)).ret in (1, 2)
    args += ("--continue-on-collection-errors",)
    assert world.run(*args, subprocess=bool(workers)).ret == 1
    assert record(world)["decision"] == "closed"
    assert "could not be collected" in record(world)["decision_reason"]


def test_selecting_nothing_is_a_partial_audit(world):
    world.check(CHECKS)
    assert world.run("test_checks.py", "-k", "no_such_check").ret == 11
    assert record(world)["counts"]["none"] == 2


def test_interrupting_opens_nothing(world):
    world.check(
        CHECKS + "@check('C', full=auroc())\ndef test_stop(full):\n    raise KeyboardInterrupt\n"
    )
    assert world.run("test_checks.py", subprocess=True).ret == 2
    assert record(world)["decision"] == "partial"


def test_serial_and_parallel_give_the_same_record(world):
    found = []
    for workers in ((), ("-n2",)):
        result = world.run(
            "--audit-suite=region-sensitivity",
            f"--audit-evidence=evidence{len(found)}",
            *workers,
            model="honest,shortcut",
            dataset="big,small",
            subprocess=bool(workers),
        )
        assert result.ret == 1
        content = record(world)
        content.pop("environment")
        found.append(json.dumps(content))
    assert found[0] == found[1]


def test_a_crashed_worker_is_an_error_not_a_loss(world):
    world.check(
        CHECKS + "@check('C', full=auroc())\ndef test_crash(full):\n    import os; os._exit(3)\n"
    )
    result = world.run("test_checks.py", "-n2", subprocess=True)
    assert result.ret == 1
    verdicts = {f["check"]: f["verdict"] for f in record(world)["findings"]}
    assert verdicts["C"] == "error"
    assert verdicts["A"] == verdicts["B"] == "pass"


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


def test_own_audits_run_beside_the_shipped_suites(world):
    (world.path / "audits").mkdir()
    world.check(CHECKS, name="audits/test_own.py")
    assert world.run().ret == 0
    checks = {f["check"] for f in record(world)["findings"]}
    assert {"A", "B", "R2", "R6"} <= checks


def test_junit_properties(world):
    world.check(CHECKS)
    world.run("test_checks.py", "--junitxml=junit.xml")
    text = (world.path / "junit.xml").read_text()
    assert '<property name="audit_verdict" value="pass"' in text
    assert '<property name="audit_id" value="A/honest/big/sick"' in text
    assert "secret-" not in text


@PARALLEL
def test_waivers(world, workers):
    world.check(CHECKS)
    entry = '[[waiver]]\ncheck = "B"\nmodel = "shortcut"\nowner = "Dr Who"\nreason = "known"\n'
    (world.path / "w.toml").write_text(entry + "expires = 2199-01-01\n")
    args = ("test_checks.py", "--audit-waivers=w.toml", *workers)
    more = {"model": "shortcut", "subprocess": bool(workers)}
    result = world.run(*args, **more)
    assert result.ret == 0
    (waived,) = [f for f in record(world)["findings"] if f["verdict"] == "waived"]
    assert waived["waiver"]["owner"] == "Dr Who"
    (world.path / "w.toml").write_text(entry + "expires = 2001-01-01\n")
    assert world.run(*args, **more).ret == 1
    (world.path / "w.toml").write_text(
        entry.replace("shortcut", "honest") + "expires = 2199-01-01\n"
    )
    result = world.run("test_checks.py", "--audit-waivers=w.toml")
    assert result.ret == 1
    assert "needless" in record(world)["decision_reason"]


def test_finding_hook(world):
    world.pytester.makeconftest(
        "def pytest_audit_finding(finding):\n    print('HOOK', finding.id, finding.verdict.value)\n"
    )
    world.check(CHECKS)
    world.run("test_checks.py", "-s").stdout.fnmatch_lines(["*HOOK A/honest/big/sick pass*"])

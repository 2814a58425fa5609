"""What is shown while evidence is computed, and how long a first look says the whole takes."""

from __future__ import annotations

import functools
import io
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from _pytest.terminal import TerminalReporter

import audit_suite
from audit_suite.audit.full_run import full_passes, full_run
from audit_suite.audit.opening import open_audit
from audit_suite.audit.plan import planned_requests
from audit_suite.audit.run import planned_checks
from audit_suite.audit.settings import Settings
from audit_suite.checks import ATTRIBUTE
from audit_suite.evidence.meter import Meter
from audit_suite.evidence.passes import passes
from pytest_audit.exchange import Computed, Exchange
from pytest_audit.progress import Bar, Watching

CHECKS = """
@check("A", full=auroc())
def test_a(full):
    '''Is there skill?'''
    assert full > 0.6

@check("B", hidden=[auroc(WithoutROI()), auroc(WithoutROI(fill="mean"))])
def test_b(hidden):
    '''Is it lost?'''
    assert hidden < 0.7
"""
SMALL = "test_checks.py", "--audit-evidence=here"
DONE = r"evidence: 180 forward passes in \d+ (?:second|minute)s?, [\d,.]+/s"
TERMINAL = """
import pytest

@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reporter.isatty = type(reporter.isatty)(True)
"""
LEFT = r"a full audit takes about (\d+) (?:second|minute)s? on this machine"


def text(result):
    return result.stdout.str()


def test_a_log_has_plain_lines_and_a_second_run_none(world):
    world.check(CHECKS)
    first = text(world.run(*SMALL, dataset="small"))
    assert len(re.findall(f"^{DONE}$", first, re.M)) == 1
    assert "\r" not in first
    assert "[#" not in first
    assert "full audit takes" not in first
    assert "evidence:" not in text(world.run(*SMALL, dataset="small"))


def test_a_terminal_has_one_line_that_is_rewritten(world):
    world.check(CHECKS)
    (world.path / "conftest.py").write_text(TERMINAL)
    shown = text(world.run(*SMALL, dataset="small"))
    bars = re.findall(r"^evidence \[(#*)\.*\] +(\d+) %", shown, re.M)
    percents = [int(percent) for _, percent in bars]
    assert percents[0] == 0
    assert percents[-1] == 100
    assert percents == sorted(percents)
    assert [len(bar) for bar, _ in bars] == [24 * percent // 100 for percent in percents]
    assert len(re.findall(f"^{DONE}$", shown, re.M)) == 1
    world.run(*SMALL, dataset="small").stdout.no_fnmatch_line("*evidence*")


def screen(written):
    """What a terminal shows of some text: a carriage return goes back to the line's start."""
    lines = []
    for line in written.split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return lines


def test_a_bar_leaves_nothing_behind(pytestconfig):
    written = io.StringIO()
    bar, meter = Bar(TerminalReporter(pytestconfig, written)), Meter(200)
    bar.show(meter)
    assert screen(written.getvalue())[-1] == f"evidence [{'.' * 24}]   0 %"
    bar.say("m: memory ran out")
    meter.add(150)
    bar.show(meter)
    assert screen(written.getvalue())[-2:] == [
        "evidence: m: memory ran out",
        f"evidence [{'#' * 18}{'.' * 6}]  75 %",
    ]
    bar.close(meter)
    assert re.fullmatch(
        r"evidence: m: memory ran out\nevidence: 150 forward passes in 1 second, [\d,]+/s\n",
        "\n".join(screen(written.getvalue())),
    )


def test_a_bar_of_nothing_is_not_drawn(pytestconfig):
    written = io.StringIO()
    bar = Bar(TerminalReporter(pytestconfig, written))
    bar.show(Meter(0))
    bar.close(Meter(0))
    assert written.getvalue() == ""


class Shown:
    """A display that keeps what it is shown."""

    def __init__(self):
        self.last = []

    def say(self, line):
        raise AssertionError(line)

    def show(self, meter):
        self.last.append(meter.done)

    def close(self, meter):
        self.last.append(meter.last_line())


@pytest.fixture
def exchange(tmp_path):
    made = Exchange(SimpleNamespace())  # also where this test runs in a worker itself
    made._folder = tmp_path
    return made


def test_counts_of_workers_add_up(exchange, monkeypatch):
    """The one that starts later finds less missing; a worker's later note replaces its earlier."""
    over = {"over": True, "full": 7000}
    for worker, expected, done, more in (
        (1, 1000, 10, {}),
        (2, 900, 300, over),
        (1, 1000, 600, {}),
    ):
        monkeypatch.setattr("pytest_audit.exchange.os.getpid", lambda worker=worker: worker)
        exchange.note_computed(Computed(expected=expected, done=done, seconds=worker, **more))
    assert exchange.computed() == Computed(expected=1000, done=900, seconds=2, full=7000)
    monkeypatch.setattr("pytest_audit.exchange.os.getpid", lambda: 1)
    exchange.note_computed(Computed(expected=1000, done=610, seconds=2, **over))
    assert exchange.computed().over
    display = Shown()
    watching = Watching(exchange, display, workers=1)
    watching.stop()
    watching.stop()
    assert len(display.last) == 1, "once"
    assert display.last[0].startswith("910 forward passes in 2 seconds")
    assert watching.full == 7000


def test_the_watch_begins_when_all_have_collected_and_ends_at_the_first_check(
    exchange, monkeypatch
):
    monkeypatch.setattr("pytest_audit.progress._EVERY", 0.01)
    monkeypatch.setattr("pytest_audit.progress._LAST", 0.01)  # for a worker that died
    display = Shown()
    watching = Watching(exchange, display, workers=2)
    exchange.note_computed(Computed(expected=100, done=40, seconds=1.0))
    watching.pytest_xdist_node_collection_finished()
    assert not watching._thread.is_alive()
    watching.pytest_xdist_node_collection_finished()
    while not display.last:
        pass
    watching.pytest_runtest_logstart()
    assert not watching._thread.is_alive()
    assert display.last[0] == 40
    assert display.last[-1].startswith("40 forward passes")


def test_workers_that_compute_nothing_show_nothing(exchange):
    display = Shown()
    watching = Watching(exchange, display, workers=2)
    watching.stop()
    assert (display.last, watching.meter, watching.full) == ([], None, 0)


# A first look


OTHERS = CHECKS.replace('"A"', '"O"').replace('"B"', '"P"')
MORE = (
    OTHERS
    + """
@check("Q", hidden=auroc(WithoutROI(fill="noise")), inside=mass_lift("occlusion"))
def test_q(hidden, inside):
    '''And that?'''
    assert hidden < 0.7
    assert inside > 1
"""
)


@pytest.fixture
def looked(world):
    """A project with checks that the policy requires, and some that it does not."""
    world.check(CHECKS)
    world.check(MORE, "test_other.py", required=False)
    return world


def opened(world, **more):
    return open_audit(
        Settings(
            (world.path / "honest.toml",),
            (world.path / "big.toml",),
            policy=world.path / "policy.toml",
            executor="inline",
            device="cpu",
            **more,
        )
    )


def test_a_full_run_is_counted_on_all_images_and_with_all_checks(looked):
    files = [looked.path / "test_checks.py", looked.path / "test_other.py"]
    for more in ({}, {"max_cases": 600}, {"max_cases": 300}):
        full = opened(looked, **more)
        planned = planned_checks(full, checks=files)
        expected = passes(planned_requests(case for case, _ in planned), full.source)
        images = {None: 800, 600: 600, 300: 300}[more.get("max_cases")]
        occlusion = 16**2 * 3 // 2
        assert expected == 4 * images + 48 * occlusion
        first = opened(looked, **more, profile="first-look")
        declared = [getattr(function, ATTRIBUTE) for _, function in planned]
        assert full_passes(declared, first) == expected


def test_a_first_look_says_how_long_the_whole_takes_also_with_workers(looked):
    given = ("test_checks.py", "test_other.py", "--audit-profile=first-look")
    records = []
    for workers in ((), ("-n2",)):
        more = f"--audit-evidence=here{len(workers)}", *workers
        shown = text(looked.run(*given, *more))
        done = re.search(r"^evidence: 1,[12]\d\d forward passes in .*, [\d,.]+/s$", shown, re.M)
        assert done.start() < shown.index("[100%]") < shown.index("exit code 11")
        assert re.search(LEFT, shown).start() > shown.index("exit code 11")
        record = looked.record()
        record.pop("environment")
        records.append(json.dumps(record))
    assert records[0] == records[1]


def test_a_first_look_whose_evidence_is_stored_names_the_passes(looked):
    given = {"profile": "first-look", "executor": "inline", "device": "cpu"}
    lines = []
    for _ in range(2):
        audit_suite.run(
            [looked.path / "honest.toml"],
            [looked.path / "big.toml"],
            checks=[looked.path / "test_checks.py", looked.path / "test_other.py"],
            policy=looked.path / "policy.toml",
            evidence=looked.path / "here",
            progress=lines.append,
            **given,
        )
    assert re.match(r"1,\d\d\d forward passes in", lines[0])
    assert re.match(LEFT, lines[1])
    assert lines[2:] == [
        "a full audit takes about 21,632 forward passes: leave the profile 'first-look' out"
    ]


PAGE = Path(__file__).parents[2] / "docs" / "howto" / "first-look.md"
with_page = pytest.mark.skipif(not PAGE.exists(), reason="runs in a checkout, not beside a wheel")


@with_page
def test_the_page_shows_what_is_said():
    page = PAGE.read_text(encoding="utf-8")
    now = [120.0]
    meter = Meter(31_232, lambda: now[0])
    meter.reach(11_985)
    now[0] += 5
    meter.reach(12_500)
    assert f"evidence {meter.bar()}\n" in page
    assert f"evidence: {meter.line()}\n" in page
    last = Meter(31_232, lambda: 0.0, running=300.3)
    last.reach(31_232)
    assert f"evidence: {last.last_line()}\n" in page
    assert f"\n{full_run(84_000, 100.0)}\n" in page
    assert full_run(31_232, None).partition(":")[0] in page


@with_page
def test_the_example_of_the_page_runs(looked, monkeypatch, capsys):
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for ours, theirs in (("honest", "model"), ("big", "data")):
        (looked.path / f"{ours}.toml").rename(looked.path / f"{theirs}.toml")
    here = {"checks": ["test_checks.py"], "policy": "policy.toml", "executor": "inline"}
    given = {**here, "device": "cpu", "evidence": "here"}
    monkeypatch.setattr(audit_suite, "run", functools.partial(audit_suite.run, **given))
    exec(example, {})
    assert re.search(f"^{LEFT}", capsys.readouterr().out, re.M)


# Required checks first


def test_required_checks_run_and_are_shown_first(world):
    world.check(OTHERS, "test_a_guards.py", required=False)
    world.check(CHECKS, "test_checks.py")
    world.policy("B")
    shown = text(world.run("-v", "test_a_guards.py", "test_checks.py", dataset="small"))
    ran = re.findall(r"^(test_\w+\.py)::(test_\w)\[", shown, re.M)
    assert ran[:2] == [("test_checks.py", "test_b")] * 2
    assert ran[2:] == [
        ("test_a_guards.py", "test_a"),
        *[("test_a_guards.py", "test_b")] * 2,
        ("test_checks.py", "test_a"),
    ]
    section = shown[shown.index("honest on small, sick") :]
    ids = re.findall(r"^  [A-Z ]+? +([ABOP]) ", section, re.M)
    assert ids == ["B", "B", "A", "O", "P", "P"]

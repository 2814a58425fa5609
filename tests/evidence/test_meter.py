"""How far, how fast, how long still: with a clock of the test's own, and with real evidence."""

from __future__ import annotations

import contextlib
import json
import sys

import pytest
from cards import model_card, phantom_card
from evidence.test_attributions import NETWORK
from evidence.test_processes import FAKE
from hypothesis import given
from hypothesis import strategies as st

from audit_suite import pulse
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.evidence.budget import Budget
from audit_suite.evidence.executors.process import Processes
from audit_suite.evidence.measured import Log, compute_measured
from audit_suite.evidence.meter import Meter, in_words
from audit_suite.evidence.passes import passes, passes_left
from audit_suite.evidence.processes import child as child_module
from audit_suite.evidence.processes.child import Child
from audit_suite.maskings import Full, WithoutROI


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


# The meter


def test_what_is_left_follows_from_the_rate(clock):
    meter = Meter(1000, clock)
    assert (meter.rate, meter.recent_rate, meter.left) == (None, None, None)
    for _ in range(10):
        clock.now += 2
        meter.add(20)
    assert (meter.done, meter.seconds, meter.rate) == (200, 20, 10)
    assert (meter.recent_rate, meter.left) == (10, 80)
    assert meter.line() == "20 % of 1,000 forward passes, 10/s, about 80 seconds left"
    assert meter.bar() == "[####....................]  20 %, 10/s, about 80 seconds left"


def test_time_left_is_by_the_last_half_minute(clock):
    meter = Meter(20_000, clock)
    for rate in (100, 10):  # scores, then explanations
        for _ in range(60):
            clock.now += 1
            meter.add(rate)
    assert meter.recent_rate == 10
    assert meter.left == (20_000 - 6600) / 10
    assert meter.rate == 55, "over the whole time"
    clock.now += 30
    assert meter.recent_rate == 5, "while nothing comes"


def test_how_long_the_models_took_to_load_does_not_count_as_slow(clock):
    meter = Meter(100, clock)
    clock.now += 60
    meter.add(10)
    assert meter.line() == "10 % of 100 forward passes", "one count gives no rate"
    clock.now += 4
    meter.add(40)
    assert meter.left == 5


def test_what_was_done_is_said_at_the_end(clock):
    meter = Meter(1200, clock, running=20)
    clock.now += 100
    meter.reach(1200)
    assert meter.last_line() == "1,200 forward passes in 2 minutes, 10/s"
    assert meter.line().startswith("100 % of")


@given(
    expected=st.integers(0, 10**9),
    counts=st.lists(st.tuples(st.floats(0, 1e4), st.integers(0, 10**8)), max_size=60),
)
def test_a_meter_says_nothing_impossible(expected, counts):
    clock = Clock()
    meter = Meter(expected, clock)
    for seconds, number in counts:
        clock.now += seconds
        meter.add(number)
        percent = int(meter.line().partition(" %")[0])
        assert 0 <= percent <= 100
        assert (percent == 100) <= (meter.done >= expected)
        assert meter.left is None or meter.left >= 0
        assert len("evidence " + meter.bar()) < 80 or meter.left > 1e7
    assert meter.done == sum(number for _, number in counts)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 second"),
        (1.6, "2 seconds"),
        (89, "89 seconds"),
        (95, "2 minutes"),
        (840, "14 minutes"),
        (5400, "1.5 hours"),
    ],
)
def test_a_duration_in_words(seconds, words):
    assert in_words(seconds) == words


def test_a_log_has_a_line_every_ten_seconds_and_the_last_one(clock):
    lines = []
    log, meter = Log(lines.append, clock), Meter(600, clock)
    for _ in range(60):
        clock.now += 0.5
        meter.add(10)
        log.show(meter)
    log.close(meter)
    assert lines == [
        "33 % of 600 forward passes, 20/s, about 20 seconds left",
        "66 % of 600 forward passes, 20/s, about 10 seconds left",
        "100 % of 600 forward passes, 20/s",
        "600 forward passes in 30 seconds, 20/s",
    ]


def test_a_log_of_nothing_is_empty(clock):
    lines = []
    log, meter = Log(lines.append, clock), Meter(0, clock)
    log.show(meter)
    log.close(meter)
    assert lines == []


# The count


def test_work_that_was_forecast_counts_as_forecast():
    told = []
    with pulse.listening(told.append):
        pulse.beat(5)
        with pulse.counted(100):
            for _ in range(3):
                pulse.beat(10)
        with contextlib.suppress(ZeroDivisionError), pulse.counted(50):
            pulse.beat(20)
            raise ZeroDivisionError
    assert sum(told) == 155
    pulse.beat(7)
    assert sum(told) == 155, "nobody listens any more"


@pytest.fixture
def wanted(tmp_path):
    """Scores, and explanations of each kind: one that is refused among them."""
    (tmp_path / "network.py").write_text(NETWORK)
    card = model_card(tmp_path, targets=["consolidation"], architecture="network.py:net")
    data = phantom_card(tmp_path, patients=300)
    cell = Cell(card, (None,), data, "consolidation")
    methods = ("grad-cam", "deep", "region-shapley", "grid-shapley")
    maps = [request for method in methods for request in cell.explanations(method)]
    return [*cell.requests(Full()), *cell.requests(WithoutROI()), *maps]


def source(folder, **more):
    profile = EvidenceProfile(device="cpu", threads=1)
    return EvidenceSource(
        EvidenceStore(folder / "store"), profile, explaining=Budget(images=8), **more
    )


def test_every_pass_that_was_forecast_is_counted(tmp_path, wanted):
    here, shown = source(tmp_path), []
    meter = compute_measured(wanted, here, lambda meter: shown.append(meter.done))
    count = len(here.dataset(wanted[0].dataset).cases)
    tested = round(1.5 * 3) + round(1.5 * 35)
    assert passes(wanted, here) == 2 * count + 8 * (tested + 64 + 128)
    assert meter.done == meter.expected == passes(wanted, here)
    assert shown == sorted(shown)
    assert shown[-1] == meter.done
    assert passes_left(wanted, here) == 0
    again = compute_measured(wanted, source(tmp_path), shown.append)
    assert (again.expected, again.done, again.rate) == (0, 0, None)


def test_passes_in_another_process_are_counted_here(tmp_path, wanted):
    here = source(tmp_path, executor=Processes(timeout=60))
    try:
        meter = compute_measured(wanted[:2], here, lambda meter: None)
    finally:
        here.close()
    assert not here.failures
    assert meter.done == meter.expected == passes(wanted[:2], here)


def test_what_cannot_be_computed_is_not_expected(tmp_path, wanted):
    (tmp_path / "network.py").write_text(NETWORK.replace("def net", "def gone"))
    meter = compute_measured(wanted, source(tmp_path), lambda meter: None)
    assert (meter.expected, meter.done) == (0, 0)


@pytest.mark.parametrize(
    ("said", "counted"),
    [(7, 7), (0, 0), (-5, 0), (2.5, 0), ("9", 0), (None, 0), (True, 0), ([3], 0), (10**30, 10**9)],
)
def test_a_process_that_tells_nonsense_of_its_passes_is_not_believed(monkeypatch, said, counted):
    answer = json.dumps({"alive": True, "passes": said}).encode()
    body = f"frame({answer!r}); frame(b'{{\"result\": 1}}'); time.sleep(9)"
    monkeypatch.setattr(child_module, "_COMMAND", (sys.executable, "-c", FAKE + body))
    told, child = [], Child()
    with pulse.listening(told.append):
        assert child.ask(("job",), 20, lambda line: None) == 1
    child.kill()
    assert sum(told) == counted

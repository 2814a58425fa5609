"""Work in a thread beside the judge: who waits for it, what it raises, and how it is ended."""

from __future__ import annotations

import threading

import pytest

from audit_suite.evidence.beside import Beside, Stopped


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("audit_suite.evidence.beside._LOOK", 0.01)


def test_only_who_needs_a_result_waits_for_it():
    beside, go, done, shown = Beside(), threading.Event(), [], []

    def work():
        go.wait(60)
        beside.wait()  # as a call where models run does: in its own thread it goes on
        done.append(True)

    def show(over):
        shown.append(over)
        go.set()

    beside.wait()  # nothing runs yet
    beside.start(work, {"map"}, show)
    beside.wait_for("score")
    assert (done, shown) == ([], [])
    beside.wait_for("map")
    assert done == [True]
    assert shown[0] is False
    assert shown.count(True) == 1
    assert shown[-1] is True
    beside.wait()
    assert shown.count(True) == 1, "told once"


def test_what_it_raised_meets_those_who_need_its_results():
    beside = Beside()
    beside.start(lambda: {}["lungs"], {"map"})
    beside.wait()
    beside.wait_for("score")
    for _ in range(2):
        with pytest.raises(KeyError, match="lungs"):
            beside.wait_for("map")


def test_stopped_it_ends_at_its_next_call():
    beside, ended, calls = Beside(), threading.Event(), []

    def work():
        for number in range(1000):
            beside.wait()
            calls.append(number)
            ended.wait(60)

    beside.start(work, {"map"})
    while not calls:
        pass
    beside.stop(ended.set)
    assert calls == [0]
    beside.wait_for("map")  # it is not an error that an audit was stopped
    beside.stop(pytest.fail)


def test_a_stop_is_no_error_that_a_handler_of_errors_takes():
    assert issubclass(Stopped, KeyboardInterrupt)

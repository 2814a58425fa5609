"""How many threads a run computes with."""

from __future__ import annotations

import os

import pytest

from audit_suite.evidence import choose_profile


def threads():
    return choose_profile("cpu", None, 1907).threads


@pytest.mark.parametrize(("said", "expected"), [("1", 1), ("3", 3), (" 5 ", 5), ("4,2", 4)])
def test_the_environment_decides_how_many_threads(monkeypatch, said, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert threads() == expected


@pytest.mark.parametrize("said", [None, "", "0", "many", "-2", "1.5"])
def test_else_the_cores_that_this_process_may_use_do(monkeypatch, said):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if said is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 7, 8}, raising=False)
    assert threads() == 3


@pytest.mark.parametrize(("cores", "expected"), [(6, 6), (None, 1)])
def test_without_a_way_to_ask_all_cores_count(monkeypatch, cores, expected):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert threads() == expected

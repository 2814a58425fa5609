"""Which of several cards a process takes: workers of xdist, tasks of Slurm and torchrun."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.cli import run
from audit_suite.evidence import graphics
from audit_suite.evidence.graphics import pin_card, visible_cards
from pytest_audit import session

VISIBLE = "CUDA_VISIBLE_DEVICES"  # spelt out: CUDA reads this name, and not our constant


@pytest.fixture
def machine(tmp_path):
    """A root with device files of two cards, and of what is none."""
    (tmp_path / "dev").mkdir()
    for name in ("nvidia3", "nvidia12", "nvidiactl", "nvidia-uvm", "nvme0"):
        (tmp_path / "dev" / name).touch()
    return tmp_path


@pytest.fixture
def environ(monkeypatch):
    """No variable that says anything of cards or ranks; four cards in the machine."""
    for name in (VISIBLE, "LOCAL_RANK", "SLURM_LOCALID", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    counted = graphics.visible_cards

    def four(environ, root=None):
        return counted(environ) if VISIBLE in environ else ["0", "1", "2", "3"]

    monkeypatch.setattr(graphics, "visible_cards", four)
    yield monkeypatch
    os.environ.pop(VISIBLE, None)


def test_cards_are_counted_from_their_files_and_named_as_cuda_does(machine):
    assert visible_cards({}, machine) == ["0", "1"]


def test_a_machine_without_cards_has_none(tmp_path):
    assert visible_cards({}, tmp_path) == []


@pytest.mark.parametrize(
    ("named", "cards"),
    [("5,7", ["5", "7"]), (" GPU-a , GPU-b,", ["GPU-a", "GPU-b"]), ("2", ["2"]), ("", [])],
)
def test_the_callers_choice_counts_and_not_the_machine(machine, named, cards):
    assert visible_cards({VISIBLE: named}, machine) == cards


@given(st.integers(0, 40))
def test_processes_beyond_the_cards_share_them(rank):
    environ = {VISIBLE: "4,6,9"}
    pin_card(rank, environ)
    assert environ[VISIBLE] == ["4", "6", "9"][rank % 3]


@pytest.mark.parametrize("environ", [{VISIBLE: "6"}, {VISIBLE: ""}, {}])
def test_nothing_is_named_where_there_is_nothing_to_choose(environ, tmp_path):
    before = dict(environ)
    pin_card(1, environ, tmp_path)
    assert environ == before


def test_workers_take_a_card_each_where_the_caller_named_none(environ):
    taken = []
    for worker in ("gw0", "gw1", "gw3", "gw4"):
        environ.setenv("PYTEST_XDIST_WORKER", worker)
        os.environ.pop(VISIBLE, None)
        session._pin_card()
        taken.append(os.environ[VISIBLE])
    assert taken == ["0", "1", "3", "0"]


def test_who_collects_the_workers_results_takes_none(environ):
    session._pin_card()
    assert VISIBLE not in os.environ


@pytest.mark.parametrize("name", ["SLURM_LOCALID", "LOCAL_RANK"])
def test_tasks_of_a_node_take_a_card_each(environ, name):
    environ.setenv(name, "6")
    run._pin_card()
    assert os.environ[VISIBLE] == "2"


def test_a_task_that_slurm_gave_a_card_keeps_it(environ):
    environ.setenv("SLURM_LOCALID", "3")
    environ.setenv(VISIBLE, "1")
    run._pin_card()
    assert os.environ[VISIBLE] == "1"


def test_without_a_rank_all_cards_stay_visible(environ):
    run._pin_card()
    assert VISIBLE not in os.environ


@pytest.mark.parametrize(("name", "named"), [("LOCAL_RANK", "1"), ("SLURM_LOCALID", None)])
def test_cards_that_cannot_be_counted_are_torchruns(environ, name, named):
    environ.setattr(graphics, "visible_cards", lambda environ, root=None: [])
    environ.setenv(name, "1")
    run._pin_card()
    assert os.environ.get(VISIBLE) == named

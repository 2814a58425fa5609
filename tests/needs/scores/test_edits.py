"""Edits by a user's own editor (X4): a model that reads the lung, and one that reads a marker."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest
from cards import model_card, phantom_card
from needs.evidence import findings

from audit_suite import NotApplicable, Verdict, edited
from audit_suite.changes import Editor, register_editor
from audit_suite.changes.edits import inside
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.evidence.scores.edited import EditedRequest
from audit_suite.maskings import Full
from audit_suite.registry import EDITORS
from audit_suite.report.section import Gathered
from audit_suite.sections.edits import collect, view
from audit_suite.statistics.mid_ranks import mid_ranks

NET = """
import torch

class Reader(torch.nn.Module):
    def __init__(self, where):
        super().__init__()
        self.where = where

    def forward(self, batch):
        corner = batch[:, :, 0:6, 0:6].mean(dim=(1, 2, 3))
        right, left = batch[:, :, 10:18, 7:12], batch[:, :, 10:18, 20:25]
        lungs = (right.mean(dim=(1, 2, 3)) - left.mean(dim=(1, 2, 3))).abs()
        if self.where == "corner":
            return 60 * corner - 10
        white = (batch > 0.99).float().mean(dim=(1, 2, 3)) if self.where == "white" else 0
        return 30 * lungs - 3 + 300 * white

def build(where):
    return Reader(where)
"""


def in_the_right_lung(picture, scene):
    return 7, 10, 12, 18


def opacity(picture, box, scene):
    inside(picture, box)[...] += 0.35
    return picture


def pacemaker(picture, box, scene):
    inside(picture, box)[...] = 1
    return picture


class World:
    """Phantoms with a marker in the corner of those that have the finding, mostly."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "net.py").write_text(NET)
        more = 'prevalence = 0.5\nshortcuts = [{ name = "corner_marker", agreement = 0.95 }]'
        self.data = phantom_card(folder, "d", patients=160, more=more)

    def cell(self, where, data=None, top=""):
        card = model_card(
            self.folder,
            f'arguments = {{ where = "{where}" }}\n{top}',
            name=where,
            targets=["consolidation"],
            architecture="net.py:build",
            activation="none",
        )
        return Cell(card, (None,), data or self.data, "consolidation")

    def source(self, **more):
        profile = EvidenceProfile(device="cpu", threads=1)
        return EvidenceSource(EvidenceStore(self.folder / "evidence"), profile, **more)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("edits"))


@pytest.fixture(autouse=True)
def only_mine():
    """The editors of a test alone."""
    before = dict(EDITORS._entries)
    EDITORS._entries.clear()
    yield
    EDITORS._entries.clear()
    EDITORS._entries.update(before)


def brighter(does):
    """A judge that finds the thing in the second picture that it sees if it was added."""
    seen = []

    def answer(part):
        seen.append(part.mean())
        return (len(seen) % 2 == 0) == (does == "adds")

    return answer


def register(name="opacity", does="adds", edit=opacity, **more):
    more = {"where": in_the_right_lung, "answer": brighter(does)} | more
    return register_editor(Editor(name, "an opacity added", does, edit, **more))


def checked(check, cell, source):
    ((suffix, finding, _),) = findings(check, cell, source)
    return suffix, finding


def test_the_clean_model_answers_and_the_planted_one_does_not(world):
    register()
    verdicts = {}
    for where in ("lung", "corner"):
        suffix, finding = checked("X4", world.cell(where), world.source())
        assert suffix == "opacity"
        verdicts[where] = finding.verdict
        edit, elsewhere = finding.observations
        assert elsewhere.value < edit.value or where == "corner"
        assert "pass both filters" in edit.at["kept"]
    assert verdicts == {"lung": Verdict.PASS, "corner": Verdict.FAIL}


def test_a_model_that_answers_to_any_edit_does_not_pass(world):
    """It counts white pixels wherever they are: the control moves it as far."""
    register("white", edit=pacemaker)
    _, finding = checked("X4", world.cell("white"), world.source())
    edit, elsewhere = finding.observations
    assert edit.value > 0.2
    assert elsewhere.value > 0.2
    assert finding.verdict is not Verdict.PASS


def test_without_a_judge_of_the_editor_the_response_is_shown_and_not_judged(world):
    register("unjudged", answer=None)
    for where in ("lung", "corner"):
        _, finding = checked("X4", world.cell(where), world.source())
        assert finding.verdict is Verdict.NOT_APPLICABLE
        assert "has no judge of its own (answer)" in finding.reason
        assert len(finding.observations) == 3


def test_a_device_must_not_move_the_score(world):
    corner = {"thing": "device", "where": lambda picture, scene: (0, 0, 6, 6), "edit": pacemaker}
    register("marker", **corner)
    _, finding = checked("X4-device", world.cell("corner"), world.source())
    assert finding.verdict is Verdict.FAIL
    assert finding.role == "context"
    _, finding = checked("X4-device", world.cell("lung"), world.source())
    assert finding.verdict is Verdict.PASS
    _, finding = checked("X4", world.cell("lung"), world.source())
    assert "no editor is registered" in finding.reason, "a device is no finding"


def test_the_response_is_that_of_brute_force(world):
    register()
    cell, source = world.cell("lung"), world.source()
    need = edited("opacity")
    full, request = need.requests(cell)
    table = source.read(request)
    scores = source.read(full).scores[:, 0]
    assert np.allclose(scores[table.index], table.scores[:, 0], atol=1e-6)
    known = np.sort(scores)
    ranks = [mid_ranks(table.scores[:, state], known) for state in range(3)]
    moved = (ranks[1] - ranks[0]) - (ranks[2] - ranks[0])
    found = need.estimate(cell, source)
    assert found.value == np.median(moved)
    labels = [source.dataset(cell.dataset).cases[i].labels["consolidation"] for i in table.index]
    assert set(labels) == {0}, "a finding is added where there is none"
    patients = source.dataset(cell.dataset).patients[table.index]
    assert len(set(patients.tolist())) == len(patients)


def test_removed_findings_must_lower_the_score(world):
    def gone(picture, box, scene):
        part = inside(picture, box)
        part[...] = inside(picture, (20, 10, 25, 18)) if box == (7, 10, 12, 18) else part * 0.9
        return picture

    register("removed", "removes", gone)
    _, finding = checked("X4", world.cell("lung"), world.source())
    table = world.source().read(edited("removed").requests(world.cell("lung"))[1])
    cases = world.source().dataset(world.data).cases
    assert {cases[i].labels["consolidation"] for i in table.index} == {1}
    assert finding.estimate.value > 0


def test_models_share_edits_and_a_repeat_needs_neither_editor_nor_model(world):
    calls = []

    def counting(picture, box, scene):
        calls.append(box)
        return opacity(picture, box, scene)

    register("counted", edit=counting)
    values = [
        edited("counted").estimate(world.cell(where), world.source()).value
        for where in ("lung", "corner")
    ]
    made = len(calls)
    assert made > 30
    again = edited("counted").estimate(world.cell("lung"), world.source(offline=True))
    assert again.value == values[0]
    assert len(calls) == made


def test_an_editor_tries_no_more_than_it_wants_to(world):
    register("few", most=40)
    table = world.source().read(edited("few").requests(world.cell("lung"))[1])
    assert len(table.reasons) == 40


@pytest.mark.parametrize(
    ("editor", "words"),
    [
        ({"most": 20}, r"fewer than 30 edits pass both filters \(of 20 edits 20 pass"),
        ({"edit": lambda p, box, scene: p}, "changed nothing inside the box"),
        ({"edit": lambda p, box, scene: p * 0.5}, "changed the picture outside the box"),
        ({"answer": lambda part: False}, "did not change the answer of the editor's own judge"),
        ({"where": lambda p, scene: None}, "no image has anything to edit"),
        ({"where": None}, "names no outline of 'consolidation' itself"),
    ],
)
def test_where_no_edit_counts_nothing_is_passed(world, editor, words):
    register("idle-" + re.sub("[^a-z]", "", words)[:20], **editor)
    _, finding = checked("X4", world.cell("lung"), world.source())
    assert finding.verdict is Verdict.NOT_APPLICABLE
    assert re.search(words, finding.reason)


def test_an_editor_that_raises_is_an_error_with_its_name(world):
    register("broken", edit=lambda p, box, scene: 1 / 0)
    with pytest.raises(AuditError, match=r"the editor 'broken' of .* raised ZeroDivisionError"):
        edited("broken").estimate(world.cell("lung"), world.source())
    assert world.source().read(world.cell("lung").requests(Full())[0]), "other evidence is kept"


def test_an_unknown_editor_and_a_model_that_reads_files_are_refused(world):
    register()
    with pytest.raises(AuditError, match="there is no editor 'other'"):
        edited("other").requests(world.cell("lung"))
    own = world.cell("lung")
    spec = own.model.input.model_copy(update={"function": "net.py:read"})
    reading = Cell(own.model.model_copy(update={"input": spec}), (None,), own.dataset, own.target)
    with pytest.raises(NotApplicable, match="nothing can be edited"):
        edited("opacity").requests(reading)


def test_the_report_shows_a_case_near_the_median_and_no_patient(world):
    register()
    cell, source = world.cell("lung"), world.source()
    requests = edited("opacity").requests(cell)
    _, finding = checked("X4", cell, source)
    drawn = collect(Gathered([cell], [finding], requests, source))
    assert [len(each["pictures"]) for each in drawn] == [3]
    assert drawn[0]["boxes"][0] == [7, 10, 12, 18]
    assert drawn[0]["row"] == source.dataset(cell.dataset).cases[_shown(source, requests)].row
    record = SimpleNamespace(sections={"edits": drawn})
    (case,) = view(record, [finding])
    assert set(case.arms) == {"edit", "elsewhere", "beyond"}
    assert case.pictures is drawn[0]


def _shown(source, requests):
    (request,) = (one for one in requests if isinstance(one, EditedRequest))
    table = source.read(request)
    return int(table.index[table.case])

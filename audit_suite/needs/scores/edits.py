"""What a user's own counterfactual edits do to the score, beside the same edits elsewhere (X4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit_suite.changes.editor import Editor, Thing
from audit_suite.changes.edits import REASONS
from audit_suite.evidence import Cell, EvidenceSource, Request
from audit_suite.evidence.scores.edited import EditedRequest, EditedScores
from audit_suite.maskings import Full, Masking
from audit_suite.needs.scores.cell_scores import cell_scores, held_out_folds
from audit_suite.needs.scores.scale import mean_of_scores
from audit_suite.registry import EDITORS
from audit_suite.statistics import Estimate
from audit_suite.statistics.median import estimate_median
from audit_suite.statistics.mid_ranks import mid_ranks
from audit_suite.verdict import NotApplicable

FEWEST = 30
"""Edits that must pass both filters: with fewer nothing is said."""

Arm = Literal["beyond", "edit", "elsewhere"]

_JUDGED: dict[Thing, Arm] = {"finding": "beyond", "device": "edit"}
_WORDS: dict[Arm, str] = {
    "edit": "",
    "elsewhere": " elsewhere",
    "beyond": ", beyond that to the same edit elsewhere",
}


@dataclass(frozen=True)
class Edited:
    """Median response of the score's rank to an editor, over the edits that pass both filters.

    The rank of a score is its place among the scores of the unchanged images, 0 to 1. Of a finding
    the response counts in the direction in which the score should go: down where it is removed, up
    where it is added. Of a device it counts by its size, as the score should not move at all.

    Attributes:
        editor: Name of a registered editor (`audit_suite.changes.editor`); empty if there is none.
        arm: ``edit``: to the edit; ``elsewhere``: to the same edit at another place of the same
            picture; ``beyond``: to the first beyond the second, image by image.
    """

    editor: str
    arm: Arm = "beyond"

    @property
    def id(self) -> str:
        """The editor, and the arm unless it is the one that is judged."""
        if not self.editor:
            return "nothing"
        judged = self.arm == _JUDGED[self._editor.thing]
        return self.editor if judged else f"{self.editor}-{self.arm}"

    def requests(self, cell: Cell) -> tuple[Request[object], ...]:
        """The edits and their scores, and those of whole images.

        Raises:
            NotApplicable: If no editor is registered, the model reads the files itself, or the
                outline that the editor needs is not known.
        """
        return *cell.requests(Full()), *self._edited(cell)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The median, clustered by patient, placed by ``editor``, ``arm``, ``kept`` and ``judge``.

        Raises:
            NotApplicable: As `requests`, or if fewer than 30 edits pass both filters.
        """
        requests = self._edited(cell)
        full = cell_scores(cell, source, Full())
        tables = [source.read(request) for request in requests]
        first = tables[0]
        told = counted(first)
        if len(first.index) < FEWEST:
            raise NotApplicable(
                f"fewer than {FEWEST} edits pass both filters ({told}): nothing is said of the "
                f"model, and this is not an all-clear"
            )
        known = np.sort(full.scores)
        before, edit, control = mid_ranks(_joined(cell, source, tables), known).T
        by_edit, by_control = self._counted(edit - before), self._counted(control - before)
        values = {"edit": by_edit, "elsewhere": by_control, "beyond": by_edit - by_control}
        dataset = source.dataset(cell.dataset)
        label = f"median response of rank to {self._editor.words}{_WORDS[self.arm]}"
        estimate = estimate_median(
            values[self.arm], dataset.patients[first.index], full.dataset, label
        )
        judge = "no" if self._editor.answer is None else "yes"
        return estimate.placed(editor=self.editor, arm=self.arm, kept=told, judge=judge)

    @property
    def _editor(self) -> Editor:
        editor: Editor = EDITORS.find(self.editor)
        return editor

    def _counted(self, moved: NDArray[np.float64]) -> NDArray[np.float64]:
        if self._editor.thing == "device":
            return np.abs(moved)
        return moved if self._editor.does == "adds" else -moved

    def _edited(self, cell: Cell) -> tuple[EditedRequest, ...]:
        if not self.editor:
            raise NotApplicable(
                "no editor is registered: an editor is a function of your own that adds or removes "
                "a finding or a device (docs/howto/counterfactuals.md)"
            )
        if cell.model.input.function is not None:
            raise NotApplicable(
                "the model card's own function (input.function) reads the image files itself, so "
                "nothing can be edited in them"
            )
        if self._editor.where is None and cell.dataset.targets[cell.target].finding is None:
            raise NotApplicable(
                f"the editor '{self.editor}' edits where the finding is outlined, and data set "
                f"card '{cell.dataset.name}' names no outline of '{cell.target}' itself (key "
                f"targets.{cell.target}.finding): add it, or give the editor a function 'where'"
            )
        return tuple(
            EditedRequest(cell.model, fold, cell.dataset, cell.target, self.editor)
            for fold in cell.folds
        )


@dataclass(frozen=True)
class EachEdit:
    """`Edited` for every registered editor of a kind.

    Attributes:
        thing: What they add or remove.
    """

    thing: Thing = "finding"

    def expand(self, cell: Cell, maskings: Sequence[Masking]) -> tuple[Edited, ...]:
        """One need per editor; one that does not apply where none is registered."""
        names = sorted(name for name, editor in EDITORS.items() if editor.thing == self.thing)
        return tuple(Edited(name, _JUDGED[self.thing]) for name in names or ("",))


def counted(table: EditedScores) -> str:
    """How many edits were tried, how many count, and why the others do not."""
    reasons = Counter(table.reasons.tolist())
    parts = [f"{reasons[reason]} {words}" for reason, words in REASONS.items() if reasons[reason]]
    if not parts:
        return "no image has anything to edit"
    return f"of {len(table.reasons)} edits {', '.join(parts)}"


def _joined(
    cell: Cell, source: EvidenceSource, tables: Sequence[EditedScores]
) -> NDArray[np.float64]:
    """Scores of the kept edits over the folds of a cell, shape (n, 3)."""
    each = np.stack([table.scores for table in tables])
    folds = held_out_folds(cell, source)
    if folds is None:
        return mean_of_scores(cell.model, each)
    index = tables[0].index
    return np.asarray(each[folds[index], np.arange(len(index))])

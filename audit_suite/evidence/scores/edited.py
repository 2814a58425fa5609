"""Scores before and after the edits of a user's editor, and after its edits elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import DatasetCard, ModelCard, canonical_digest
from audit_suite.changes.editor import Box, Editor
from audit_suite.changes.edits import REASONS, Edit, around, edited, inside, put
from audit_suite.datasets import BadImage, Dataset
from audit_suite.datasets.dataset import UNLABELLED
from audit_suite.discreet import Discreet
from audit_suite.evidence.arithmetic import fix_arithmetic
from audit_suite.evidence.claimed import compute_claimed
from audit_suite.evidence.keys import ENGINE_VERSION
from audit_suite.evidence.scores.changed import Scenes
from audit_suite.evidence.source import EvidenceSource, Progress, pair, place_rank
from audit_suite.evidence.store import Arrays
from audit_suite.pulse import beat
from audit_suite.registry import EDITORS

_VERSION = 1  # raise it when the filters, the choice of images or what is stored change
_CODES = tuple(REASONS)
_TOGETHER = 64  # edits whose images are held at once


@dataclass(frozen=True, repr=False)
class EditedScores(Discreet):
    """What a model says to the edits of an editor.

    Attributes:
        reasons: Shape (tried,), what came of each edit: one of `REASONS`.
        index: Shape (n,), positions of the images whose edits are kept.
        scores: Shape (n, 3): as they are, edited, and edited elsewhere.
        case: Which of the n images is shown; None if people may see none of them.
        pictures: Shape (3, C, H, W), uint8: that image at the model's input in these three states.
        boxes: Shape (2, 4), of the edit and of the control, in pixels of the model's input.
    """

    reasons: NDArray[np.str_]
    index: NDArray[np.int_]
    scores: NDArray[np.float64]
    case: int | None
    pictures: NDArray[np.uint8]
    boxes: NDArray[np.int_]


@dataclass(frozen=True)
class EditedRequest:
    """The edits of one editor for one target, scored by one model.

    Attributes:
        model: The model's card.
        fold: Which of its folds.
        dataset: The data set's card.
        target: Whose score is asked.
        editor: Name of a registered editor.
    """

    executor: ClassVar[str] = "audit_suite.evidence.scores.edited:compute_edited"
    kept: ClassVar[bool] = True

    model: ModelCard
    fold: int | None
    dataset: DatasetCard
    target: str
    editor: str

    @property
    def rank(self) -> tuple[Any, ...]:
        """Behind scores and searches."""
        return 2, *place_rank(self.dataset, self.model, self.fold), self.target, self.editor

    @property
    def words(self) -> str:
        """Editor and target."""
        return f"the editor '{self.editor}' for '{self.target}'"

    @property
    def scopes(self) -> tuple[Hashable, ...]:
        """None: each fails on its own."""
        return ()

    def keys(self, source: EvidenceSource) -> list[str]:
        """One key: the edits and what a model says to them."""
        model = source.model_digest(self.model, self.fold)
        precision = source.precisions.of((self.model, self.fold, self.dataset))
        content = [self.edits_key(source), model, source.profile.digest(), precision]
        return [canonical_digest(["edited", ENGINE_VERSION, *content])]

    def edits_key(self, source: EvidenceSource) -> str:
        """The key of the edits themselves, which all models share."""
        finding = self.dataset.targets[self.target].finding
        which = [self.editor, EDITORS.fingerprint(self.editor), self.target, finding]
        digest = source.dataset(self.dataset).digest
        return canonical_digest(["edits", _VERSION, *which, source.profile.seed, digest])

    def table(self, stored: Sequence[Mapping[str, NDArray[Any]]]) -> EditedScores:
        """What was kept, and its scores."""
        (arrays,) = map(dict, stored)
        case = int(arrays["case"][0])
        return EditedScores(
            reasons=np.array(_CODES)[arrays["reasons"]],
            index=arrays["index"],
            scores=arrays["scores"],
            case=None if case < 0 else case,
            pictures=arrays["pictures"],
            boxes=arrays["boxes"],
        )

    def passes(self, source: EvidenceSource) -> int:
        """Three for each edit that is tried."""
        editor: Editor = EDITORS[self.editor]
        return 3 * min(editor.most, len(source.dataset(self.dataset).cases))

    @classmethod
    def describe(cls, group: Sequence[EditedRequest], source: EvidenceSource) -> list[str]:
        """One line per editor and target, and whether it is stored."""
        return [
            f"up to {EDITORS[r.editor].most} edits by {r.editor} for {r.target}, "
            f"{r.passes(source)} forward passes" + ("" if source.missing(r) else " (stored)")
            for r in group
        ]


def compute_edited(
    requests: Sequence[EditedRequest], source: EvidenceSource, progress: Progress
) -> None:
    """Edit, score and store what is missing; safe for several processes with one store.

    Args:
        requests: As planned (`evidence.plan`).
        source: Data sets, models, profile and store.
        progress: Not used.
    """
    del progress
    fix_arithmetic(source.profile)
    compute_claimed(requests, source, lambda request: _scored(request, source))


def _scored(request: EditedRequest, source: EvidenceSource) -> Arrays:
    from audit_suite.evidence.scores.in_batches import Scorer  # torch, which only an executor has

    edits = _edits(request, source)
    score = Scorer(pair(request), source)
    kept = np.flatnonzero(edits["reasons"] == _CODES.index("kept"))
    parts = [np.zeros((0, 3))]
    for start in range(0, len(kept), _TOGETHER):
        states = [_states(request, source, edits, n) for n in kept[start : start + _TOGETHER]]
        flat = score(np.concatenate(states), request.target)
        parts.append(flat.reshape(-1, 3))
    scores = np.concatenate(parts)
    index = edits["tried"][kept]
    return {
        "reasons": edits["reasons"],
        "index": index,
        "scores": scores,
        **_shown(request, source, edits, kept, scores),
    }


def _edits(request: EditedRequest, source: EvidenceSource) -> Arrays:
    """The edits of an editor, made by the first process that asks."""
    key, store = request.edits_key(source), source.store
    stored = store.read(key)
    if stored is None:
        with store.alone(f"{key[:32]}-edits"):
            stored = store.read(key)
            if stored is None:
                stored = _made(request, source)
                store.write(key, stored)
    return stored


def _made(request: EditedRequest, source: EvidenceSource) -> Arrays:
    editor: Editor = EDITORS[request.editor]
    tried: list[int] = []
    edits: list[Edit] = []
    for index, edit in _each(editor, request, source):
        tried.append(index)
        edits.append(edit)
        if len(edits) == editor.most:
            break
    arrays: Arrays = {
        "tried": np.array(tried, np.int64),
        "reasons": np.array([_CODES.index(edit.reason) for edit in edits], np.uint8),
        "boxes": np.array([(e.box, e.elsewhere) for e in edits], np.int64).reshape(-1, 2, 4),
    }
    for number, edit in enumerate(edits):
        if edit.made is not None and edit.control is not None:
            arrays |= {f"made-{number}": edit.made, f"control-{number}": edit.control}
    return arrays


def _each(
    editor: Editor, request: EditedRequest, source: EvidenceSource
) -> Iterator[tuple[int, Edit]]:
    """Edits of one image per patient, where there is something to edit, by hash of the seed."""
    dataset, seed = source.dataset(request.dataset), source.profile.seed
    outlined = request.dataset.targets[request.target].finding is not None
    scenes = Scenes(dataset, request.target, outlined, outlined and editor.does == "adds")
    for index in _order(dataset, editor, request.target, seed):
        beat()
        try:
            sample = dataset.read(index)
        except BadImage:
            if dataset.card.on_bad_image == "error":
                raise
            continue
        rng = np.random.default_rng([seed, int(_hash(dataset, editor, seed, index)[:8], 16)])
        edit = edited(editor.name, sample.image, scenes.of(index, sample, rng))
        if edit is not None:
            yield index, edit


def _order(dataset: Dataset, editor: Editor, target: str, seed: int) -> list[int]:
    labels = dataset.labels_of(target)
    if editor.thing == "device":
        usable = labels != UNLABELLED
    else:
        usable = labels == (1 if editor.does == "removes" else 0)
    first: dict[int, int] = {}
    rows = np.flatnonzero(usable).tolist()
    for index in sorted(rows, key=lambda index: _hash(dataset, editor, seed, index)):
        first.setdefault(int(dataset.patients[index]), index)
    return list(first.values())


def _hash(dataset: Dataset, editor: Editor, seed: int, index: int) -> str:
    text = f"{seed}/{dataset.digest}/{editor.name}/{index}"
    return hashlib.sha256(text.encode()).hexdigest()


def _states(
    request: EditedRequest, source: EvidenceSource, edits: Arrays, number: int
) -> NDArray[np.float32]:
    """An image at the model's input as it is, edited and edited elsewhere; shape (3, C, H, W)."""
    from audit_suite.models.preprocessing import fit_geometry

    sample = source.dataset(request.dataset).read(int(edits["tried"][number]))
    box, elsewhere = (_box(each) for each in edits["boxes"][number])
    versions = (
        sample.image,
        put(sample.image, box, edits[f"made-{number}"]),
        put(sample.image, elsewhere, edits[f"control-{number}"]),
    )
    return np.stack([fit_geometry(each, {}, request.model.input)[0] for each in versions])


def _shown(
    request: EditedRequest,
    source: EvidenceSource,
    edits: Arrays,
    kept: NDArray[np.int_],
    scores: NDArray[np.float64],
) -> Arrays:
    """A case near the median response, of those that people may see."""
    from audit_suite.models.preprocessing import fit_mask

    dataset = source.dataset(request.dataset)
    seen = np.array([dataset.cases[int(edits["tried"][n])].shown for n in kept], np.bool_)
    if not seen.any():
        pictures, boxes = np.zeros((3, 1, 1, 1), np.uint8), np.zeros((2, 4), np.int64)
        return {"case": np.array([-1]), "pictures": pictures, "boxes": boxes}
    response = scores[:, 1] - scores[:, 2]
    case = int(np.argmin(np.where(seen, np.abs(response - np.median(response)), np.inf)))
    number = int(kept[case])
    height, width = dataset.read(int(edits["tried"][number])).image.shape[:2]
    masks = np.zeros((2, height, width), np.bool_)
    for mask, each in zip(masks, edits["boxes"][number], strict=True):
        inside(mask, _box(each))[...] = True
    ends = [around(fit_mask(mask, request.model.input)) or (0, 0, 0, 0) for mask in masks]
    pictures = (_states(request, source, edits, number) * 255).round().astype(np.uint8)
    return {"case": np.array([case]), "pictures": pictures, "boxes": np.array(ends, np.int64)}


def _box(ends: NDArray[np.int_]) -> Box:
    x0, y0, x1, y1 = ends.tolist()
    return x0, y0, x1, y1

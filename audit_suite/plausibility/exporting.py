"""`audit-suite readers export`: from a model and a data set to one reading pack per reader."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from audit_suite.cards import DatasetCard, ModelCard, canonical_digest
from audit_suite.datasets import BadImage
from audit_suite.datasets.dataset import UNLABELLED
from audit_suite.datasets.regions import named_regions
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.attributions.request import Attributions
from audit_suite.evidence.cell import averaging, fold_groups
from audit_suite.maskings import Masking
from audit_suite.needs.maps.attribution import explained_in
from audit_suite.needs.scores.cell_scores import cell_scores
from audit_suite.pictures.overlay import explained_image
from audit_suite.plausibility.choosing import (
    Picture,
    allot_sittings,
    choose_positives,
    choose_repeats,
    match_negatives,
    order_sitting,
)
from audit_suite.plausibility.picturing import as_shown, check_readable, draw
from audit_suite.plausibility.writing import check_paths, write_key, write_packs
from audit_suite.readings import Key, KeyItem, Pack, PackItem, Question
from audit_suite.registry import EXPLAINERS
from audit_suite.statistics import planned_cases
from audit_suite.verdict import NotApplicable

MASKINGS = ("full", "only-roi", "without-roi-box")
_CODE = 8  # characters


@dataclass(frozen=True)
class Design:
    """The design of a reader study.

    Attributes:
        maskings: The maskings of the images.
        readers: Number of packs.
        precision: Half width of the 95 % interval of one reader's AUROC, for the worst case .5.
        repeats: Share of pictures shown a second time, unannounced.
        maps: Explainer whose maps are rated too; None for no maps.
        max_maps: Largest number of maps per target.
        washout_days: Days from one sitting to the next.
        title: Title on the first page.
        seed: Seed of every random choice.
    """

    maskings: tuple[Masking, ...]
    readers: int = 1
    precision: float = 0.15
    repeats: float = 0.1
    maps: str | None = None
    max_maps: int = 12
    washout_days: int = 14
    title: str = "Reading study"
    seed: int = 1907


def export(
    model: ModelCard,
    dataset: DatasetCard,
    design: Design,
    source: EvidenceSource,
    out: Path,
    key_path: Path,
    say: Callable[[str], None],
) -> Key:
    """Write a folder with one pack per reader, and the key beside it.

    Args:
        model: The model whose scores choose the cases.
        dataset: The data set whose images are read.
        design: The design of the study.
        source: Evidence; missing scores are computed.
        out: Folder of the packs; must not exist yet.
        key_path: The key's file, outside ``out``.
        say: Called with a line of text about the chosen images.

    Raises:
        AuditError: If a path exists, the cards share no target with an ROI, or there is nothing to
            read.
    """
    check_paths(out, key_path)
    for masking in design.maskings:
        check_readable(masking)
    if design.maps is not None:
        EXPLAINERS.find(design.maps, f"--maps={design.maps}")
    text = f"{design.seed}/{source.dataset(dataset).digest}/{model.name}/readers"
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))
    cells = _cells(model, dataset)
    if hidden := sum(case.burned_in for case in source.dataset(dataset).cases):
        say(f"{hidden} images have text burned in: they are shown to nobody, and so not chosen")
    pictures = [p for cell in cells for p in _choose(cell, design, source, rng, say)]
    if not pictures:
        raise AuditError(
            "there is nothing to read", "the lines above give the reasons; name other maskings"
        )
    repeats = choose_repeats(pictures, design.repeats, rng)
    maps = dict(_maps(cells, design, source, say))
    sittings, again = allot_sittings(pictures, repeats, rng)
    codes = _codes(len(pictures) + len(repeats) + len(maps), rng)
    placed = dict(zip(codes, [*sittings, *again], strict=False))
    items = _items(pictures, repeats, list(maps), codes)
    questions = tuple(_question(cell, pictures, source) for cell in cells)
    key = Key(
        dataset=dataset.name,
        dataset_digest=source.dataset(dataset).digest,
        model=model.name,
        questions=questions,
        precision=design.precision,
        items=items,
        packs={},
        washout_days=design.washout_days,
    )
    study = canonical_digest(key.model_dump(mode="json", by_alias=True))
    packs = [_pack(n, design, study, key, placed, rng) for n in range(design.readers)]
    key = key.model_copy(update={"packs": {pack.reader: pack.digest for pack in packs}})
    shown = _pictures(key, maps, codes, dataset, model, source)
    write_packs(packs, shown, out)
    write_key(key, key_path)
    return key


def _cells(model: ModelCard, dataset: DatasetCard) -> list[Cell]:
    targets = [t for t in model.targets if t in dataset.targets and dataset.targets[t].roi]
    if not targets:
        raise AuditError(
            f"the cards {model.path} and {dataset.path} share no target with a region of interest",
            "give it the same name in both, and its region under targets.NAME.roi",
        )
    (folds,), average = fold_groups(model, "ensemble"), averaging(model, "ensemble")
    return [Cell(model, folds, dataset, target, average) for target in targets]


def _question(cell: Cell, pictures: Sequence[Picture], source: EvidenceSource) -> Question:
    """What readers are asked about a target, and how often it is there in what they see."""
    labels = source.dataset(cell.dataset).labels_of(cell.target)
    known = [labels[p.index] for p in pictures if labels[p.index] != UNLABELLED]
    return Question(
        target=cell.target,
        text=re.sub("[-_.]", " ", cell.target).capitalize(),
        definition=cell.dataset.targets[cell.target].description.strip(),
        prevalence=round(float(np.mean(known)), 2) if known else None,
    )


def _choose(
    cell: Cell,
    design: Design,
    source: EvidenceSource,
    rng: np.random.Generator,
    say: Callable[[str], None],
) -> Iterator[Picture]:
    """Positives and matched negatives of one target, chosen separately for each masking."""
    cases = source.dataset(cell.dataset).cases
    patients = np.array([case.patient for case in cases])
    metadata = [case.metadata for case in cases]
    wanted = 3 * math.ceil(planned_cases(design.precision) / 3)
    for masking in design.maskings:
        try:
            scored = cell_scores(cell, source, masking)
        except NotApplicable as reason:
            say(f"{cell.target}, {masking.id}: not read, {reason}")
            continue
        rows = np.flatnonzero(scored.used)
        shown = np.array([case.shown for case in cases])[rows]
        scores = np.full(len(cases), np.nan)
        scores[rows] = scored.scores
        with_it, without = (rows[shown & (scored.labels == label)] for label in (1, 0))
        positive = choose_positives(scores, with_it, patients, wanted)
        negative = match_negatives(positive, without, patients, metadata, rng)
        fewer = "" if len(negative) == wanted else f" (planned: {wanted}; the data set has no more)"
        say(
            f"{cell.target}, {masking.id}: {len(positive)} with and {len(negative)} without "
            f"it{fewer}"
        )
        for index in [*positive, *negative]:
            yield Picture(index, str(patients[index]), cell.target, masking.id)


def _maps(
    cells: Sequence[Cell], design: Design, source: EvidenceSource, say: Callable[[str], None]
) -> Iterator[tuple[Picture, dict[str, Any]]]:
    """Maps of positives, drawn as in the report."""
    for cell in cells if design.maps else ():
        try:
            explained = explained_in(cell, source, design.maps or "")
        except NotApplicable as reason:
            say(f"{cell.target}: no maps by {design.maps}, {reason}")
            continue
        dataset = source.dataset(cell.dataset)
        positive = [
            row
            for row, i in enumerate(explained.index)
            if dataset.cases[i].shown and dataset.cases[i].labels.get(cell.target) == 1
        ]
        for row in positive[: design.max_maps]:
            index = int(explained.index[row])
            png, plain = (
                base64.b64decode(explained_image(each, row, source, cell.dataset, cell.model))
                for each in (explained, _without_map(explained))
            )
            picture = Picture(
                index, dataset.cases[index].patient, cell.target, "full", design.maps or ""
            )
            shown = as_shown(png)
            yield picture, shown | {"plain": as_shown(plain)["png"]}


def _without_map(explained: Attributions) -> Attributions:
    """The same images with the region's outline and no colour, for the page's switch."""
    blank = {**explained.arrays, "maps": np.zeros_like(explained.arrays["maps"])}
    return replace(explained, arrays=blank)


def _items(
    pictures: Sequence[Picture],
    repeats: Sequence[Picture],
    maps: Sequence[Picture],
    codes: Sequence[str],
) -> dict[str, KeyItem]:
    """The case and masking of each code: pictures, then repeats, then maps."""
    first = dict(zip(pictures, codes, strict=False))
    again = [None] * len(pictures) + [first[p] for p in repeats] + [None] * len(maps)
    return {
        code: KeyItem(
            index=picture.index,
            target=picture.target,
            masking=picture.masking,
            repeats=repeated,
            method=picture.method,
        )
        for code, picture, repeated in zip(codes, [*pictures, *repeats, *maps], again, strict=True)
    }


def _codes(number: int, rng: np.random.Generator) -> list[str]:
    codes: dict[str, None] = {}
    while len(codes) < number:
        codes["".join(rng.choice(list("abcdefghjkmnpqrstuvwxyz23456789"), _CODE))] = None
    return list(codes)


def _pack(
    number: int,
    design: Design,
    study: str,
    key: Key,
    sittings: Mapping[str, int],
    rng: np.random.Generator,
) -> Pack:
    """The pack of one reader: sittings rotated by the reader's number; maps come last."""
    count = max(sittings.values(), default=0) + 1
    order: list[tuple[str, int]] = []
    for sitting in range(count):
        here = [code for code, first in sittings.items() if (first + number) % count == sitting]
        repeats = {c: key.items[c].repeats for c in here}
        order += [(code, sitting + 1) for code in order_sitting(here, repeats, rng)]
    maps = [code for code, item in key.items.items() if item.method]
    order += [(maps[i], count + 1) for i in rng.permutation(len(maps))]
    texts = {question.target: question.text for question in key.questions}
    items = [(code, sitting, key.items[code]) for code, sitting in order]
    return Pack(
        study=study,
        reader=f"reader-{number + 1}",
        title=design.title,
        questions=key.questions,
        washout_days=design.washout_days,
        items=tuple(
            PackItem(
                code=code,
                kind="map" if item.method else "read",
                sitting=sitting,
                asked=texts[item.target] if item.method else "",
            )
            for code, sitting, item in items
        ),
    )


def _pictures(
    key: Key,
    maps: Mapping[Picture, dict[str, Any]],
    codes: Sequence[str],
    dataset: DatasetCard,
    model: ModelCard,
    source: EvidenceSource,
) -> Iterator[tuple[str, dict[str, Any]]]:
    side = max(model.input.size)
    reads = [code for code in codes if not key.items[code].method]
    for code in reads:
        item = key.items[code]
        try:
            sample = source.dataset(dataset).read(item.index)
        except BadImage as bad:
            raise AuditError(
                f"an image that was chosen for reading cannot be read: {bad}",
                "fix the file, or leave its row out of the data set",
            ) from None
        region = dataset.targets[item.target].roi
        sample = replace(sample, regions=named_regions(sample, dataset, region))
        yield code, draw(sample, Masking.parse(item.masking), region, side)
    yield from zip(codes[len(reads) :], maps.values(), strict=True)

"""A few masked cases as the models saw them, for the report."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from PIL import Image

from audit_suite.datasets import BadImage
from audit_suite.datasets.properties import PROPERTIES
from audit_suite.errors import AuditError
from audit_suite.evidence.context import Context, measure
from audit_suite.evidence.prepare import Geometry, Prepared, Wanted, geometry
from audit_suite.evidence.request import Cell, Request
from audit_suite.evidence.source import EvidenceSource
from audit_suite.maskings import Full
from audit_suite.record import GalleryImage

LARGEST = 192  # pixels of the longer side: enough to recognise what is hidden
_TRIES = 20  # unreadable images are passed over
_EXTREMES = 3  # images at either end
_CASES = (("positive 1", 1, 0), ("positive 2", 1, 1), ("negative 1", 0, 0))


def gallery(
    cells: Sequence[Cell], requests: Iterable[Request], source: EvidenceSource
) -> list[GalleryImage]:
    """Show two positives and a negative of each data set and target under every masking planned.

    Cases are chosen by a hash, not by their scores. Models that share an input geometry share
    the pictures; they stand under the first of them.

    Args:
        cells: Cells of the audit, in order.
        requests: The evidence planned.
        source: Data sets by card.
    """
    wanted = list(requests)
    found: list[GalleryImage] = []
    shown = set()
    for cell in cells:
        key = (cell.dataset, cell.target, geometry(cell.model.input))
        mine = sorted(
            {r for r in wanted if r.pair == (cell.model, cell.folds[0], cell.dataset)},
            key=lambda r: (r.masking.keep != "all", r.masking.id),
        )
        if key in shown or not mine:
            continue
        shown.add(key)
        try:
            found.extend(_cell_images(cell, mine, source))
        except AuditError:
            continue  # the findings on this data set say what is wrong with it
    return found


def extremes(cell: Cell, name: str, source: EvidenceSource) -> list[GalleryImage]:
    """The images of a data set that have least and most of an image property.

    Args:
        cell: Where; its model's input decides what is shown.
        name: One of `datasets.properties.PROPERTIES`.
        source: Data sets, and the stored properties.
    """
    (request, *_) = cell.requests(Full())
    table = source.stored_table(request)
    if table is None or table.properties is None:
        return []
    dataset, spec = source.dataset(cell.dataset), cell.model.input
    wanted = Wanted({geometry(spec): spec}, [])
    context = Context(dataset, wanted, source.profile.seed, {}, {}, {})
    values = np.where(table.used, table.properties[:, PROPERTIES.index(name)], np.nan)
    order = np.argsort(values, kind="stable")[: int(np.isfinite(values).sum())]
    found = []
    for word, chosen in (("least", order[:_EXTREMES]), ("most", order[::-1][:_EXTREMES])):
        for rank, index in enumerate(chosen, start=1):
            made = context.make(int(index))
            if not isinstance(made, BadImage):
                label = "positive" if dataset.cases[index].labels[cell.target] else "negative"
                image = torch.from_numpy(made[geometry(spec)].image)
                found.append(
                    GalleryImage(
                        model=cell.model_name,
                        dataset=dataset.card.name,
                        target=cell.target,
                        case=f"{word} {name} {rank}, {label}",
                        masking="full",
                        png=png(image),
                        hidden_fraction=0.0,
                    )
                )
    return found


def _cell_images(
    cell: Cell, requests: Sequence[Request], source: EvidenceSource
) -> Iterator[GalleryImage]:
    dataset = source.dataset(cell.dataset)
    spec = cell.model.input
    areas = sorted({(r.masking.region, r.masking.whose) for r in requests if r.masking.region})
    wanted = Wanted({geometry(spec): spec}, areas)
    context = measure(dataset, wanted, source.profile.seed, source.store)
    for name, label, rank in _CASES:
        chosen = _choose(context, cell.target, label, rank)
        if chosen is None:
            continue
        index, prepared = chosen
        image = torch.from_numpy(prepared.image)[None]
        distances = {a: torch.from_numpy(d)[None] for a, d in prepared.distances.items()}
        for request in requests:
            masked, share = image, 0.0
            if request.masking.keep != "all":
                masked, hidden = context.show(
                    request.masking, geometry(spec), [index], image, distances
                )
                share = float(hidden.float().mean())
            yield GalleryImage(
                model=cell.model_name,
                dataset=dataset.card.name,
                target=cell.target,
                case=name,
                masking=request.masking.id,
                png=png(masked[0]),
                hidden_fraction=round(share, 6),
            )


def _choose(context: Context, target: str, label: int, rank: int) -> tuple[int, Prepared] | None:
    """The readable image of that label with the ``rank``-th smallest hash; one a patient."""
    dataset = context.dataset
    candidates = sorted(
        (index for index, case in enumerate(dataset.cases) if case.labels[target] == label),
        key=lambda index: hashlib.sha256(f"{dataset.digest}/{index}".encode()).digest(),
    )
    patients: set[str] = set()
    for index in candidates[:_TRIES]:
        prepared = context.make(index)
        patient = dataset.cases[index].patient
        if isinstance(prepared, BadImage) or patient in patients:
            continue
        patients.add(patient)
        if len(patients) > rank:
            key: Geometry = next(iter(context.wanted.specs))
            return index, prepared[key]
    return None


def png(image: torch.Tensor) -> str:
    """An image as a PNG file, base64, made smaller where it is large.

    Args:
        image: Shape (C, H, W), in [0, 1].
    """
    pixels = (image.clamp(0, 1).permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if max(picture.size) > LARGEST:
        picture.thumbnail((LARGEST, LARGEST), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=False)
    return base64.b64encode(buffer.getvalue()).decode()

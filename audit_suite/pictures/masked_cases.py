"""A few cases of a data set as the model sees them, under every masking of the audit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from audit_suite.datasets import BadImage
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.geometry import geometry
from audit_suite.evidence.scores.prepared import Prepared, Wanted
from audit_suite.evidence.scores.survey import Survey, survey_for
from audit_suite.maskings import Masking
from audit_suite.maskings.show import Batch, show
from audit_suite.pictures.candidates import CASES, candidates
from audit_suite.png import png
from audit_suite.record import GalleryImage

_TRIES = 20  # candidates, because unreadable images are skipped


def draw(
    source: EvidenceSource, _say: Callable[[str], None], cell: Cell, maskings: Sequence[Masking]
) -> list[dict[str, Any]]:
    """Run by the executor: the pictures of `masked_cases` as plain values."""
    return [picture.model_dump(mode="json") for picture in masked_cases(cell, maskings, source)]


def masked_cases(
    cell: Cell, maskings: Sequence[Masking], source: EvidenceSource
) -> Iterator[GalleryImage]:
    """Two positives and a negative, chosen by hash and not by their scores.

    Args:
        cell: Model, data set and target; the model's input determines what is shown.
        maskings: With their regions resolved.
        source: Data sets by card.

    Raises:
        AuditError: If the data set cannot be read.
    """
    dataset, spec = source.dataset(cell.dataset), cell.model.input
    areas = sorted({masking.area for masking in maskings if masking.hides})
    wanted = Wanted({geometry(spec): spec}, areas)
    # A donor's image would be seen in place of the hidden part.
    drawn = [m for m in maskings if not m.needs_donor or all(case.shown for case in dataset.cases)]
    survey = survey_for(dataset, wanted, maskings, source.profile.seed, source.store)
    for name, label, rank in CASES:
        chosen = _choose(survey, cell.target, label, rank)
        if chosen is None:
            continue
        index, prepared = chosen
        distances = {area: torch.tensor(d)[None] for area, d in prepared.distances.items()}
        batch = Batch([index], torch.from_numpy(prepared.image)[None], distances)
        for masking in drawn:
            shown = show(masking, batch, survey.at(geometry(spec)))
            yield GalleryImage(
                model=cell.model_name,
                dataset=dataset.card.name,
                target=cell.target,
                case=name,
                masking=masking.id,
                png=png(shown.images[0].numpy()),
                hidden_fraction=round(float(shown.hidden.float().mean()), 6),
            )


def _choose(survey: Survey, target: str, label: int, rank: int) -> tuple[int, Prepared] | None:
    """The readable image of that label with the ``rank``-th smallest hash, one per patient.

    Never one with burned-in text.
    """
    dataset = survey.dataset
    patients: set[str] = set()
    for index in candidates(dataset, target, label)[:_TRIES]:
        prepared = survey.make(index)
        patient = dataset.cases[index].patient
        if isinstance(prepared, BadImage) or patient in patients:
            continue
        patients.add(patient)
        if len(patients) > rank:
            (only,) = prepared.values()  # one geometry is wanted
            return index, only
    return None

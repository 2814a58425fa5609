"""Try a model on a few images under each reading of its card; runs where models run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audit_suite.cards import DatasetCard, InputSpec, ModelCard
from audit_suite.datasets import BadImage, Sample
from audit_suite.doctor.looked import Looked, Tried
from audit_suite.doctor.sheet import Shown
from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceSource
from audit_suite.evidence.source import Progress
from audit_suite.models.alternatives import alternatives
from audit_suite.models.audited import AuditedModel
from audit_suite.models.preprocessing import fit_geometry, normalise

Floats = NDArray[np.float32]


def look(
    source: EvidenceSource,
    say: Progress,
    card: ModelCard,
    dataset_card: DatasetCard,
    indices: Sequence[int],
    specs: Sequence[InputSpec],
    pictured: Sequence[int],
) -> dict[str, Any]:
    """What a model makes of some images, by its card's reading and by others.

    Args:
        source: The model and the data set.
        say: Called with lines of progress.
        card: The model's card; of folds the first is tried.
        dataset_card: The data set's card.
        indices: The images.
        specs: Other readings of the card's input; none for all that are plausible.
        pictured: Images to return as they are shown to the model, with the outline of the regions.

    Returns:
        A `Looked` as plain values.

    Raises:
        AuditError: If the model or the data set cannot be loaded, or the model fails on its own
            card's reading.
    """
    dataset = source.dataset(dataset_card)
    model = source.model(card, 0 if card.folds else None)
    samples: list[tuple[int, Sample]] = []
    looked = Looked()
    began = time.monotonic()
    for index in indices:
        try:
            samples.append((index, dataset.read(index)))
        except BadImage as error:
            looked.bad.append((error.what, error.remedy))
    images = [sample for _, sample in samples]
    looked.index = [index for index, _ in samples]
    looked.raw = [(str(s.image.dtype), float(s.image.min()), float(s.image.max())) for s in images]
    if not images:
        return looked.model_dump(mode="json")
    looked.reading_seconds = (time.monotonic() - began) / len(images)
    readings = [("", card.input)]
    others = [("", spec) for spec in specs] or alternatives(card.input, [s.image for s in images])
    fitted: dict[str, list[Floats]] = {}
    say(f"{card.name}: {len(images)} images by the card and by {len(others)} other readings of it")
    for words, spec in [*readings, *others]:
        key = repr(spec.before_masking())
        try:
            if key not in fitted:
                fitted[key] = [fit_geometry(s.image, {}, spec, s.file)[0] for s in images]
            began = time.monotonic()
            scores = _scores(model, spec, fitted[key], source)
            seconds = (time.monotonic() - began) / len(images)
        except AuditError:
            if spec is card.input:
                raise
            continue  # a slip that the model cannot even take is not the card's
        looked.readings.append(
            Tried(words=words, spec=spec.model_dump(mode="json"), scores=scores.tolist())
        )
        if spec is card.input:
            looked.seconds = seconds
            entering = normalise(torch.from_numpy(np.stack(fitted[key])), spec)
            looked.entering = (float(entering.min()), float(entering.max()))
    own = fitted[repr(card.input.before_masking())]
    for (index, sample), image in zip(samples, own, strict=True):
        if index in pictured:
            _, regions = fit_geometry(sample.image, sample.regions, card.input, sample.file)
            looked.shown.append(Shown.of(index, image, list(regions.values())))
    return looked.model_dump(mode="json")


def _scores(
    model: AuditedModel, spec: InputSpec, images: Sequence[Floats], source: EvidenceSource
) -> NDArray[np.float64]:
    """Scores, shape (images, targets)."""
    size = source.profile.batch_for(spec.size)
    parts = []
    for first in range(0, len(images), size):
        batch = torch.from_numpy(np.stack(images[first : first + size])).to(source.profile.device)
        parts.append(model(normalise(batch, spec))[0].cpu().numpy())
    return np.concatenate(parts).astype(np.float64)

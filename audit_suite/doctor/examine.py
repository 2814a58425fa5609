"""Examine cards: first what can be said without running a model, then a try on a few images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from audit_suite.audit.plan import planned_requests
from audit_suite.audit.prospects import floor_of
from audit_suite.audit.run import planned_checks
from audit_suite.audit.settings import Settings
from audit_suite.cards import ModelCard
from audit_suite.datasets import Dataset
from audit_suite.datasets.left_out import left_out
from audit_suite.doctor.cards import check_dataset, check_model, read_cards
from audit_suite.doctor.diagnosis import Diagnosis, Seen, Symptom
from audit_suite.doctor.forecast import audit_seconds, open_for
from audit_suite.doctor.preflight import Preflight, interval
from audit_suite.doctor.sheet import write_sheet
from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceSource, EvidenceStore, Request, choose_profile
from audit_suite.planning.forecast import forecast
from audit_suite.planning.measuring import cohort_of
from audit_suite.registry import EXECUTORS
from audit_suite.statistics.design import Levels

Say = Callable[[str], None]
_HANGS = 300.0  # seconds after which a model that finishes no batch has hung


def examine(
    paths: Sequence[Path], pictures: Path, evidence: Path, say: Say = lambda line: None
) -> Diagnosis:
    """Say everything that is wrong with some cards, and try each model on each data set.

    Args:
        paths: Model cards and data set cards.
        pictures: Folder for pictures of what the models are shown.
        evidence: Folder of stored evidence; nothing is written there.
        say: Called with lines of progress.
    """
    cards = read_cards(paths)
    diagnosis = Diagnosis(wrong=cards.symptoms)
    models = []
    for model in cards.models:
        symptoms = check_model(model)
        diagnosis.add_wrong(symptoms)
        models += [] if symptoms else [model]
    datasets = []
    for card in cards.datasets:
        say(f"{card.name}: reading the list of images")
        dataset, symptoms = check_dataset(card)
        diagnosis.add_wrong(symptoms)
        if dataset is not None:
            diagnosis.notes += [*dataset.notes, *left_out(dataset.excluded).why]
            datasets.append(dataset)
    source = EvidenceSource(
        EvidenceStore(evidence),
        choose_profile("auto", None, Settings((), ()).seed),
        executor=EXECUTORS["process"](_HANGS),
    )
    with closing(source):
        usable = [model for model in models if _loads(model, source, diagnosis, say)]
        if not usable or not datasets:
            return diagnosis
        try:
            audit = open_for(usable, [dataset.card for dataset in datasets], evidence)
        except AuditError as error:
            diagnosis.add_wrong([Symptom.of(error)])
            return diagnosis
        requests = planned_requests(case for case, _ in planned_checks(audit))
        for model in usable:
            for dataset in datasets:
                if any((c.model, c.dataset) == (model, dataset.card) for c in audit.cells):
                    _try(requests, source, model, dataset, pictures, diagnosis, say)
    return diagnosis


def _loads(card: ModelCard, source: EvidenceSource, into: Diagnosis, say: Say) -> bool:
    """Whether a model can be loaded and tried on noise; if not, the diagnosis says why."""
    say(f"{card.name}: loading the model")
    try:
        for fold in range(len(card.folds)) or [None]:
            source.model_digest(card, fold)
            into.notes += source.model_notes(card, fold)
    except AuditError as error:
        into.add_wrong([Symptom.of(error)])
        return False
    return True


def _try(
    requests: Sequence[Request[Any]],
    source: EvidenceSource,
    model: ModelCard,
    dataset: Dataset,
    pictures: Path,
    into: Diagnosis,
    say: Say,
) -> None:
    say(f"{model.name} on {dataset.card.name}: trying a few images of each class")
    try:
        flight = Preflight(model, dataset, source, say)
        wrong, look = flight.symptoms()
    except AuditError as error:
        into.add_wrong([Symptom.of(error)])
        return
    into.add_wrong(wrong)
    into.add_look(look)
    if flight.looked.shown:
        picture = pictures / f"{model.name}-on-{dataset.card.name}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        write_sheet(picture, flight.rows())
        into.add_picture(picture)
    seconds = audit_seconds(
        requests, source, model, dataset, flight.looked.seconds, flight.looked.reading_seconds
    )
    for target in flight.targets:
        try:
            estimate = flight.auroc(target)
        except AuditError:
            continue  # the symptoms say so
        claim = model.claims.get(target)
        place = model.name, dataset.card.name, target
        into.seen.append(
            Seen(
                model=model.name,
                dataset=dataset.card.name,
                target=target,
                images=estimate.n_images,
                auroc=interval(estimate),
                claim=claim.auroc if claim else None,
                forecast=forecast(
                    place,
                    cohort_of(dataset, target),
                    claim.auroc if claim else estimate.value,
                    "claimed" if claim else "tried",
                    floor_of(model, target),
                    Levels.shared(places=len(flight.targets)),
                ),
                seconds=seconds,
            )
        )

"""What was audited, on whom, when and by which rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audit_suite.record import DatasetRecord, ModelRecord, Record

NOT_DECLARED = "not declared"
_SHORT = 12  # characters of a digest
_APART = 2  # models, or data sets, that have a line of their own
_TOLD = 4  # of more that share a line


def identity(record: Record) -> tuple[tuple[str, str], ...]:
    """Labels with their text, in order.

    Args:
        record: The record.
    """
    return tuple(_lines(record))


def _lines(record: Record) -> Iterator[tuple[str, str]]:
    models, datasets = record.provenance.models, record.provenance.datasets
    if len(models) <= _APART:
        for model in models:
            yield "Model", _model(model)
            yield "Intended use", model.intended_use or NOT_DECLARED
    else:
        yield f"{len(models)} models", _some([_model(model) for model in models])
        uses = dict.fromkeys(model.intended_use or NOT_DECLARED for model in models)
        yield "Intended use", _some(list(uses))
    if not models:
        yield "Model", "none could be read"
    if len(datasets) <= _APART:
        for data in datasets:
            yield "Data", _data(data)
    else:
        yield f"{len(datasets)} data sets", _some([_data(data) for data in datasets])
    created = str(record.environment.get("created", ""))
    yield "Date", created[:10] or "unknown"
    yield "Record", short(record.digest) or "without a digest"
    yield "Policy", f"{record.policy.name} ({short(record.policy.digest)})"


def _model(model: ModelRecord) -> str:
    version = f"version {model.version}" if model.version else "version not declared"
    return f"{model.name}, {version} ({short(model.digest)})"


def _data(data: DatasetRecord) -> str:
    positives = {name: target.n_positive_patients for name, target in data.targets.items()}
    if len(positives) <= _TOLD:
        counts = ", ".join(f"{name} in {number:,}" for name, number in positives.items())
    else:
        least, most = min(positives.values()), max(positives.values())
        counts = f"{len(positives)} targets, each in {least:,} to {most:,}"
    return f"{data.name}: {data.n_patients:,} patients, {counts} ({short(data.digest)})"


def _some(texts: Sequence[str]) -> str:
    more = len(texts) - _TOLD
    return "; ".join(texts[:_TOLD]) + (f"; and {more} more, under Provenance" if more > 0 else "")


def short(digest: str) -> str:
    """The first characters of a digest."""
    return digest[:_SHORT]

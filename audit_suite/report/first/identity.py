"""What was audited, on whom, when and by which rules."""

from __future__ import annotations

from collections.abc import Iterator

from audit_suite.record import DatasetRecord, ModelRecord, Record

NOT_DECLARED = "not declared"
_SHORT = 12  # characters of a digest


def identity(record: Record) -> tuple[tuple[str, str], ...]:
    """Labels with their text, in order.

    Args:
        record: The record.
    """
    return tuple(_lines(record))


def _lines(record: Record) -> Iterator[tuple[str, str]]:
    for model in record.provenance.models:
        yield "Model", _model(model)
        yield "Intended use", model.intended_use or NOT_DECLARED
    if not record.provenance.models:
        yield "Model", "none could be read"
    for data in record.provenance.datasets:
        yield "Data", _data(data)
    created = str(record.environment.get("created", ""))
    yield "Date", created[:10] or "unknown"
    yield "Record", short(record.digest) or "without a digest"
    yield "Policy", f"{record.policy.name} ({short(record.policy.digest)})"


def _model(model: ModelRecord) -> str:
    version = f"version {model.version}" if model.version else "version not declared"
    return f"{model.name}, {version} ({short(model.digest)})"


def _data(data: DatasetRecord) -> str:
    targets = ", ".join(
        f"{name} in {target.n_positive_patients:,}" for name, target in data.targets.items()
    )
    return f"{data.name}: {data.n_patients:,} patients, {targets} ({short(data.digest)})"


def short(digest: str) -> str:
    """The first characters of a digest."""
    return digest[:_SHORT]

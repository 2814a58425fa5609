"""The case mix of the data sets, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audit_suite.record import CaseMix, DatasetRecord

CaseMixRow = tuple[str, tuple[str, ...]]
"""A tag, and how often each data set has which of its values, in words."""


def case_mix_rows(datasets: Sequence[DatasetRecord]) -> tuple[CaseMixRow, ...]:
    """How often each data set has each value of each declared tag."""
    names = dict.fromkeys(name for dataset in datasets for name in dataset.case_mix)
    return tuple(
        (name, tuple(_words(dataset.case_mix.get(name), dataset.n_images) for dataset in datasets))
        for name in names
    )


def _words(mix: CaseMix | None, n_images: int) -> str:
    if mix is None:
        return "not declared"
    parts = [*_values(mix), f"known of {mix.known / n_images:.0%}" if n_images else ""]
    return "; ".join(filter(None, parts))


def _values(mix: CaseMix) -> Iterator[str]:
    if mix.quartiles is not None:
        low, middle, high = mix.quartiles
        yield f"median {middle:g} (quartiles {low:g} to {high:g})"
    if mix.known:
        yield ", ".join(f"{level} {count / mix.known:.0%}" for level, count in mix.levels.items())

"""The case mix of the data sets, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audit_suite.record import CaseMix, DatasetRecord

CaseMixRow = tuple[str, str, tuple[str, ...]]
"""Tag, value, and the share of images with it in each data set, in words."""


def case_mix_rows(datasets: Sequence[DatasetRecord]) -> tuple[CaseMixRow, ...]:
    """How often each data set has each value of each declared tag."""
    return tuple(
        row
        for name in dict.fromkeys(name for dataset in datasets for name in dataset.case_mix)
        for row in _rows(name, datasets)
    )


def _rows(name: str, datasets: Sequence[DatasetRecord]) -> Iterator[CaseMixRow]:
    mixes = [dataset.case_mix.get(name) for dataset in datasets]
    known = [
        "not declared" if mix is None else f"{mix.known / dataset.n_images:.0%}"
        for mix, dataset in zip(mixes, datasets, strict=True)
    ]
    yield name, "known", tuple(known)
    if any(mix is not None and mix.quartiles for mix in mixes):
        yield name, "median (quartiles)", tuple(_quartiles(mix) for mix in mixes)
    for level in dict.fromkeys(level for mix in mixes if mix for level in mix.levels):
        yield name, level, tuple(_share(mix, level) for mix in mixes)


def _share(mix: CaseMix | None, level: str) -> str:
    if mix is None or not mix.known:
        return ""
    return f"{mix.levels.get(level, 0) / mix.known:.0%}"


def _quartiles(mix: CaseMix | None) -> str:
    if mix is None or mix.quartiles is None:
        return ""
    low, middle, high = mix.quartiles
    return f"{middle:g} ({low:g} to {high:g})"

"""The figures that are quoted, from those that were measured so far."""

from __future__ import annotations

from collections.abc import Sequence

from gpu.scoring import Figures

RELEASE = {224: 435.0, 512: 216.0}
"""Images per second of the last release by default, on an H200, by the side of the images."""


def headline(measured: Figures, sizes: Sequence[int]) -> Figures:
    """What follows from some figures; whatever needs one that is missing is left out.

    The engine's rate is that of a large data set, compiled, where that was measured; else that of
    one for which the engine compiles nothing. It is compared with the best rate of the network that
    was measured in the same precision, in whatever settings.

    Args:
        measured: Figures of the parts.
        sizes: Sides of the images, the smallest first.
    """
    made: Figures = {}
    small = sizes[0]
    for px in sizes:
        engine = _number(measured, f"engine_compiled_{px}", f"engine_eager_{px}")
        same = [
            f"bare_{name}_{px}" for name in (measured.get(f"precision_{px}"), "free", "compiled")
        ]
        if engine and (rates := _numbers(measured, same)):
            made |= {f"engine_{px}": engine, f"engine_share_{px}": engine / max(rates)}
        if engine and px in RELEASE:
            made[f"speedup_release_{px}"] = engine / RELEASE[px]
        _divide(made, f"overhead_{px}", measured, f"bare_own_{px}", f"engine_eager_{px}")
        for name in ("", "_without_dilation"):
            plain = f"plain_asked{name}_{px}"
            _divide(made, f"speedup_plain{name}_{px}", measured, f"engine_asked_{px}", plain)
    if rates := _numbers(measured, [n for n in measured if _is_bare(n, small)]):
        made["best_bare"] = max(rates)
    if f"engine_{small}" in made:
        _divide(
            made, "speedup_default", measured | made, f"engine_{small}", f"engine_before_{small}"
        )
    if alike := _numbers(measured, [name for name in measured if "_identical_" in name]):
        made["repeat_identical"] = min(alike)
    return made


def _is_bare(name: str, px: int) -> bool:
    return name.startswith("bare_") and name.endswith(f"_{px}")


def _divide(made: Figures, name: str, measured: Figures, above: str, below: str) -> None:
    first, second = _number(measured, above), _number(measured, below)
    if first is not None and second:
        made[name] = first / second


def _number(measured: Figures, *names: str) -> float | None:
    """The first that was measured."""
    return next(iter(_numbers(measured, names)), None)


def _numbers(measured: Figures, names: Sequence[str]) -> list[float]:
    return [value for name in names if isinstance(value := measured.get(name), float | int)]

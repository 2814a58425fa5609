"""The command line: one part after the other, until the time is over."""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch

from engine.world import world
from gpu import scoring, surroundings
from gpu.bench import Bench, Scale
from gpu.budget import Budget, TimeOver
from gpu.headline import headline
from gpu.scoring import Figures

_SECONDS = 220.0  # under four minutes, with what it takes to import and to end


@dataclass(frozen=True)
class Part:
    """Something that is measured.

    Attributes:
        name: Its own.
        measure: Yields figures, each as soon as there is one.
        both: Whether at every image size, or at the smallest alone.
        least: Seconds that must be left to begin with it.
    """

    name: str
    measure: Callable[[Bench], Iterator[Figures]]
    both: bool = False
    least: float = 0.0


PARTS = (
    Part("eager", scoring.eager, both=True),
    Part("repeated", scoring.repeated),
    Part("before", scoring.before),
    Part("explaining", surroundings.explaining),
    Part("plain", surroundings.plain),
    Part("decoding", surroundings.decoding, both=True),
    Part("compiled", scoring.compiled, both=True, least=45.0),
)
"""In this order: what is certain to end comes first, and compiling last."""


def main(arguments: Sequence[str] | None = None, scale: Scale | None = None) -> int:
    """Measure. Exit code 2 without a card; 1 if a part failed.

    Args:
        arguments: Of the command line.
        scale: How much is measured; as much as a card does in the time by default.
    """
    parser = argparse.ArgumentParser(description="the engine on a CUDA card")
    parser.add_argument("--quick", action="store_true", help="the smallest images alone")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="stop after so many")
    parser.add_argument(
        "--part", action="append", choices=[p.name for p in PARTS], help="only this, repeatable"
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures here")
    chosen = parser.parse_args(arguments)
    scale = scale or Scale()
    if scale.device == "cuda" and not torch.cuda.is_available():
        print(
            "benchmarks/gpu.py measures a CUDA card, and PyTorch finds none: run it where "
            "`python -c 'import torch; print(torch.cuda.is_available())'` prints True",
            file=sys.stderr,
        )
        return 2
    sizes = sorted(scale.images)[: 1 if chosen.quick else None]
    parts = [part for part in PARTS if not chosen.part or part.name in chosen.part]
    run = _Run(scale, sizes, Budget(chosen.seconds), chosen.json)
    run.measure([(part, px) for part in parts for px in (sizes if part.both else sizes[:1])])
    return 1 if run.failed else 0


class _Run:
    """A run of the benchmark.

    Attributes:
        failed: Parts that raised something, and what.
    """

    def __init__(
        self, scale: Scale, sizes: Sequence[int], budget: Budget, file: Path | None
    ) -> None:
        self.failed: list[str] = []
        self._scale = scale
        self._sizes = sizes
        self._budget = budget
        self._file = file
        self._skipped: list[str] = []
        self._measured: Figures = {"card": _card(scale.device), "torch": torch.__version__}

    def measure(self, parts: Sequence[tuple[Part, int]]) -> None:
        """Measure parts at image sizes, one after the other."""
        benches: dict[int, Bench] = {}
        with ExitStack() as worlds:
            for part, px in parts:
                name, start = f"{part.name}-{px}", self._budget.spent
                if self._budget.left <= part.least:
                    self._skipped.append(name)
                    continue
                try:
                    with self._budget.stopping():
                        if px not in benches:
                            scale = self._scale
                            made = worlds.enter_context(world(px, scale.films, scale.network))
                            benches[px] = Bench(made, scale)
                        for figures in part.measure(benches[px]):
                            self._note(figures)
                except TimeOver:
                    self._skipped.append(f"{name} (stopped)")
                except Exception as error:
                    traceback.print_exc()
                    reason = str(error).partition("\n")[0]
                    self.failed.append(f"{name}: {type(error).__name__}: {reason}")
                took = self._budget.spent - start
                print(f"-- {name}: {took:.0f} s, {self._budget.spent:.0f} s in all", flush=True)
        self._write()
        for name, value in headline(self._measured, self._sizes).items():
            print(f"{name}: {_short(value)}")
        for what, names in (("skipped", self._skipped), ("failed", self.failed)):
            if names:
                print(f"{what}: {'; '.join(names)}")

    def _note(self, figures: Figures) -> None:
        for name, value in figures.items():
            print(f"{name}: {_short(value)}", flush=True)
        self._measured |= figures
        self._write()

    def _write(self) -> None:
        """Write all figures: a run that is ended keeps what it has."""
        if self._file is None:
            return
        ended: Figures = {
            "seconds": round(self._budget.spent, 1),
            "skipped": "; ".join(self._skipped),
            "failed": "; ".join(self.failed),
        }
        content = headline(self._measured, self._sizes) | self._measured | ended
        self._file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _card(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else device


def _short(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"

"""How much sooner the evidence is there with two workers, in two shards, and on Ray."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec

from engine.phantoms import phantoms

_SUITES = ("region-sensitivity", "dilation")


def figures(quick: bool) -> dict[str, float]:
    """Compute the evidence of the honest reference model, with one thread a worker.

    Args:
        quick: Fewer phantoms, so that starting counts for more.

    Returns:
        ``scaling_one``, seconds with one worker, its start included; and how many times sooner
        ``scaling_workers`` (two that share a folder), ``scaling_shards`` (two machines' parts) and
        ``scaling_ray`` (two actors) are done. Two idle cores are needed for these to mean anything.
    """
    with phantoms(1024 if quick else 4096) as (_folder, models, datasets):

        def run(name: str, *options: str) -> list[str]:
            given = [*models, *datasets, "--evidence", name, "--cache", "off", "--device", "cpu"]
            suites = [word for suite in _SUITES for word in ("--suite", suite)]
            return [*given, *suites, *options]

        one = wall([run("one", "--executor", "inline")])
        measured = {"scaling_one": one}
        workers = [run("workers", "--executor", "inline")] * 2
        shards = [run("shards", "--executor", "inline", "--shard", f"{i}/2") for i in (1, 2)]
        measured["scaling_workers"] = one / wall(workers)
        measured["scaling_shards"] = one / wall(shards)
        if find_spec("ray") is not None:
            measured["scaling_ray"] = one / wall([run("ray", "--executor", "ray")])
    return measured


def wall(commands: Sequence[Sequence[str]]) -> float:
    """Seconds until some commands that were started together have ended well."""
    start = time.monotonic()
    code = "import sys; from audit_suite.cli import main; sys.argv[0] = 'audit-suite'; main()"
    environment = os.environ | {"OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, "run", *command],
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        for command in commands
    ]
    for process in running:
        if process.wait() != 0:
            raise RuntimeError(f"audit-suite run ended with exit code {process.returncode}")
    return time.monotonic() - start

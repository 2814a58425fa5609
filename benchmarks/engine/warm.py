"""What is done again when all evidence is stored, and when only another model is asked about."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.phantoms import phantoms

SUITES = ("region-sensitivity", "controls", "dilation", "embeddings", "metadata")


def figures(quick: bool) -> dict[str, float]:
    """Audit phantoms twice with one store, and once more with the cache alone.

    Args:
        quick: Fewer phantoms.

    Returns:
        ``warm_forwards``, passes of the second audit; ``warm_seconds``, its processor time beyond
        collection and imports for 100 checks; ``warm_checks``, how many there were;
        ``cached_seconds``, by which part of its own time the evidence of a first audit is computed
        where images are cached.
    """
    from audit_suite.audit.opening import open_audit
    from audit_suite.audit.plan import planned_requests
    from audit_suite.audit.run import planned_checks
    from audit_suite.audit.settings import Settings
    from audit_suite.evidence.measured import compute_measured

    with phantoms(300 if quick else 800) as (_folder, models, datasets):

        def opened(evidence: str) -> Any:
            settings = Settings(
                tuple(map(Path, models)),
                tuple(map(Path, datasets)),
                SUITES,
                evidence=Path(evidence),
                device="cpu",
                executor="inline",
            )
            return open_audit(settings)

        def computed(evidence: str) -> int:
            audit = opened(evidence)
            cases = [case for case, _ in planned_checks(audit, SUITES)]
            meter = compute_measured(planned_requests(cases), audit.source, lambda meter: None)
            return meter.done

        def judged() -> int:
            from audit_suite import run

            record = run(
                models, datasets, SUITES, evidence="first", device="cpu", executor="inline"
            )
            return len(record.findings)

        first = seconds(lambda: computed("first"))[0]
        again = seconds(lambda: computed("second"))[0]
        collecting = seconds(lambda: planned_checks(opened("first"), SUITES))[0]
        _, forwards = seconds(lambda: computed("first"))
        judged()  # what this audit imports and fits, the next one finds
        warm, checks = seconds(judged)
    return {
        "warm_forwards": float(forwards),
        "warm_seconds": (warm - collecting) * 100 / checks,
        "warm_checks": float(checks),
        "cached_seconds": again / first,
    }


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor time that some work takes, and what it returns."""
    start = time.process_time()
    returned = work()
    return time.process_time() - start, returned

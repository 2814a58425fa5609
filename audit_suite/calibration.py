"""How often audit-suite is wrong: the error rates measured for this release."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from audit_suite.record import Calibration, ErrorRate

_COUNTED = {
    "honest_blocked": "n_honest",
    "plain_blocked": "n_plain",
    "outside_blocked": "n_outside",
    "framing_blocked": "n_framing",
    "cause_right": "n_cause",
    "naive_honest_blocked": "n_honest",
    "naive_outside_blocked": "n_outside",
}


@cache
def calibration() -> Calibration:
    """The shipped table of `benchmarks/detection.py`, its figures and the command behind them."""
    text = files("audit_suite").joinpath("calibration.json").read_text(encoding="utf-8")
    content = json.loads(text)
    figures = content["figures"]
    honest = [line for line in content["table"] if line["group"] == "honest"]
    sizes = sorted({line["patients"] for line in honest})

    def inconclusive(size: int) -> float:
        lines = [line for line in honest if line["patients"] == size]
        share: float = sum(line["inconclusive"] for line in lines) / sum(
            line["models"] for line in lines
        )
        return share

    return Calibration(
        audit_suite=content["audit_suite"],
        command=content["command"],
        models=sum(line["models"] for line in content["table"] if line["own"]),
        rates=[
            ErrorRate(
                name=name,
                value=figures[name],
                low=figures[f"{name}_low"],
                high=figures[f"{name}_high"],
                of=figures[count],
            )
            for name, count in _COUNTED.items()
            if figures.get(name) is not None
        ],
        inconclusive={str(size): round(inconclusive(size), 4) for size in sizes},
        caveat=content.get("caveat", ""),
        notes=content.get("notes", []),
    )

"""The demonstration: two models that score alike on phantoms, one of which reads a marker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import audit_suite
from audit_suite.errors import AuditError
from audit_suite.record import Record

_PACKAGE = Path(audit_suite.__file__).parent
_HONEST, _SHORTCUT = "phantom-honest", "phantom-shortcut"
_SUITES = ("region-sensitivity", "input")
_ALL, _SOME = "patients = 3200", "patients = 1000"  # enough to decide, few enough for a minute


def zoo() -> Path:
    """The folder of reference cards: in the installed package, or beside it in a checkout.

    Raises:
        AuditError: If there is none.
    """
    for folder in (_PACKAGE / "zoo", _PACKAGE.parent / "model_zoo"):
        if (folder / "models").is_dir():
            return folder
    raise AuditError(
        "the reference models are not installed with audit-suite", "install it again with pip"
    )


def demonstrate(out: Path, say: Callable[[str], None]) -> dict[str, Record]:
    """Audit both models on phantoms; their records and reports are written to a folder.

    Args:
        out: The folder.
        say: Called with lines of progress.

    Returns:
        The records by the model's name.
    """
    out.mkdir(parents=True, exist_ok=True)
    card = (zoo() / "datasets" / "phantom-cxr.toml").read_text(encoding="utf-8")
    data = out / "phantom-demo.toml"
    data.write_text(card.replace("phantom-cxr", "phantom-demo").replace(_ALL, _SOME), "utf-8")
    records = {}
    for name in (_HONEST, _SHORTCUT):
        record = audit_suite.run(
            [zoo() / "models" / f"{name}.toml"],
            [data],
            _SUITES,
            evidence=out / "evidence",
            progress=say,
        )
        record.save(out / f"{name}.json")
        record.report(out / f"{name}.html")
        records[name] = record
    return records

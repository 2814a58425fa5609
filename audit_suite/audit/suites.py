"""The shipped suites by name."""

from __future__ import annotations

from pathlib import Path

import audit_suite.suites
from audit_suite.errors import AuditError

SUITES = Path(audit_suite.suites.__file__).parent


def suite_files(names: tuple[str, ...] = ()) -> list[Path]:
    """The files of some shipped suites, or of all.

    Raises:
        AuditError: If a name is unknown; lists the known ones.
    """
    shipped = {suite_name(path): path for path in sorted(SUITES.glob("test_*.py"))}
    for name in names:
        if name not in shipped:
            raise AuditError(
                f"--audit-suite={name}: there is no such suite", f"known: {', '.join(shipped)}"
            )
    return [shipped[name] for name in names or shipped]


def suite_name(file: Path) -> str:
    """``region-sensitivity`` for ``test_region_sensitivity.py``."""
    return file.stem.removeprefix("test_").replace("_", "-")

"""The command `audit-suite`, besides `pytest --audit`: one module per command, but for `root`."""

from __future__ import annotations

import importlib
import pkgutil
import sys

from audit_suite.cli.root import root as app
from audit_suite.errors import AuditError

__all__ = ["app", "main"]

for _module in pkgutil.iter_modules(__path__):  # a command registers itself when it is imported
    importlib.import_module(f"{__name__}.{_module.name}")


def main() -> None:
    """Run the command line; a user's mistake is two lines and exit code 2, never a traceback."""
    try:
        app()
    except AuditError as error:
        problem = error
    except OSError as error:
        if error.filename is None:  # not about a path, so not a mistake in the arguments
            raise
        problem = AuditError(
            f"{error.filename}: {error.strerror}", "name a path that can be read or written"
        )
    else:
        return
    print(f"audit-suite: {problem}", file=sys.stderr)
    sys.exit(2)

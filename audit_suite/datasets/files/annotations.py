"""Annotation files in JSON that all images share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from audit_suite.errors import AuditError


def read_json(path: Path, key: str) -> Any:
    """Read a JSON file.

    Args:
        path: The file.
        key: The key that names it, and its card.

    Raises:
        AuditError: If it is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise AuditError(f"{path} does not exist", f"correct {key}") from None
    except (OSError, UnicodeDecodeError, RecursionError, ValueError) as error:
        line = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise AuditError(
            f"{path} cannot be read as JSON{line}", f"export it again, or correct {key}"
        ) from None

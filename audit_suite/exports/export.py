"""An export: what a record says of a model or a data set, in a format that others read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from audit_suite.errors import AuditError
from audit_suite.record import Record
from audit_suite.registry import EXPORTS


@dataclass(frozen=True)
class Export:
    """One format. It says what the record knows, leaves out the rest, and names the decision.

    Attributes:
        name: What ``audit-suite export --as`` calls it.
        of: What one file describes.
        write: The text of the file, from the record and the name of the model or data set.
    """

    name: str
    of: Literal["model", "data set"]
    write: Callable[[Record, str], str]


def register_export(export: Export) -> Export:
    """Make a format known, so that ``audit-suite export`` can write it.

    Raises:
        AuditError: If another extension has a format of that name.
    """
    EXPORTS.register(export.name, export)
    return export


def exported(record: Record, format: str, of: str | None = None) -> str:
    """A record in another format.

    Args:
        record: A record that was verified.
        format: The name of the format.
        of: The model or data set that is described; None if there is only one.

    Raises:
        AuditError: If the format or the thing described is not known, or was not named and there
            are several; or if a card of a model does not name the decision.
    """
    export: Export = EXPORTS.find(format, "--as")
    held = record.provenance.models if export.of == "model" else record.provenance.datasets
    names = [each.name for each in held]
    if of is None and len(names) == 1:
        (of,) = names
    if of is None or of not in names:
        what = f"holds no {export.of} '{of}'" if of else f"holds {len(names)} {export.of}s"
        raise AuditError(
            f"the record {what}",
            f"name one with --of: {', '.join(names)}" if names else "repeat the audit",
        )
    text = export.write(record, of)
    if export.of == "model" and record.decision not in text:
        raise EXPORTS.misbehaved(
            format, f"wrote a card of a model without the decision, {record.decision}"
        )
    return text

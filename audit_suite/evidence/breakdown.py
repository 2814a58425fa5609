"""When a job breaks down: the smaller parts to try, and the error that the last of them leaves."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from audit_suite.errors import AuditError
from audit_suite.evidence.executor import Raised, described

_Answer = TypeVar("_Answer")
_Request = TypeVar("_Request", bound=Any)


def parts_of(requests: Sequence[_Request]) -> list[list[_Request]]:
    """The next smaller parts of a job that can fail alone: one fold's, then one data set's."""
    parts: dict[Hashable, list[_Request]] = {}
    for part in (lambda r: (r.model, r.fold), lambda r: r.scopes or r):
        parts = {}
        for request in requests:
            parts.setdefault(part(request), []).append(request)
        if len(parts) > 1:
            break
    return list(parts.values())


def checked(form: TypeAdapter[_Answer], answer: Any) -> _Answer:
    """An answer of a process that runs a model's code, if it has the form that it must have.

    Raises:
        AuditError: If it has not.
    """
    try:
        return form.validate_python(answer)
    except ValidationError:
        raise AuditError(
            "the process that ran the model gave an answer of the wrong form",
            "correct the model's code: it interferes with the program that runs it",
        ) from None


def as_audit_error(error: BaseException, doing: str) -> AuditError:
    """What anything that was raised means for the audit.

    Args:
        error: Of any kind.
        doing: What was done, as the subject of a sentence.
    """
    if isinstance(error, AuditError):
        return error
    text = str(error) if isinstance(error, Raised) else described(error)
    return AuditError(
        f"{doing} raised {text}",
        "correct the model's code; --audit-executor inline runs it where a debugger sees it",
    )


def vanished(request: Any) -> AuditError:
    """The error for evidence that was computed and is not there."""
    return AuditError(
        f"the evidence of model '{request.model.name}' on '{request.dataset.name}' under "
        f"{request.words} is missing",
        "run the audit again; if it stays missing, empty the folder of --audit-evidence",
    )

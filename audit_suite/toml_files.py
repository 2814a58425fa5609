"""Read a TOML file into a validated model; errors name the file, the key and the remedy."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from audit_suite.errors import AuditError

_Model = TypeVar("_Model", bound=BaseModel)


def read_toml(path: Path, model: type[_Model], what: str, advice: str = "correct it") -> _Model:
    """Read and validate a TOML file.

    Args:
        path: The file.
        model: The pydantic model of its content.
        what: What the file is, for messages, for example ``model card``.
        advice: What to do about a wrong key, if there is no more specific advice.

    Raises:
        AuditError: If the file is missing, is not UTF-8 text or TOML, or breaks the model.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AuditError(f"{what} {path} does not exist", "check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise AuditError(
            f"{what} {path} cannot be read: {error}", "it must be UTF-8 text"
        ) from None
    except (RecursionError, ValueError) as error:
        if not isinstance(error, tomllib.TOMLDecodeError):
            error = ValueError("it is nested too deeply, or holds a number that is too long")
        raise AuditError(f"{what} {path} is not valid TOML: {error}", "correct the line") from None
    try:
        return model.model_validate(content)
    except RecursionError:
        raise AuditError(f"{what} {path} nests its tables too deeply", advice) from None
    except ValidationError as error:
        problems = "; ".join(_problem(dict(each)) for each in error.errors())
        raise AuditError(f"{what} {path}: {problems}", _remedy(model, error, advice)) from None


def _problem(error: dict[str, object]) -> str:
    where = error["loc"]
    parts = where if isinstance(where, tuple) else ()
    key = ".".join(str(part) for part in parts if part != "[key]")  # a wrong key of a table
    common = {"extra_forbidden": "unknown key", "missing": "missing key"}
    message = common.get(str(error["type"]), str(error["msg"]).removeprefix("Value error, "))
    return f"key '{key}': {message}" if key else message


def _remedy(model: type[BaseModel], error: ValidationError, advice: str) -> str:
    unknown = [e for e in error.errors() if e["type"] == "extra_forbidden" and len(e["loc"]) == 1]
    if not unknown:
        return advice
    keys = (field.alias or name for name, field in model.model_fields.items())
    return f"known keys: {', '.join(keys)}"

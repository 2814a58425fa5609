"""Read a TOML file into a validated model; errors name the file, the key and the remedy."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, RootModel, ValidationError

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
    """The keys that exist beside each unknown one; the advice if none is unknown."""
    known = {}
    for each in error.errors():
        if each["type"] == "extra_forbidden":
            *table, _ = each["loc"]
            if keys := _keys(reduce(_inside, table, [model])):
                of = f" of '{'.'.join(map(str, table))}'" if table else ""
                known[of] = f"known keys{of}: {', '.join(keys)}"
    return "; ".join(known.values()) or advice


def _keys(kinds: Sequence[Any]) -> list[str]:
    """The keys of the models among some types, as a file writes them."""
    models = [kind for kind in _plain(kinds) if isinstance(kind, type)]
    fields = (m.model_fields.items() for m in models if issubclass(m, BaseModel))
    return list(dict.fromkeys(f.alias or name for each in fields for name, f in each))


def _inside(kinds: Sequence[Any], part: str | int) -> list[Any]:
    """The types that one step of an error's place leads to: a key, a position, a kind of file."""
    types: list[Any] = []
    for kind in _plain(kinds):
        if get_origin(kind) is dict:
            types.append(get_args(kind)[1])
        elif get_origin(kind) in (tuple, list):
            types += [one for one in get_args(kind) if one is not Ellipsis]
        elif isinstance(kind, type) and issubclass(kind, RootModel):
            members = _plain([kind.model_fields["root"].annotation])
            types += [m for m in members if part in get_args(m.model_fields["kind"].annotation)]
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            fields = kind.model_fields.items()
            types += [field.annotation for name, field in fields if part in (name, field.alias)]
    return types


def _plain(kinds: Sequence[Any]) -> list[Any]:
    """Types without what is written around them: the members of unions, the type of Annotated."""
    types: list[Any] = []
    for kind in kinds:
        if get_origin(kind) is Annotated:
            types += _plain(get_args(kind)[:1])
        elif get_origin(kind) in (Union, UnionType):
            types += _plain(get_args(kind))
        else:
            types.append(kind)
    return types

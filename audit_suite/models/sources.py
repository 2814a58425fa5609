"""Which code decides a model's scores: the project's modules behind it, and library versions."""

from __future__ import annotations

import ast
import builtins
import hashlib
import importlib
import importlib.metadata
import importlib.util
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import audit_suite
from audit_suite.models.arrays import ArrayModel
from audit_suite.models.factory import FILE_MODULE

if TYPE_CHECKING:
    from torch import nn

_ALWAYS = ("numpy", "torch", "torchvision")  # every score, or most networks, pass through these
_OWN = Path(audit_suite.__file__).parent  # covered by the engine's version in every key


@contextmanager
def noting_imports() -> Iterator[set[str]]:
    """Note the names of the modules that are imported inside, also of those imported before."""
    noted: set[str] = set()
    before = set(sys.modules)
    statement, function = builtins.__import__, importlib.import_module

    def noting(name: str, *rest: Any, **more: Any) -> ModuleType:
        module = statement(name, *rest, **more)
        noted.add(name)  # of a relative import a part; `_imported` reads it from the source
        return module

    def noting_function(name: str, package: str | None = None) -> ModuleType:
        module = function(name, package)
        noted.add(module.__name__)
        return module

    builtins.__import__, importlib.import_module = noting, noting_function
    try:
        yield noted
    finally:
        builtins.__import__, importlib.import_module = statement, function
        noted |= set(sys.modules) - before


def sources(module: nn.Module, factory: str, noted: Iterable[str]) -> dict[str, dict[str, str]]:
    """The code behind a loaded model.

    Args:
        module: The model; the modules that define its layers count.
        factory: Name of the module that holds the factory or loader; empty if there is none.
        noted: Names from `noting_imports`.

    Returns:
        ``sources``: SHA-256 of each of the project's modules by name. These are the factory's
        module, those noted, those of the layers, and all that these import, in any function.
        ``libraries``: the versions of torch, torchvision, numpy, of each installed package that
        one of those modules imports, and of what computes a program.
    """
    layers = {type(layer).__module__ for layer in module.modules()}
    layers |= {layer.library for layer in module.modules() if isinstance(layer, ArrayModel)} - {""}
    waiting, seen = [*filter(None, [factory]), *layers, *noted], {"__main__"}
    hashes: dict[str, str] = {}
    libraries = {name: importlib.metadata.version(name) for name in _ALWAYS}
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        waiting += filter(None, [name.rpartition(".")[0]])  # a package is imported with its parts
        path = _file(name)
        if path is None:
            continue
        if _is_project(path) or name == factory:
            content = path.read_bytes()
            hashes[_lasting(name, path)] = hashlib.sha256(content).hexdigest()
            imported = _imported(content, name)
            waiting += imported
            libraries |= _versions(imported)
    libraries |= _versions(layers)
    return {"sources": hashes, "libraries": libraries}


def _lasting(name: str, path: Path) -> str:
    """A module's name on every machine; the module of a file has the file's name."""
    return path.name if name.startswith(FILE_MODULE) else name


def _imported(content: bytes, name: str) -> list[str]:
    """Names that a module's source imports, in any function; a part of these may be no module."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):  # a compiled module
        return []
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = _package(name)
                try:
                    base = importlib.util.resolve_name("." * node.level + base, package)
                except ImportError:
                    continue
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return names


def _package(name: str) -> str:
    spec = _spec(name)
    return (spec.parent or "") if spec is not None else ""


def _spec(name: str) -> ModuleSpec | None:
    """How a module is or would be found; imports nothing."""
    loaded = sys.modules.get(name)
    if loaded is not None:
        spec: ModuleSpec | None = getattr(loaded, "__spec__", None)
        return spec
    parent, _, _ = name.rpartition(".")
    where = None
    if parent:
        above = _spec(parent)
        where = None if above is None else above.submodule_search_locations
        if where is None:
            return None
    for finder in sys.meta_path:
        try:
            candidate = finder.find_spec(name, where)
        except (ImportError, AttributeError, ValueError):
            continue
        if candidate is not None:
            return candidate
    return None


def _file(name: str) -> Path | None:
    spec = _spec(name)
    if spec is None or not spec.has_location or spec.origin is None:
        return None
    path = Path(spec.origin)
    return path.resolve() if path.is_file() else None


def _is_project(path: Path) -> bool:
    installed = any(path.is_relative_to(folder) for folder in _installed())
    return not installed and not {"site-packages", "dist-packages"} & set(path.parts)


@cache
def _installed() -> tuple[Path, ...]:
    """Where the standard library, installed packages and audit-suite itself lie."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    libraries = [sysconfig.get_path(name) for name in names]
    others = [*site.getsitepackages(), site.getusersitepackages(), str(_OWN)]
    return tuple({Path(folder).resolve() for folder in [*libraries, *others]})


def _versions(names: Iterable[str]) -> dict[str, str]:
    """The installed packages among some modules, with their versions."""
    tops = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {*_ALWAYS}
    return {
        package: importlib.metadata.version(package)
        for top in tops - {"audit_suite"}
        for package in _distributions().get(top, ())
    }


_distributions = cache(importlib.metadata.packages_distributions)

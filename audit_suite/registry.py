"""Open registries: things of one kind by name, the shipped ones and those of extensions alike.

A shipped fill, loader, reader, explainer, cause, section or shortcut is one file of its kind's
package, and registers with the same function as third parties do. Entry points of the group
``audit_suite.extensions`` announce extensions; a conftest or a file under ``audits/`` may register
too.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import FrameType
from typing import Any, Generic, TypeVar

from audit_suite.errors import AuditError
from audit_suite.verdict import Inconclusive, NotApplicable

GROUP = "audit_suite.extensions"
SHIPPED = "audit-suite"

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class _Entry(Generic[Thing]):
    thing: Thing
    origin: str
    module: str
    file: str


_registries: list[Registry[Any]] = []


class Registry(Mapping[str, Thing]):
    """Things of one kind by name.

    The first look-up imports the shipped ones. Extensions are loaded when a name is not among
    these, or when all are listed, so that a shipped name can be looked up while the package itself
    is being imported.

    Args:
        kind: The kind, for messages: ``fill``, ``model loader``.
        package: The package whose modules hold the shipped things, one each.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self._package = package
        self._entries: dict[str, _Entry[Thing]] = {}
        _registries.append(self)

    def register(self, name: str, thing: Thing) -> Thing:
        """Make a thing known by a name.

        A module or file may register its name again, as when a notebook's cell is repeated, or a
        pack is imported both as a plugin and as a file of checks. Any module may register the same
        thing again.

        Returns:
            The thing.

        Raises:
            AuditError: If another module or extension has that name; names both.
        """
        origin, module, file = _caller()
        if origin != SHIPPED:
            _import_shipped(self._package)
        before = self._entries.get(name)
        if before is not None and before.thing is thing:
            return thing
        if before is not None and before.origin != origin and before.file != file:
            raise AuditError(
                f"{origin} registers the {self.kind} '{name}', but {before.origin} already has one "
                f"with that name",
                f"rename it in {origin}, or uninstall one of the two",
            )
        self._entries[name] = _Entry(thing, origin, module, file)
        return thing

    def find(self, name: str, where: str = "", remedy: str = "") -> Thing:
        """The thing with a name.

        Args:
            name: Its name.
            where: Where the name was given, for the message: an option, or a card and its key.
            remedy: What to do, in addition to the list of known names.

        Raises:
            AuditError: If the name is unknown; lists the known ones.
        """
        if name in self:
            return self[name]
        known = ", ".join(sorted(self)) or "none"
        raise AuditError(
            f"{where}{': ' if where else ''}there is no {self.kind} '{name}'",
            f"known: {known}{f'; {remedy}' if remedy else ''}",
        )

    def origin(self, name: str) -> str:
        """Who registered a name: ``audit-suite``, an extension, or a module."""
        self[name]  # loads them
        return self._entries[name].origin

    def fingerprint(self, name: str) -> str:
        """SHA-256 of the source file of an extension's thing, for store keys; empty if shipped.

        The engine's version covers shipped things.
        """
        if self.origin(name) == SHIPPED:
            return ""
        thing = self[name]
        try:
            text = Path(_source_file(thing)).read_bytes()
        except (TypeError, OSError):  # defined in a notebook's cell or an interactive session
            text = repr(thing).encode()
        return hashlib.sha256(text).hexdigest()

    @contextmanager
    def blaming(self, name: str) -> Iterator[None]:
        """Run an extension's code; an exception becomes an error that names the extension.

        Raises:
            AuditError: In place of any exception that is neither an AuditError nor a verdict.
                Exceptions of shipped things pass unchanged.
        """
        try:
            yield
        except (AuditError, NotApplicable, Inconclusive):
            raise
        except Exception as error:
            if self.origin(name) == SHIPPED:
                raise
            raise self.misbehaved(name, f"raised {type(error).__name__}: {error}") from error

    def misbehaved(self, name: str, what: str) -> AuditError:
        """An error that names an extension's thing, what it did and what to do."""
        return AuditError(
            f"the {self.kind} '{name}' of {self.origin(name)} {what}",
            f"correct it, or audit without it; stored evidence is kept, and the next run continues "
            f"from there ({self.origin(name)} registers it)",
        )

    def __getitem__(self, name: str) -> Thing:
        if name not in self._entries:
            _import_shipped(self._package)
        if name not in self._entries:
            load_extensions()
        return self._entries[name].thing

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(dict(self._entries))

    def __len__(self) -> int:
        self._load()
        return len(self._entries)

    def _load(self) -> None:
        _import_shipped(self._package)
        load_extensions()


def _source_file(thing: Any) -> str:
    """Where a thing's code is; its own functions know, though another conftest took its name."""
    maker = thing if inspect.isroutine(thing) else type(thing)
    for function in (maker, *vars(maker).values()):
        file = getattr(getattr(function, "__code__", None), "co_filename", "")
        if file and not file.startswith("<"):  # a dataclass's functions have no file
            return str(file)
    return inspect.getsourcefile(maker) or ""


_loading: list[str] = []  # what is being imported now, to which registrations belong


def load_extensions() -> None:
    """Import every installed extension, once.

    An extension is an entry point of the group ``audit_suite.extensions``: a module, or a function
    to call without arguments.

    Raises:
        AuditError: If one cannot be imported or raises; names it and its package.
    """
    if not _loading:  # an extension may look things up while it is imported
        for entry in _installed():
            _load_extension(entry)


@cache
def _installed() -> tuple[EntryPoint, ...]:
    return tuple(sorted(entry_points(group=GROUP), key=lambda entry: entry.name))


@cache
def _load_extension(entry: EntryPoint) -> None:
    package = f" ({entry.dist.name})" if entry.dist is not None else ""
    name = f"extension '{entry.name}'{package}"
    _loading.append(name)
    try:
        loaded = entry.load()
        if callable(loaded):
            loaded()
    except Exception as error:
        kind = "" if isinstance(error, AuditError) else f"{type(error).__name__}: "
        what = error.what if isinstance(error, AuditError) else error
        raise AuditError(
            f"{name} cannot be loaded: {kind}{what}",
            "correct it or uninstall its package; what is stored so far is kept",
        ) from error
    finally:
        _loading.pop()


@cache
def _import_shipped(package: str) -> None:
    _loading.append(SHIPPED)
    try:
        rooms = importlib.import_module(package)
        for module in pkgutil.iter_modules(rooms.__path__):
            importlib.import_module(f"{package}.{module.name}")
    finally:
        _loading.pop()


def brought() -> list[tuple[str, str]]:
    """The modules that registered something themselves, as a conftest does: names and files.

    Installed extensions are not among them: every process finds these by itself.
    """
    entries = [entry for each in _registries for entry in each._entries.values()]
    return list(dict.fromkeys((e.module, e.file) for e in entries if not _found_by_all(e.origin)))


def _found_by_all(origin: str) -> bool:
    return origin == SHIPPED or origin.startswith("extension '")


def registering() -> str:
    """Who is registering: the extension being loaded, else the module that called."""
    return _caller()[0]


def _caller() -> tuple[str, str, str]:
    """Who registers, in which module and file: the first frame that is not a ``register...``."""
    frame = sys._getframe(1)
    while _is_register(frame) and frame.f_back is not None:
        frame = frame.f_back
    file, name = frame.f_code.co_filename, _module(frame)
    if name.partition(".")[0] == "audit_suite":
        return SHIPPED, name, file
    return (_loading[-1] if _loading and _loading[-1] != SHIPPED else name), name, file


def _is_register(frame: FrameType) -> bool:
    """Whether a frame is one of this package's functions ``register...``."""
    mine = _module(frame).partition(".")[0] == "audit_suite"
    return mine and frame.f_code.co_name.startswith("register")


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "?"))


FILLS: Registry[Any] = Registry("fill", "audit_suite.maskings.fills")
LOADERS: Registry[Any] = Registry("model loader", "audit_suite.models.loaders")
READERS: Registry[Any] = Registry("data set reader", "audit_suite.datasets.readers")
MASK_FORMATS: Registry[Any] = Registry("mask format", "audit_suite.datasets.mask_formats")
EXPLAINERS: Registry[Any] = Registry("explainer", "audit_suite.explainers.methods")
CAUSES: Registry[Any] = Registry("cause", "audit_suite.causes.rules")
SECTIONS: Registry[Any] = Registry("report section", "audit_suite.sections")
CHANGES: Registry[Any] = Registry("change", "audit_suite.changes.kinds")
EXPORTS: Registry[Any] = Registry("format", "audit_suite.exports.formats")
EXECUTORS: Registry[Any] = Registry("executor", "audit_suite.evidence.executors")
STRATEGIES: Registry[Any] = Registry("strategy", "audit_suite.search.kinds")

"""Files at an address that fsspec knows (``s3://...``); what its services raise is put in words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from audit_suite.errors import AuditError


def is_address(place: str | Path) -> bool:
    """Whether something is kept at an address, and not in a folder."""
    return "://" in str(place)


def shown(url: str) -> str:
    """An address without a password or key that may be in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class Address:
    """Files by name. Every method raises an `AuditError` that names the option and the address.

    Attributes:
        url: The address.
    """

    def __init__(self, url: str, option: str, remedy: str) -> None:
        """Find what reaches it.

        Args:
            url: The address.
            option: The one that named it, for messages.
            remedy: What to do if it cannot be reached.
        """
        self.url = url
        self._option, self._remedy = option, remedy
        with self._reached("read"):
            import fsspec

            try:
                folders = {"auto_mkdir": True} if url.startswith(("file:", "local:")) else {}
                self._files, top = fsspec.core.url_to_fs(url, **folders)
            except ImportError:
                raise AuditError(
                    f"{option}={shown(url)}: what reaches this kind of address is not installed",
                    'pip install "audit-suite[remote]"',
                ) from None
        self._top = str(top).rstrip("/")

    def names(self) -> set[str]:
        """The names of all files there now."""
        with self._reached("read"):
            self._files.invalidate_cache()
            try:
                paths = self._files.find(self._top)
            except FileNotFoundError:
                paths = []
        return set(map(self._name, paths))

    def contents(self, names: Iterable[str]) -> dict[str, bytes]:
        """The contents of files, asked for at the same time; those that are gone are left out."""
        paths = [f"{self._top}/{name}" for name in names]
        with self._reached("read"):
            found = self._files.cat(paths, on_error="omit") if paths else {}
        return {self._name(path): content for path, content in found.items()}

    def content(self, name: str, end: int | None = None) -> bytes:
        """The content of a file, up to a position."""
        with self._reached("read"):
            content: bytes = self._files.cat_file(f"{self._top}/{name}", end=end)
        return content

    def put(self, files: Mapping[str, bytes]) -> None:
        """Write files, at the same time where the service allows it."""
        with self._reached("write to"):
            self._files.pipe({f"{self._top}/{name}": content for name, content in files.items()})

    def remove(self, name: str) -> None:
        """Remove a file; one that is gone is gone."""
        with self._reached("write to"), contextlib.suppress(FileNotFoundError):
            self._files.rm_file(f"{self._top}/{name}")

    def _name(self, path: object) -> str:
        return str(path).removeprefix(f"{self._top}/")

    @contextlib.contextmanager
    def _reached(self, doing: str) -> Iterator[None]:
        try:
            yield
        except AuditError:
            raise
        except Exception as error:  # each service has errors of its own
            first_line = str(error).partition("\n")[0] or type(error).__name__
            raise AuditError(
                f"{self._option}: cannot {doing} {shown(self.url)}: {first_line}", self._remedy
            ) from None

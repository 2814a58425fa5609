"""Prepared images that machines share: an address behind the folder of the cache.

Processes that run models have no network. So the judge fetches what is known of a data set's images
before they work, and sends what they made. Where that fails, images are decoded here.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from filelock import FileLock

from audit_suite.errors import AuditError
from audit_suite.evidence.address import Address
from audit_suite.evidence.cache import ENDING, IMAGE, ArrayCache
from audit_suite.pulse import repeated

Say = Callable[[str], None]
_AT_ONCE = 32  # files that are fetched or sent together, of some MB each
_EVERY = 60.0  # seconds between two times that what is new is sent
_TOLD = 10.0  # seconds between two lines of progress
_REMEDY = (
    "check the address and the credentials in the environment; until then images are decoded here"
)
_NAME = re.compile(rf"[0-9a-f]{{2}}/([0-9a-f]{{64}}){re.escape(ENDING)}")


class Shared:
    """A cache's folder in front of an address. It never fails: what goes wrong is said, once."""

    def __init__(self, cache: ArrayCache, url: str) -> None:
        """Nothing is looked up yet.

        Args:
            cache: The folder.
            url: The address.
        """
        self._cache, self._url = cache, url
        self._failed = False

    def fetch(self, images: Iterable[str], say: Say) -> None:
        """Bring what is kept of some images into the folder.

        Args:
            images: What the names of their entries begin with (`pixels.Cached.image`).
            say: Called with a line of progress now and then, and if the address cannot be read.
        """
        of = set(images)

        def work(address: Address) -> None:
            missing = sorted(k for k in _entries(address.names(), of) if not self._cache.has(k))
            said = time.monotonic()
            for first in range(0, len(missing), _AT_ONCE):
                files = {_file(key): key for key in missing[first : first + _AT_ONCE]}
                for name, content in address.contents(files).items():
                    self._cache.put(files[name], content)
                if time.monotonic() - said > _TOLD:
                    said = time.monotonic()
                    say(f"{first + len(files):,} of {len(missing):,} prepared images are fetched")

        self._reach(work, say)

    def send(self, images: Iterable[str], say: Say) -> None:
        """Send what is kept of some images here and not there; as `fetch`."""
        of = set(images)

        def work(address: Address) -> None:
            here = _entries(self._here(), of)
            new = sorted(here - _entries(address.names(), of)) if here else []
            for first in range(0, len(new), _AT_ONCE):
                keys = new[first : first + _AT_ONCE]
                address.put({_file(k): Path(self._cache.file(k)).read_bytes() for k in keys})

        self._reach(work, say)

    @contextlib.contextmanager
    def following(self, images: Iterable[str], say: Say) -> Iterator[None]:
        """Send what other processes write to the folder, every minute and at the end."""
        names = list(images)
        try:
            with repeated(lambda: self.send(names, say), _EVERY):
                yield
        finally:
            self.send(names, say)

    def _here(self) -> Iterator[str]:
        for file in self._cache.folder.glob(f"*/*{ENDING}"):
            yield file.relative_to(self._cache.folder).as_posix()

    def _reach(self, work: Callable[[Address], None], say: Say) -> None:
        """Do something at the address; processes of this machine one after the other."""
        if self._failed:
            return
        try:
            self._cache.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(self._cache.folder / "shared.lock"):  # the next finds what is there
                work(Address(self._url, "--audit-cache", _REMEDY))
        except AuditError as error:
            self._failed = True
            say(str(error))
        except OSError as error:
            self._failed = True
            say(f"--audit-cache: cannot use {self._cache.folder}: {error.strerror or error}")


def pixels_at(folder: Path | None, url: str | None) -> tuple[ArrayCache | None, Shared | None]:
    """Where prepared images are kept, and where machines share them.

    Args:
        folder: That of all that can be made again; None to keep nothing.
        url: An address behind it; None to share nothing.
    """
    if folder is None:
        return None, None
    pixels = ArrayCache(folder / "pixels")
    return pixels, None if url is None else Shared(pixels, url)


def _file(key: str) -> str:
    return f"{key[:2]}/{key}{ENDING}"


def _entries(names: Iterable[str], images: Collection[str]) -> set[str]:
    """The keys of those files that are entries of some images."""
    keys = (match[1] for match in map(_NAME.fullmatch, names) if match is not None)
    return {key for key in keys if key[:IMAGE] in images}

"""Evidence at an address (``s3://...``): a folder here mirrors what is there.

Processes that run models have no network, and read and write the folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from audit_suite.errors import AuditError
from audit_suite.evidence.address import Address, is_address
from audit_suite.evidence.part import Part
from audit_suite.evidence.store import UNFINISHED, EvidenceStore, Stored
from audit_suite.files import write_whole
from audit_suite.pulse import repeated

_EVERY = 5.0  # seconds between two looks for new evidence
_AT_ONCE = 64  # files that are fetched together
_HEAD = 1 << 16  # bytes of a file that hold what it is evidence of
_DISCARDED = "discarded/"


def open_store(place: str | Path, cache: Path | None, part: Part | None = None) -> EvidenceStore:
    """The store at a folder or an address.

    Args:
        place: A path, or an address that fsspec knows.
        cache: The folder in which an address is mirrored; None for a temporary one.
        part: The units of work that may be claimed.

    Raises:
        AuditError: If the address cannot be read.
    """
    if not is_address(place):
        return EvidenceStore(Path(place), part)
    url = str(place).rstrip("/")
    name = f"evidence-{hashlib.sha256(url.encode()).hexdigest()[:16]}"
    return Mirror(url, (cache or Path(tempfile.mkdtemp(prefix="audit-"))) / name, part)


class Mirror(EvidenceStore):
    """A folder that mirrors an address: what is written goes there, what is read comes from there.

    Claims are those of this machine: several machines take a part each.
    """

    def __init__(self, url: str, root: Path, part: Part | None = None) -> None:
        """Read what there is.

        Args:
            url: The address.
            root: The folder.
            part: As of the store.

        Raises:
            AuditError: If the address cannot be read.
        """
        super().__init__(root, part)
        self.url = url
        self._sending = threading.Lock()
        self._address = Address(
            url,
            "--audit-evidence",
            "check the address and the credentials in the environment; what was computed is kept "
            f"in {root}, and the next run sends it",
        )
        self._there: set[str] = set()
        self._in_hand: set[str] = set()  # batches of units of this part, there and brought here
        self._look()

    def has(self, key: str) -> bool:
        """Whether evidence is here or there."""
        return super().has(key) or self._name(key) in self._there

    def open(self, key: str) -> Stored | None:
        """The arrays under ``key``, fetched if needed; None if they are missing or damaged."""
        stored = super().open(key)
        if stored is None and (name := self._name(key)) in self._there:
            self._fetch([name])
            stored = super().open(key)
            if stored is None:  # damaged there too: what is computed anew replaces it
                self._there.discard(name)
                super().discard(key)
        return stored

    def fetch(self, keys: Iterable[str]) -> None:
        """Bring evidence into the folder, and the batches in hand of this part of the work.

        Raises:
            AuditError: If the address cannot be read.
        """
        wanted = [self._name(key) for key in keys]
        with self._sending:  # what is not here yet is not over
            self._look()
            self._in_hand |= {name for name in self._there if self._is_in_hand(name)}
            wanted += sorted(self._in_hand)
            missing = [n for n in wanted if n in self._there and not (self.root / n).exists()]
            for first in range(0, len(missing), _AT_ONCE):
                self._fetch(missing[first : first + _AT_ONCE])

    def discard(self, key: str) -> None:
        """Remove evidence here and there."""
        super().discard(key)
        self._remove([self._name(key)])

    def discard_all(self, of: str, why: str) -> None:
        """As of the store, here and there."""
        super().discard_all(of, why)
        self.send()

    @contextlib.contextmanager
    def following(self, say: Callable[[str], None]) -> Iterator[None]:
        """Send what other processes write to the folder, every few seconds and at the end."""

        def follow() -> None:
            with contextlib.suppress(AuditError):  # tried again, and told of at the end
                self.send()

        try:
            with repeated(follow, _EVERY):
                yield
        finally:
            try:
                self.send()
                self._look()  # what other machines wrote
            except AuditError as error:
                say(str(error))

    def write(self, key: str, arrays: Any, of: str = "") -> None:
        """As of the store; sent at once."""
        super().write(key, arrays, of)
        with self._sending:
            self._send([self._name(key)])

    def send(self) -> None:
        """Make what is there like what is here: first what was discarded, then what is new.

        Raises:
            AuditError: If the address cannot be written.
        """
        with self._sending:
            here = {self._relative(file) for file in self.root.glob("*/*.safetensors")}
            notes = {self._relative(file) for file in self.root.glob(f"{_DISCARDED}*.json")}
            for note in sorted(notes - self._there):
                self._forget_there(json.loads((self.root / note).read_bytes())["of"], here)
            self._remove(self._in_hand - here)
            self._send(here | notes)

    def _send(self, names: Iterable[str]) -> None:
        for name in sorted(set(names) - self._there):
            with contextlib.suppress(FileNotFoundError):  # discarded meanwhile
                self._address.put({name: (self.root / name).read_bytes()})
                self._there.add(name)
                if name.startswith(UNFINISHED):
                    self._in_hand.add(name)

    def _look(self) -> None:
        """List what is there, and discard here what was discarded there."""
        self._there = self._address.names()
        notes = [n for n in sorted(self._there) if n.startswith(_DISCARDED)]
        for note in [n for n in notes if not (self.root / n).exists()]:
            content = self._address.content(note)
            with contextlib.suppress(ValueError, KeyError, TypeError):
                self._remove_here(json.loads(content)["of"])
                write_whole(self.root / note, content)

    def _forget_there(self, of: str, here: set[str]) -> None:
        """Remove from there all evidence of one thing."""
        stale = []
        for name in sorted(self._there - here):
            if name.endswith(".safetensors"):
                head = self._address.content(name, end=_HEAD)
                length = int.from_bytes(head[:8], "little")
                with contextlib.suppress(ValueError):
                    about = json.loads(head[8 : 8 + length]).get("__metadata__", {})
                    stale += [name] if about.get("of") == of else []
        self._remove(stale)

    def _fetch(self, names: list[str]) -> None:
        for name, content in self._address.contents(names).items():
            write_whole(self.root / name, content)

    def _remove(self, names: Iterable[str]) -> None:
        for name in sorted(set(names) & self._there):
            self._address.remove(name)
            self._there.discard(name)

    def _is_in_hand(self, name: str) -> bool:
        """Whether a file holds batches of a unit of this part."""
        folder, _, rest = name.partition("/")
        unit, _, more = rest.partition("-")
        number = more.partition("-")[0]
        return folder == UNFINISHED and number.isdecimal() and self.part.has(unit, int(number))

    def _name(self, key: str) -> str:
        return self._relative(self._file(key))

    def _relative(self, file: Path) -> str:
        return file.relative_to(self.root).as_posix()

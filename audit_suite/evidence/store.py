"""The evidence store: arrays under a hash, written so that a crash never leaves a partial file."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from audit_suite.errors import AuditError
from audit_suite.evidence.part import Part
from audit_suite.files import write_whole

Arrays = dict[str, NDArray[Any]]
UNFINISHED = "unfinished"
"""The folder of the batches of a unit of work that is in hand."""
_ENDING = ".safetensors"

_SMALL = 16_384  # bytes of an array that is kept from its check until it is first asked for


class EvidenceStore:
    """A folder of evidence files that outlives the run; safe for several processes.

    A file's name is the hash of everything that determines its content, so files are added but
    never changed. Each file has a checksum of its arrays and its name: a file that was damaged on
    disk, renamed or copied to another name counts as missing.

    Attributes:
        root: The folder.
        url: What the folder mirrors; None, as it is the store itself.
        part: The units of work that may be claimed here; all by default.
    """

    url: str | None = None

    def __init__(self, root: Path, part: Part | None = None) -> None:
        """Open the folder; it is made when something is written.

        Args:
            root: The folder.
            part: As of the attributes.
        """
        self.root = root
        self.part = part or Part()
        self._whole: set[str] = set()  # keys whose files were seen to have their full length

    def has(self, key: str) -> bool:
        """Whether evidence is stored under ``key`` in full length; `read` checks its content."""
        file = self._file(key)
        if key in self._whole:
            return file.exists()
        try:
            with safe_open(file, framework="np"):
                self._whole.add(key)
        except (FileNotFoundError, SafetensorError, OSError):
            return False
        return True

    def is_empty(self) -> bool:
        """Whether the folder holds no evidence yet."""
        return next(self.root.glob(f"??/*{_ENDING}"), None) is None

    def read(self, key: str) -> Arrays | None:
        """The arrays under ``key``; None if they are missing or damaged."""
        stored = self.open(key)
        return None if stored is None else dict(stored)

    def open(self, key: str) -> Stored | None:
        """The arrays under ``key``, checked now and read when asked for.

        Args:
            key: As of `read`.

        Returns:
            None if they are missing or damaged.
        """
        held: Arrays = {}

        def checked(file: Any, names: Sequence[str]) -> Iterator[tuple[str, NDArray[Any]]]:
            for name in sorted(names):
                array = file.get_tensor(name)
                if array.nbytes <= _SMALL:
                    held[name] = array
                yield name, array

        file = self._file(key)
        try:
            with safe_open(file, framework="np") as opened:
                names = tuple(opened.keys())
                written = (opened.metadata() or {}).get("checksum")
                intact = written == _checksum(key, checked(opened, names))
        except (FileNotFoundError, SafetensorError, OSError):
            return None
        return Stored(file, names, held) if intact else None

    def write(self, key: str, arrays: Mapping[str, NDArray[Any]], of: str = "") -> None:
        """Store arrays under ``key``: written aside, then renamed.

        Args:
            key: Hash of everything that determines them.
            arrays: What is stored.
            of: What they are evidence of (`evidence.source.EvidenceSource.subject`), so that all
                of it can be discarded.

        Raises:
            AuditError: If the disk is full or the folder cannot be written; evidence stored before
                is kept.
        """
        content = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        checksum = _checksum(key, sorted(content.items()))
        data = save(content, metadata={"checksum": checksum, "of": of})
        self._write(self._file(key), data)

    def _write(self, file: Path, content: bytes) -> None:
        try:
            write_whole(file, content, durable=False)  # a torn one counts as missing
        except OSError as error:
            raise AuditError(
                f"--audit-evidence: cannot write to {self.root}: {error.strerror or error}",
                "free some disk space or name another folder; stored evidence is kept, and the "
                "next run continues from there",
            ) from None

    def discard(self, key: str) -> None:
        """Remove evidence that is damaged, so that it is computed again, or not needed any more."""
        self._file(key).unlink(missing_ok=True)
        self._whole.discard(key)

    def discard_all(self, of: str, why: str) -> None:
        """Remove everything that is evidence of one thing, and note that it happened.

        Args:
            of: As it was given to `write`.
            why: One line for `discarded`.
        """
        number = len(list(self._discarded.glob("*.json"))) if self._discarded.is_dir() else 0
        content = json.dumps({"number": number, "of": of, "why": why}).encode()
        self._write(self._discarded / f"{hashlib.sha256(content).hexdigest()}.json", content)
        self._remove_here(of)

    def _remove_here(self, of: str) -> None:
        for file in self.root.glob(f"*/*{_ENDING}"):
            with contextlib.suppress(SafetensorError, OSError):
                with safe_open(file, framework="np") as stored:
                    belongs = (stored.metadata() or {}).get("of") == of
                if belongs:
                    file.unlink(missing_ok=True)

    def discarded(self, of: str) -> list[str]:
        """Why evidence of one thing was discarded, ever, in the order of events."""
        events = []
        for file in self._discarded.glob("*.json"):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                content = file.read_bytes()
                event = json.loads(content)
                if event["of"] == of and hashlib.sha256(content).hexdigest() == file.stem:
                    events.append((int(event["number"]), str(event["why"])))
        return [why for _, why in sorted(events)]

    @property
    def _discarded(self) -> Path:
        return self.root / "discarded"

    @contextlib.contextmanager
    def claim(self, name: str, wait: bool, number: int = 0) -> Iterator[bool]:
        """Claim a unit of work for this process; the claim dies with the process.

        Args:
            name: The unit, or a row of them; safe as a file name.
            wait: Wait for another process's claim to end instead of giving up.
            number: Which unit of the row.

        Yields:
            Whether the claim was granted; it never is if the unit belongs to another part.

        Raises:
            AuditError: If the folder cannot be written.
        """
        if not self.part.has(name, number):
            yield False
            return
        with self._locked(f"{name}-{number}", wait) as granted:
            yield granted

    @contextlib.contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Do something while no other process does it, whichever part of the work is its own.

        Args:
            name: What is done, safe as a file name.

        Raises:
            AuditError: If the folder cannot be written.
        """
        with self._locked(name, wait=True):
            yield

    @contextlib.contextmanager
    def _locked(self, name: str, wait: bool) -> Iterator[bool]:
        folder = self.root / "claims"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / f"{name}.lock", thread_local=False)  # claimed in a thread
            lock.acquire(timeout=-1 if wait else 0)
        except Timeout:
            yield False
            return
        except OSError as error:
            raise AuditError(
                f"--audit-evidence: cannot write to {self.root}: {error.strerror or error}",
                "name a folder that this user may write to",
            ) from None
        try:
            yield True
        finally:
            lock.release()

    @contextlib.contextmanager
    def following(self, say: Callable[[str], None]) -> Iterator[None]:
        """Send on what other processes write to the folder meanwhile, where it is a mirror.

        Args:
            say: Called with a line of text if that fails; what is in the folder is kept.
        """
        del say
        yield

    def send(self) -> None:
        """Send what is in the folder to where it belongs, where it is a mirror.

        Raises:
            AuditError: If that fails.
        """

    def fetch(self, keys: Iterable[str]) -> None:
        """Bring evidence into the folder, where it is a mirror, for processes that read it."""

    def _file(self, key: str) -> Path:
        """Where a key is kept; keys of what is ``UNFINISHED`` name their folder."""
        return self.root / (f"{key}{_ENDING}" if "/" in key else f"{key[:2]}/{key}{_ENDING}")


class Stored(Mapping[str, NDArray[Any]]):
    """The arrays of one file, each read from the disk when it is asked for.

    So that embeddings and outlines of a large data set are in memory only while they are used.
    Small arrays, which were read to be checked, are given out once without another look.
    """

    def __init__(self, file: Path, names: tuple[str, ...], held: Arrays) -> None:
        self._file, self._names, self._held = file, names, held

    def __getitem__(self, name: str) -> NDArray[Any]:
        held = self._held.pop(name, None)
        if held is not None:
            return held
        if name not in self._names:
            raise KeyError(name)
        try:
            with safe_open(self._file, framework="np") as file:
                array: NDArray[Any] = file.get_tensor(name)
                return array
        except (FileNotFoundError, SafetensorError, OSError):
            raise AuditError(
                "--audit-evidence: evidence that was stored is gone or damaged",
                "run the audit again: what is missing is computed again",
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _checksum(key: str, arrays: Iterable[tuple[str, NDArray[Any]]]) -> str:
    """Of a key and its arrays, in the order of their names."""
    digest = hashlib.sha256(key.encode())
    for name, array in arrays:
        digest.update(json.dumps([name, str(array.dtype), array.shape]).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def pack_lines(lines: Sequence[str]) -> NDArray[np.uint8]:
    """Lines of text as an array, so that the store can hold them."""
    return np.frombuffer(json.dumps(list(lines)).encode(), dtype=np.uint8)


def unpack_lines(array: NDArray[np.generic]) -> list[str]:
    """The inverse of `pack_lines`."""
    lines: list[str] = json.loads(array.tobytes())
    return lines

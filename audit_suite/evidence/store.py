"""The evidence store: arrays under a hash, written so that a crash never leaves a partial file."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from audit_suite.errors import AuditError
from audit_suite.files import write_whole

Arrays = dict[str, NDArray[Any]]


class EvidenceStore:
    """A folder of evidence files that outlives the run; safe for several processes.

    A file's name is the hash of everything that determines its content, so files are added but
    never changed. Each file has a checksum of its arrays and its name: a file that was damaged on
    disk, renamed or copied to another name counts as missing.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def has(self, key: str) -> bool:
        """Whether evidence is stored under ``key`` (its content is checked on reading)."""
        return self._file(key).exists()

    def read(self, key: str) -> Arrays | None:
        """The arrays under ``key``; None if they are missing or damaged."""
        try:
            with safe_open(self._file(key), framework="np") as file:
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                checksum = (file.metadata() or {}).get("checksum")
        except (FileNotFoundError, SafetensorError, OSError):
            return None
        return arrays if checksum == _checksum(key, arrays) else None

    def write(self, key: str, arrays: Mapping[str, NDArray[Any]], of: str = "") -> None:
        """Store arrays under ``key``: written aside, flushed to the disk, then renamed.

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
        data = save(content, metadata={"checksum": _checksum(key, content), "of": of})
        try:
            write_whole(self._file(key), data)
        except OSError as error:
            raise AuditError(
                f"--audit-evidence: cannot write to {self.root}: {error.strerror or error}",
                "free some disk space or name another folder; stored evidence is kept, and the "
                "next run continues from there",
            ) from None

    def discard(self, key: str) -> None:
        """Remove damaged evidence so that it is computed again."""
        self._file(key).unlink(missing_ok=True)

    def discard_all(self, of: str, why: str) -> None:
        """Remove everything that is evidence of one thing, and note that it happened.

        Args:
            of: As it was given to `write`.
            why: One line for `discarded`.
        """
        for file in self.root.glob("??/*.safetensors"):
            with contextlib.suppress(SafetensorError, OSError):
                with safe_open(file, framework="np") as stored:
                    belongs = (stored.metadata() or {}).get("of") == of
                if belongs:
                    file.unlink(missing_ok=True)
        with self._journal.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps({"of": of, "why": why}) + "\n")

    def discarded(self, of: str) -> list[str]:
        """Why evidence of one thing was discarded, ever, in the order of events."""
        try:
            lines = self._journal.read_text(encoding="utf-8").splitlines()
            entries = [json.loads(line) for line in lines]
            return [str(entry["why"]) for entry in entries if entry["of"] == of]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    @property
    def _journal(self) -> Path:
        return self.root / "discarded.jsonl"

    @contextlib.contextmanager
    def claim(self, name: str, wait: bool) -> Iterator[bool]:
        """Claim a unit of work for this process; the claim dies with the process.

        Args:
            name: The unit, safe as a file name.
            wait: Wait for another process's claim to end instead of giving up.

        Yields:
            Whether the claim was granted.

        Raises:
            AuditError: If the folder cannot be written.
        """
        folder = self.root / "claims"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / f"{name}.lock")
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

    def _file(self, key: str) -> Path:
        return self.root / key[:2] / f"{key}.safetensors"


def _checksum(key: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256(key.encode())
    for name in sorted(arrays):
        array = arrays[name]
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

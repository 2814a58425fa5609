"""Digests of single files."""

from __future__ import annotations

import hashlib
from pathlib import Path


def hash_content(path: Path) -> bytes:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def hash_size(path: Path) -> bytes:
    """Name and size of a file: they stand for the content of a release that does not change."""
    return f"{path.name} {path.stat().st_size}".encode()

"""Which patients two audits share, told from sketches that name none.

An id is often a number of a few digits: whoever has a plain hash of it can try them all. So an id
is hashed with a secret, which stays beside the data, and only the smallest hashes are kept. They
show about how many patients two audits have in common, and no more.
"""

from __future__ import annotations

import hashlib
import heapq
import hmac
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

KEPT = 256
"""Hashes of a sketch: the share of patients in common is then right within about .06."""
SECRET = ".audit-secret"
"""File with the secret, in the folder of the data set's card or above it."""

_BYTES = 6


class Patients(BaseModel):
    """How many patients there are, and a sketch of who they are.

    Attributes:
        n: Their number.
        secret: Names the secret; sketches of another one cannot be compared.
        sketch: The smallest hashes, in hexadecimal digits, sorted.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    n: int
    secret: str
    sketch: str

    def hashes(self) -> list[str]:
        """The hashes one by one."""
        width = 2 * _BYTES
        return [self.sketch[start : start + width] for start in range(0, len(self.sketch), width)]


def sketch(ids: Iterable[str], secret: bytes) -> Patients:
    """A sketch of some patients.

    Args:
        ids: Their ids; each counts once.
        secret: What they are hashed with.
    """
    unique = set(ids)
    hashed = (hmac.digest(secret, id.encode(), "sha256")[:_BYTES].hex() for id in unique)
    name = hmac.digest(secret, b"the name of this secret", "sha256")[:8].hex()
    return Patients(n=len(unique), secret=name, sketch="".join(heapq.nsmallest(KEPT, hashed)))


def share_known(now: Patients, before: Patients) -> float:
    """About which share of the patients of an audit an earlier one had too, 0 to 1.

    Args:
        now: Of the audit.
        before: Of the earlier one; of another secret, nothing is known, and it is 0.
    """
    if now.secret != before.secret or not now.n:
        return 0.0
    mine, theirs = set(now.hashes()), set(before.hashes())
    if max(now.n, before.n) <= KEPT:
        return len(mine & theirs) / now.n
    smallest = heapq.nsmallest(KEPT, mine | theirs)
    alike = sum(each in mine and each in theirs for each in smallest) / len(smallest)
    return min(1.0, alike / (1 + alike) * (now.n + before.n) / now.n)


def secret_of(folder: Path) -> bytes | None:
    """The secret of the data in a folder, made now if there is none; None if that fails.

    Args:
        folder: Of a data set's card. The secret is looked up there and in the folders above, so
            that data sets of the same patients can share one.
    """
    for place in (folder, *folder.parents):
        try:
            return _read(place / SECRET)
        except OSError:
            continue
    try:
        file = os.open(folder / SECRET, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another run was quicker
        return _read(folder / SECRET)
    except OSError:
        return None
    with os.fdopen(file, "w") as opened:
        opened.write(secrets.token_hex(32) + "\n")
    return _read(folder / SECRET)


def _read(file: Path) -> bytes:
    return hashlib.sha256(file.read_bytes().strip()).digest()

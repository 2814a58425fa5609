"""Results that can be made again at any time, kept in the cache: classifiers, maps of embeddings.

What decides a result is its name: what it is made from, all code of this package, and the
libraries that compute it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import audit_suite
from audit_suite.cards import canonical_digest
from audit_suite.evidence.cache import ArrayCache, Arrays
from audit_suite.evidence.pixels import library_versions

_LIBRARIES = ("numpy", "scipy", "scikit-learn")
_kept: list[tuple[Path, ArrayCache]] = []  # one for all that this process makes


def remember_results(folder: Path | None) -> None:
    """Keep results in a folder from now on; None to keep no more."""
    if folder is None:
        _kept.clear()
    elif not _kept or _kept[0][0] != folder:
        _kept[:] = [(folder, ArrayCache(folder / "results"))]


def again(make: Callable[[], Arrays], *of: Any, arrays: tuple[NDArray[Any], ...] = ()) -> Arrays:
    """The arrays that a function makes; those of before, if all that decides them is the same.

    Args:
        make: Makes them, by code of this package alone.
        *of: Numbers and texts that decide them, the first a name of what is made.
        arrays: Arrays that decide them.
    """
    if not _kept:
        return make()
    store = _kept[0][1]
    parts = [[str(a.dtype), list(a.shape), hashlib.sha256(_bytes(a)).hexdigest()] for a in arrays]
    key = canonical_digest([_code(), library_versions(_LIBRARIES), *of, *parts])
    kept = store.read(key)
    if kept is None:
        kept = make()
        store.write(key, kept)
    return kept


def _bytes(array: NDArray[Any]) -> bytes:
    return np.ascontiguousarray(array).tobytes()


@cache
def _code() -> str:
    """SHA-256 of this package's code: a result of other code is made anew."""
    digest = hashlib.sha256()
    root = Path(audit_suite.__file__).parent
    for path in sorted(root.rglob("*.py")):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()

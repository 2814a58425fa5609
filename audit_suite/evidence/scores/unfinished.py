"""Finished batches of a shard that is in hand, kept so that a rerun does not score them again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from audit_suite.cards import canonical_digest
from audit_suite.evidence.scores.columns import ShardColumns
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.evidence.source import EvidenceSource
from audit_suite.evidence.store import UNFINISHED, Arrays

_EXCLUDED = "excluded"


class Unfinished:
    """What is kept of a shard until all of it is stored: one file for each batch and model.

    Args:
        source: The store, and the digests of models and data set.
        unit: Name and number of the unit of work, as it is claimed.
        columns: The columns of the shard that are filled, by request.
        start: Index of the shard's first image.
    """

    def __init__(
        self,
        source: EvidenceSource,
        unit: tuple[str, int],
        columns: Mapping[ScoreRequest, ShardColumns],
        start: int,
    ) -> None:
        self._store = source.store
        self._unit = "-".join(map(str, unit))
        self._start = start
        self._columns: dict[str, dict[str, ShardColumns]] = {}  # by subject, then by store key
        for request, column in columns.items():
            mine = self._columns.setdefault(source.subject(request), {})
            mine[request.key(source, unit[1])] = column
        self._kept: list[str] = []

    def restore(self, batch: Sequence[int], excluded: dict[int, str]) -> bool:
        """Fill in the rows of a batch, if all of it was kept.

        Args:
            batch: Indices of its images.
            excluded: Gets why images of it could not be used.
        """
        parts: list[tuple[ShardColumns, Arrays]] = []
        for subject, columns in self._columns.items():
            key = self._key(subject, batch)
            arrays = self._store.read(key)
            if arrays is None:
                return False
            self._kept.append(key)
            for own, column in columns.items():
                mine = {n[len(own) + 1 :]: a for n, a in arrays.items() if n.startswith(own)}
                if not mine:
                    return False
                parts.append((column, mine))
            excluded.update(json.loads(arrays[_EXCLUDED].tobytes()))
        for column, mine in parts:
            column.put([index - self._start for index in batch], mine)
        return True

    def keep(self, batch: Sequence[int], excluded: Mapping[int, str]) -> None:
        """Keep the rows of a batch that every request was scored on.

        Args:
            batch: Indices of its images.
            excluded: Why images could not be used.

        Raises:
            AuditError: If the disk is full; what was kept before stays.
        """
        rows = [index - self._start for index in batch]
        why = json.dumps([[i, excluded[i]] for i in batch if i in excluded]).encode()
        for subject, columns in self._columns.items():
            arrays: Arrays = {_EXCLUDED: np.frombuffer(why, np.uint8)}
            for own, column in columns.items():
                arrays |= {f"{own}/{name}": array for name, array in column.rows(rows).items()}
            key = self._key(subject, batch)
            self._store.write(key, arrays, subject)
            self._kept.append(key)

    def clear(self) -> None:
        """Remove what was kept: the shard is stored."""
        while self._kept:
            self._store.discard(self._kept.pop())

    def _key(self, subject: str, batch: Sequence[int]) -> str:
        content = canonical_digest([subject, batch[0], batch[-1]])
        return f"{UNFINISHED}/{self._unit}-{content[:32]}"

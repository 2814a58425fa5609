"""A shard that this process has claimed: filled batch by batch, stored as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from audit_suite.evidence.scores.columns import ShardColumns
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.evidence.scores.scoring import Read
from audit_suite.evidence.scores.unfinished import Unfinished
from audit_suite.evidence.source import EvidenceSource


class ShardInHand:
    """The missing scores of one shard.

    Attributes:
        indices: Its images.
        columns: What is filled, by request.
        excluded: Why images could not be used, by index.
        left: The portions that an earlier run did not keep.
    """

    def __init__(
        self,
        source: EvidenceSource,
        unit: tuple[str, int],
        requests: Sequence[ScoreRequest],
        indices: range,
        portions: Sequence[range],
        claim: ExitStack,
    ) -> None:
        """Take up what an earlier run kept of it.

        Args:
            source: The store, and the digests of models and data set.
            unit: Name and number of the unit of work, as it is claimed.
            requests: What is missing.
            indices: Its images.
            portions: The same, each of which is kept as a whole.
            claim: Ends the claim.
        """
        self._source, self._shard, self._claim = source, unit[1], claim
        self.indices = indices
        self.columns = {r: ShardColumns(len(indices), len(r.model.targets)) for r in requests}
        self.excluded: dict[int, str] = {}
        self._kept = Unfinished(source, unit, self.columns, indices.start)
        self.left = [p for p in portions if not self._kept.restore(p, self.excluded)]

    def finish(
        self, reads: Sequence[Read], ends: Sequence[int], failed: Callable[[ScoreRequest], bool]
    ) -> None:
        """Read a batch back; keep the portion that it completes, or store the shard and let it go.

        Args:
            reads: What reads the results into the columns.
            ends: `staging.Staged.ends`.
            failed: Whether a request has a recorded failure; nothing is stored of it.
        """
        for read in reads:
            read()
        if not self.left or (ends and ends[-1] == self.left[-1][-1]):
            self._store(failed)
            self._claim.close()
        elif ends and not any(map(failed, self.columns)):
            self._kept.keep(ends, self.excluded)

    def _store(self, failed: Callable[[ScoreRequest], bool]) -> None:
        excluded = {index - self.indices.start: why for index, why in self.excluded.items()}
        for request, column in self.columns.items():
            if not failed(request):
                key, subject = request.key(self._source, self._shard), self._source.subject(request)
                self._source.store.write(key, column.arrays(excluded), subject)
        self._kept.clear()

"""Sources of evidence in a process that works for a judge: like the judge's, and seen alive."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from audit_suite.cards import DatasetCard
from audit_suite.datasets import Dataset
from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceSource, EvidenceStore
from audit_suite.evidence.part import Part
from audit_suite.evidence.remote import Mirror
from audit_suite.evidence.twin import Twin
from audit_suite.pulse import beating


class _Alive(EvidenceStore):
    """Who waits for another process's work is alive."""

    @contextmanager
    def _locked(self, name: str, wait: bool) -> Iterator[bool]:
        with beating():
            locked = super()._locked(name, wait)
            granted = locked.__enter__()
        try:
            yield granted
        finally:
            locked.__exit__(None, None, None)


class _AliveMirror(_Alive, Mirror):
    """The same for a mirror."""


class _Source(EvidenceSource):
    """The judge's source; who reads a data set is alive."""

    def dataset(self, card: DatasetCard) -> Dataset:
        if card in self._datasets:
            return super().dataset(card)
        with beating():  # in a thread, which takes longer to start than a look-up
            return super().dataset(card)


class Sources:
    """The sources of a process, each made once, whichever part of the work is asked for.

    Args:
        elsewhere: Whether this may be another machine than the judge's: it has a network, and a
            mirror of its own.
    """

    def __init__(self, elsewhere: bool = False) -> None:
        self._elsewhere = elsewhere
        self._made: dict[Twin, EvidenceSource] = {}

    def of(self, twin: Twin) -> EvidenceSource:
        """The source that is like the judge's.

        Raises:
            AuditError: If the store cannot be reached from here.
        """
        known = replace(twin, part=Part(), among=Part())
        if known not in self._made:
            self._made[known] = _Source(
                self._store(twin),
                twin.profile,
                max_cases=twin.max_cases,
                explaining=twin.explaining,
                cache=twin.cache,
            )
        self._made[known].store.part, self._made[known].among = twin.part, twin.among
        return self._made[known]

    def _store(self, twin: Twin) -> EvidenceStore:
        if not self._elsewhere:
            return _Alive(twin.root)
        if twin.url is not None:
            return _AliveMirror(twin.url, Path(tempfile.mkdtemp(prefix="audit-")))
        if not twin.root.is_dir():
            raise AuditError(
                f"--audit-evidence: a machine of the cluster does not see the folder {twin.root}",
                "name a folder that all machines share, or an address such as s3://bucket/folder",
            )
        return _Alive(twin.root)

"""Scores are read back without what few needs use: wide columns stay on the disk."""

from __future__ import annotations

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
from cards import model_card, phantom_card

from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.evidence.keys import SHARD
from audit_suite.evidence.store import pack_lines
from audit_suite.maskings import Full

SHARDS, WIDTH = 12, 1024
MEGABYTE = 1 << 20


class Source(EvidenceSource):
    """A model and a data set that are nothing but a digest."""

    def dataset(self, card):
        return SimpleNamespace(digest="data", cases=range(SHARDS * SHARD))

    def model_digest(self, card, fold):
        return "model"


def shard(number):
    rng = np.random.default_rng(number)
    return {
        "scores": rng.normal(size=(SHARD, 1)),
        "hidden_fraction": rng.random(SHARD, np.float32),
        "covered_fraction": rng.random(SHARD, np.float32),
        "used": rng.random(SHARD) < 0.99,
        "embeddings": rng.random((SHARD, WIDTH), np.float32),
        "excluded": pack_lines([f"row {number}: is broken"]),
    }


@pytest.fixture
def asked(tmp_path):
    """A source with everything stored, and the request for it."""
    source = Source(EvidenceStore(tmp_path), EvidenceProfile(device="cpu", threads=1), offline=True)
    model = model_card(tmp_path, targets=("consolidation",))
    (request,) = Cell(model, (None,), phantom_card(tmp_path), "consolidation").requests(Full())
    for number in range(SHARDS):
        source.store.write(request.key(source, number), shard(number))
    return source, request


def test_a_table_holds_its_scores_and_reads_the_rest_when_asked(asked):
    source, request = asked
    tracemalloc.start()
    try:
        table = source.read(request)
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < MEGABYTE, "12 MB of embeddings are not kept"
    assert most < 5 * MEGABYTE, "and are checked shard by shard"
    columns = table.scores, table.hidden_fraction, table.covered_fraction, table.used
    assert sum(column.nbytes for column in columns) == 17 * SHARDS * SHARD
    assert table.outlines is None
    for name in ("scores", "hidden_fraction", "used", "embeddings"):
        whole = np.concatenate([shard(number)[name] for number in range(SHARDS)])
        assert np.array_equal(getattr(table, name), whole)
    assert table.excluded == tuple(f"row {number}: is broken" for number in range(SHARDS))


def test_evidence_that_vanishes_after_it_was_read_is_an_error_that_says_so(asked):
    source, request = asked
    table = source.read(request)
    source.store.discard(request.key(source, 3))
    with pytest.raises(AuditError, match="stored is gone or damaged"):
        table.embeddings  # noqa: B018


def test_wide_columns_are_checked_with_the_rest(asked):
    source, request = asked
    file = source.store.root / request.key(source, 0)[:2]
    (file,) = file.glob(f"{request.key(source, 0)}*")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1  # among the embeddings, which are most of it
    file.write_bytes(data)
    with pytest.raises(AuditError, match="lacks the evidence"):
        source.read(request)

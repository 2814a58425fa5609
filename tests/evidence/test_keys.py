"""Store keys: the same as ever for what ships, and others where an extension's source changes."""

from __future__ import annotations

import importlib
import sys
from types import SimpleNamespace

import pytest
from cards import model_card, phantom_card

from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.maskings import Masking, WithoutROI

# Of the engine's version 8: while they stay the same, stored evidence stays valid. Digest of the
# masking as named, then the key of shard 1 of its scores.
SCORES = {
    "full": (
        "f8b89999c79e20d3ecf5138870f2755c425aa544c6888365bb02059909a353e8",
        "bbe470ac271884836de276bfaccd6f1bb23c2818f10ecd3df3344df6dd6afd38",
    ),
    "without-roi": (
        "47cda170f5166e5ca50f827c58eca22144894eb398fdc7a732ccfe8316f708c3",
        "af4652d64ad4a7f016dbe13bafe4ffcc94e1ce54d5d0cd11911586b683b56c13",
    ),
    "without-roi-mean": (
        "eccc9896db4c64473625fc36da794185059329b2410e4d4b36b6acb866dee3d6",
        "2187c5a35e6de9db2376522c583828c464a7fb721197d825a47d91b6c44c636f",
    ),
    "without-roi-blur": (
        "c080e4c7d122eb1e73a11e9e6fc5ddf4db16fb1baad2b95e8c82afd9d101c342",
        "14f1c3c3427a7617c2f6553984b1b8478d959257b85df7766be0b7c322ddc1c4",
    ),
    "without-roi-noise": (
        "57fdb3fc701af1d05ff368cad34fedc2bd11066e274ecfc64adcb8c64ae7ad89",
        "94f145a8052e8bfef08b19d0049c10f8c183d4bd440b77d41a0b618fadc6ec40",
    ),
    "without-roi-inpaint": (
        "0fda7845e0b695e3a5a8854e3a02f65b5966a6ae561775596311954b307d646c",
        "855d24672f5952b99d9cddff31323e15f91545fd65576499de95ee377c527e27",
    ),
    "without-roi-swap": (
        "0ae3f2d0c027b9da3ad367826081440cc2f5c92a035d0663eef824b85e81ab42",
        "b3bd3f9eee99ffe7c2134fcb802160755676d8b378cab1a154b599a05e8346a7",
    ),
    "without-roi-box-foreign-d3-mean": (
        "18211dca1a15cd8dc15c31c9fe278bb6fdf1a7926395d58461568c089bd7513b",
        "fc73e35e11ebcc18016e942b804c5711943242a0a6cc9548809bc4b840878019",
    ),
    "only-roi-window-centre": (
        "3f7e0a5aa6e2bee5d65080caccdf49b0883100b6d8b6bc8667b7ed7af3475bb7",
        "35e4581593d5ae80384944291ecad8dea36fa770a091836686c8757d593d1630",
    ),
    "without-roi-plant-inside": (
        "8221d5f6dcdcda875fae4cf16e869ca028ee3f07e17c1edfa98f1b14f049fa14",
        "b3845646f5b9682b53c3bc320f05b0729d6939823d7f014e8112eac7585c2301",
    ),
    "only-lungs-e2": (
        "43c44f0bc70905430e1ac3b88c93d6d28a25a8fe06bb6dcad90e34a49967bc7c",
        "d3b8015c639ebf4c8b91e6fae30009450689682e4220f555e4d3cd871ffe4435",
    ),
}
MAPS = {
    "region-shapley": "7d029c8589e3b4e5d3786cd87a7aed86b9970889b0aa1f1b005898685bb585f6",
    "gradient": "19ea232a764a26a636f55ef1f09338fc9990d6bea038ba4f529a508bc284683a",
    "grad-cam": "1f123f60bd554ec1b0854a095f30ce085d5140effaabb50fa5fb4a82739b8f10",
}
FILL = """
from dataclasses import dataclass
from audit_suite.extend import Fill, register_fill

@dataclass(frozen=True)
class Grey(Fill):
    level: float
    name = "grey"

    def __call__(self, visible, hidden, around):
        return visible + self.level * {factor}

def bring(level):
    register_fill(Grey(level))
"""


class Source(EvidenceSource):
    """A model and a data set that are nothing but a digest."""

    def dataset(self, card):
        return SimpleNamespace(digest="data", cases=range(300))

    def model_digest(self, card, fold):
        return "model"


@pytest.fixture
def source(tmp_path):
    return Source(EvidenceStore(tmp_path), EvidenceProfile(device="cpu", threads=1))


@pytest.fixture
def cell(tmp_path):
    model = model_card(tmp_path, targets=("consolidation",))
    return Cell(model, (None,), phantom_card(tmp_path), "consolidation")


@pytest.mark.parametrize("id", SCORES)
def test_keys_of_scores_are_as_they_were(cell, source, id):
    digest, key = SCORES[id]
    assert Masking.parse(id).digest == digest
    (request,) = cell.requests(Masking.parse(id))
    assert request.key(source, 1) == key
    assert request.keys(source) == [request.key(source, 0), key]


@pytest.mark.parametrize("method", MAPS)
def test_keys_of_attributions_are_as_they_were(cell, source, method):
    (request,) = cell.explanations(method)
    assert request.keys(source) == [MAPS[method]]


def test_an_extensions_fill_is_keyed_by_its_source_and_settings(
    cell, source, tmp_path, monkeypatch
):
    """A fill that was edited would else be answered with what it showed before."""
    monkeypatch.syspath_prepend(tmp_path)
    keys = []
    for level, factor in ((0.5, 1), (0.5, 0.75), (0.25, 1), (0.5, 1)):
        (tmp_path / "grey_pack.py").write_text(FILL.format(factor=factor))
        importlib.invalidate_caches()
        monkeypatch.delitem(sys.modules, "grey_pack", raising=False)
        importlib.import_module("grey_pack").bring(level)
        (request,) = cell.requests(WithoutROI(fill="grey"))
        keys.append(request.key(source, 0))
    assert keys[0] == keys[3]
    assert len(set(keys)) == 3
    (other,) = cell.requests(WithoutROI())
    assert other.key(source, 1) == SCORES["without-roi"][1], "of no concern to other fills"

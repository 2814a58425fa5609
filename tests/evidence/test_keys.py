"""Store keys: the same as ever for what ships, and others where an extension's source changes."""

from __future__ import annotations

import importlib
import sys
from types import SimpleNamespace

import pytest
from cards import model_card, phantom_card

from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.maskings import Masking, WithoutROI

# Of the engine's version 10: while they stay the same, stored evidence stays valid. Digest of the
# masking as named, then the key of shard 1 of its scores.
SCORES = {
    "full": (
        "f8b89999c79e20d3ecf5138870f2755c425aa544c6888365bb02059909a353e8",
        "335e0377724c13d4566cee741cfe84029763fdd29dea87b288bd944d1bd7cfb4",
    ),
    "without-roi": (
        "47cda170f5166e5ca50f827c58eca22144894eb398fdc7a732ccfe8316f708c3",
        "d14292e61b26dd8fe5748aaa06432cebbb0dc2ed20666cb64f8e532fcd38a9ad",
    ),
    "without-roi-mean": (
        "eccc9896db4c64473625fc36da794185059329b2410e4d4b36b6acb866dee3d6",
        "f3b023bc8f7a09f51a3bc9563b57e81529cdeb345f27668e310445b0a14b9382",
    ),
    "without-roi-blur": (
        "c080e4c7d122eb1e73a11e9e6fc5ddf4db16fb1baad2b95e8c82afd9d101c342",
        "216ef024d8aac500bb549d684dcceef2cd4b5e0a319ff9eb109bdeded90d638b",
    ),
    "without-roi-noise": (
        "57fdb3fc701af1d05ff368cad34fedc2bd11066e274ecfc64adcb8c64ae7ad89",
        "4f8a6b70da2d16af1772fc6822f5ef22097f66fc78548b5707218b84bcd3fe87",
    ),
    "without-roi-inpaint": (
        "0fda7845e0b695e3a5a8854e3a02f65b5966a6ae561775596311954b307d646c",
        "6dbe15e1322af3c5f3c2a45eae0afc944a576c3e0f38751f84f4a40718dd67cc",
    ),
    "without-roi-swap": (
        "0ae3f2d0c027b9da3ad367826081440cc2f5c92a035d0663eef824b85e81ab42",
        "6182c41566b3791a6822ddbd9be80decb09806dc72dc605585be0a70072a2c66",
    ),
    "without-roi-box-foreign-d3-mean": (
        "18211dca1a15cd8dc15c31c9fe278bb6fdf1a7926395d58461568c089bd7513b",
        "93276779c38db7fd0d9bbd46ca4bc10825f1d3c507c6c123eedcf45e329f10a7",
    ),
    "only-roi-window-centre": (
        "3f7e0a5aa6e2bee5d65080caccdf49b0883100b6d8b6bc8667b7ed7af3475bb7",
        "8a1ab4eee3abf6d69c6338e1ca68f2e9624fa6b8406cf9293c7d807a7c031bfc",
    ),
    "without-roi-plant-inside": (
        "8221d5f6dcdcda875fae4cf16e869ca028ee3f07e17c1edfa98f1b14f049fa14",
        "3b54ec5ee47c66689e0f708338d1e110bb2fcc7a5f728770dddb8923b6647984",
    ),
    "only-lungs-e2": (
        "43c44f0bc70905430e1ac3b88c93d6d28a25a8fe06bb6dcad90e34a49967bc7c",
        "ddfda12f6a97b2891b6b884d5fb442e15fcd5ab5f4ee1a7d208e9251bb5002c3",
    ),
}
MAPS = {
    "region-shapley": "56aac20728ad91239d6f30ecc56fca8b5163de76be991cf83adf6cd1cf772459",
    "gradient": "34ff1d45952bdfcaa8a8204ddc22edd5152e8004a2cb16f512b17ca4c7150a7e",
    "grad-cam": "195e12e8b5cdd10ecccd0bdb7c234923ea3bdbf4d1ba8e0ffcbfc1c596d749b1",
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

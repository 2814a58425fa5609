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
        "5d7faa7f08600c2af014e89c9482efabf58d7c1454380442ce79696163f1ea3f",
    ),
    "without-roi": (
        "47cda170f5166e5ca50f827c58eca22144894eb398fdc7a732ccfe8316f708c3",
        "07988e77006318c1c4312b0430380d6c43cd0cfc9f80f9f0953569464f68232f",
    ),
    "without-roi-mean": (
        "eccc9896db4c64473625fc36da794185059329b2410e4d4b36b6acb866dee3d6",
        "cf8633201befac2962bf1b378dca38b8ebf936573862c68955a99b180ff0255d",
    ),
    "without-roi-blur": (
        "c080e4c7d122eb1e73a11e9e6fc5ddf4db16fb1baad2b95e8c82afd9d101c342",
        "e2b94d6277d8961d6e9aae47408341e9d4b12ee63f73160d6e473b8ab9ffb442",
    ),
    "without-roi-noise": (
        "57fdb3fc701af1d05ff368cad34fedc2bd11066e274ecfc64adcb8c64ae7ad89",
        "d2fbd1f6ff54d88a8b238355f4cb3eee3b39bf669b201be2417f6b3760845d0b",
    ),
    "without-roi-inpaint": (
        "0fda7845e0b695e3a5a8854e3a02f65b5966a6ae561775596311954b307d646c",
        "1024c78811f6944e46a8375df118e0402c41be54be94351da10d602e9cc0032e",
    ),
    "without-roi-swap": (
        "0ae3f2d0c027b9da3ad367826081440cc2f5c92a035d0663eef824b85e81ab42",
        "923c0a12d744b4a1cc8d7a5fa9db1d612b91be3ee42f41384800455bc492e66b",
    ),
    "without-roi-box-foreign-d3-mean": (
        "18211dca1a15cd8dc15c31c9fe278bb6fdf1a7926395d58461568c089bd7513b",
        "8ceb766be28a21712295ef5f1cca0ef5ee80dbefd9d3ed7be35d134df75e706c",
    ),
    "only-roi-window-centre": (
        "3f7e0a5aa6e2bee5d65080caccdf49b0883100b6d8b6bc8667b7ed7af3475bb7",
        "b28d601985d33bb8f0cc5e3ccf1c956121ac45615386ee4c6d36b9a5513df784",
    ),
    "without-roi-plant-inside": (
        "8221d5f6dcdcda875fae4cf16e869ca028ee3f07e17c1edfa98f1b14f049fa14",
        "1261bba73ef06e85fdc99256d6251d6320c5eef4927582644547dc11dfaa19bb",
    ),
    "only-lungs-e2": (
        "43c44f0bc70905430e1ac3b88c93d6d28a25a8fe06bb6dcad90e34a49967bc7c",
        "637bcc2169a1b601a8fc2af0f2cc236641f20bd3ca09c5228ce2447be99e73ca",
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

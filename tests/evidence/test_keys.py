"""Store keys: the same as ever for what ships, and others where an extension's source changes."""

from __future__ import annotations

import importlib
import sys
from types import SimpleNamespace

import pytest
from cards import model_card, phantom_card

from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.maskings import Masking, WithoutROI

# Computed at 73278a7, before fills were files and requests keyed themselves: stored evidence stays
# valid. Digest of the masking as named, then the key of shard 1 of its scores.
SCORES = {
    "full": (
        "f8b89999c79e20d3ecf5138870f2755c425aa544c6888365bb02059909a353e8",
        "99cc24360e2b2f1195d343cd1ab981afe477a1ad933924636a97a81358fe1e0c",
    ),
    "without-roi": (
        "47cda170f5166e5ca50f827c58eca22144894eb398fdc7a732ccfe8316f708c3",
        "9983531ced3dfc13bde6d3dcca52a65d3e10c4c3cfe9bd2144f88679f4271925",
    ),
    "without-roi-mean": (
        "eccc9896db4c64473625fc36da794185059329b2410e4d4b36b6acb866dee3d6",
        "6293ed7924c78eed2b83a4d459575827a8572057c9aa92b79c21c18a9572a7b6",
    ),
    "without-roi-blur": (
        "c080e4c7d122eb1e73a11e9e6fc5ddf4db16fb1baad2b95e8c82afd9d101c342",
        "1d7943538628fd3f12371640edfc50ffc7edf462b45a033df7f1b9813fe8c3fe",
    ),
    "without-roi-noise": (
        "57fdb3fc701af1d05ff368cad34fedc2bd11066e274ecfc64adcb8c64ae7ad89",
        "3941846880dfae3ce5d5db35ee3a71a9f3102b6c91acf738a155a45876d3720b",
    ),
    "without-roi-inpaint": (
        "0fda7845e0b695e3a5a8854e3a02f65b5966a6ae561775596311954b307d646c",
        "8040c4ff599c748960e6ac650f2a60fea11a262a464ef8e46e8fcae9064d538e",
    ),
    "without-roi-swap": (
        "0ae3f2d0c027b9da3ad367826081440cc2f5c92a035d0663eef824b85e81ab42",
        "f031323b776a327c381260074c322444110dc27295c1ed07530672825a844659",
    ),
    "without-roi-box-foreign-d3-mean": (
        "18211dca1a15cd8dc15c31c9fe278bb6fdf1a7926395d58461568c089bd7513b",
        "93ae51fc9d52226fecb9eec5baf9a7781cab242ca4032dbf54c0c9e6bf042bce",
    ),
    "only-roi-window-centre": (
        "3f7e0a5aa6e2bee5d65080caccdf49b0883100b6d8b6bc8667b7ed7af3475bb7",
        "f155a61ec66c42895d2d7634b7547a46fb319653983c398b53bb38a43290682b",
    ),
    "without-roi-plant-inside": (
        "8221d5f6dcdcda875fae4cf16e869ca028ee3f07e17c1edfa98f1b14f049fa14",
        "a3e14475ce7ff93b1e2947ae1279315991fc1d1d26887376aa516c7f02f37193",
    ),
    "only-lungs-e2": (
        "43c44f0bc70905430e1ac3b88c93d6d28a25a8fe06bb6dcad90e34a49967bc7c",
        "072d3841dd4dc6a79faebf3808dbff9a086b4cef1262a3cf7ea91527404591e5",
    ),
}
MAPS = {
    "region-shapley": "dc34ccab75388d7b123319e4e43acd33e2adf8160807a3b0cba724d326c102bb",
    "gradient": "102dded870439fb7cecfd1beff111da0a81b3ccdbec3fed4e691566fb94228fa",
    "grad-cam": "0a17841fc3df90f1c708e7fb5d64d045fcaee153c73c8ab0d6beb782348f958f",
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

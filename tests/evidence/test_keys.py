"""Store keys: the same as ever for what ships, and others where an extension's source changes."""

from __future__ import annotations

import importlib
import sys
from types import SimpleNamespace

import pytest
from cards import model_card, phantom_card

from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.maskings import Masking, WithoutROI

# Of the engine's version 9: while they stay the same, stored evidence stays valid. Digest of the
# masking as named, then the key of shard 1 of its scores.
SCORES = {
    "full": (
        "f8b89999c79e20d3ecf5138870f2755c425aa544c6888365bb02059909a353e8",
        "1d8cc726f538d63296d2af0da567497b41911077beb1d8ef256c68980249c59f",
    ),
    "without-roi": (
        "47cda170f5166e5ca50f827c58eca22144894eb398fdc7a732ccfe8316f708c3",
        "3a061c6a0041f65bc1eb6eb9a5e698f5400db0c403b94a1772799fcf594ed145",
    ),
    "without-roi-mean": (
        "eccc9896db4c64473625fc36da794185059329b2410e4d4b36b6acb866dee3d6",
        "ac872d8c391e9d11496bbb810ae54cb40f58f033a86ec8738de52534419d5f77",
    ),
    "without-roi-blur": (
        "c080e4c7d122eb1e73a11e9e6fc5ddf4db16fb1baad2b95e8c82afd9d101c342",
        "e7926dde45992109125e4652c2eee4f484c60d7f7c43449d6391844e90b3b47d",
    ),
    "without-roi-noise": (
        "57fdb3fc701af1d05ff368cad34fedc2bd11066e274ecfc64adcb8c64ae7ad89",
        "a35f715cc73c2aa020749c35c1e23eedef2a8b159d7ffe24ba37693b18d089c0",
    ),
    "without-roi-inpaint": (
        "0fda7845e0b695e3a5a8854e3a02f65b5966a6ae561775596311954b307d646c",
        "e127fac47006d4d30fda09b0360333323f1285d298f6728ad0b17ef9cc7b5d3b",
    ),
    "without-roi-swap": (
        "0ae3f2d0c027b9da3ad367826081440cc2f5c92a035d0663eef824b85e81ab42",
        "5898b1e54d1b51787067fdc66282731dd7604febebc906acc0ed3e3a486fb5bf",
    ),
    "without-roi-box-foreign-d3-mean": (
        "18211dca1a15cd8dc15c31c9fe278bb6fdf1a7926395d58461568c089bd7513b",
        "5e266d7b18e46792ed94e2a5c7f3495d6bf5b870e163f4d2c80f186f6988a406",
    ),
    "only-roi-window-centre": (
        "3f7e0a5aa6e2bee5d65080caccdf49b0883100b6d8b6bc8667b7ed7af3475bb7",
        "2f0ab20fc9bc6a94c14bd541bc58b8890b53140e47e3ba1407fcbc9cbca2430a",
    ),
    "without-roi-plant-inside": (
        "8221d5f6dcdcda875fae4cf16e869ca028ee3f07e17c1edfa98f1b14f049fa14",
        "2636aadc08d624ce39fdcf938e72062d6aa8746928a39737e4aab79e4dbccbdb",
    ),
    "only-lungs-e2": (
        "43c44f0bc70905430e1ac3b88c93d6d28a25a8fe06bb6dcad90e34a49967bc7c",
        "413f524e9e1c3c47865b8b5b4adbd963915fb0a923e09125a993912f74d6d6e4",
    ),
}
MAPS = {
    "region-shapley": "e433231ad1e4325f256525267cfeeb5a4a30df3a860bb41f82a93324079a966b",
    "gradient": "d3ff476dc31d1e3180e88df40f84bce4f9165910d8dafe0d8fc78d1d0b9db58f",
    "grad-cam": "2ea69c379bf056b13c5c0c6a7cafa89bbffdd83080289bab66ec4734f66e484b",
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

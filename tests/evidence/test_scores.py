"""Scores: one decode an image, one forward pass a masked image, the same bits however split."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cards import model_card, phantom_card
from evidence.seeing import count_decodes
from maskings.showing import shown

from audit_suite.cards import DatasetCard
from audit_suite.errors import AuditError
from audit_suite.evidence import (
    Cell,
    EvidenceProfile,
    EvidenceSource,
    EvidenceStore,
    choose_profile,
    compute,
    plan,
)
from audit_suite.evidence.scores import scoring
from audit_suite.maskings import Full, OnlyROI, WithoutROI
from audit_suite.models.preprocessing import fit_geometry
from audit_suite.regions import signed_distance, union
from audit_suite.report.section import Gathered
from audit_suite.sections.gallery import collect as gallery
from audit_suite.verdict import NotApplicable

MODEL = """
import torch
from torch import nn

class Mean(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.features = nn.Flatten()
        self.factor = factor
    def forward(self, batch):
        flat = self.features(batch)
        return torch.stack([self.factor * flat.mean(1), flat[:, ::7].std(1)], dim=1)

def mean(factor=1.0):
    return Mean(factor)
"""

MASKINGS = (
    Full(),
    WithoutROI(),
    WithoutROI(shape="box", fill="mean"),
    OnlyROI(fill="noise"),
    WithoutROI(fill="blur"),
)


@pytest.fixture
def dataset(tmp_path):
    return phantom_card(tmp_path, patients=300)


@pytest.fixture
def model(tmp_path):
    (tmp_path / "net.py").write_text(MODEL)

    def make(name="m", factor=1.0, size=32):
        return model_card(
            tmp_path,
            f'arguments = {{ factor = {factor} }}\nembedding_layer = "features"',
            name=name,
            targets=("consolidation", "other"),
            architecture="net.py:mean",
            activation="none",
            size=size,
        )

    return make


def source(tmp_path, name="store", **more):
    profile = EvidenceProfile(device="cpu", threads=1, **more)
    return EvidenceSource(EvidenceStore(tmp_path / name), profile)


def requests(model, dataset, maskings=MASKINGS):
    cell = Cell(model, (None,), dataset, "consolidation")
    return [request for masking in maskings for request in cell.requests(masking)]


@pytest.fixture
def counted(monkeypatch):
    """How often each image is decoded, by index, and how many batches models are shown."""
    counts = count_decodes(monkeypatch)
    forward = scoring.normalise

    def counting_forward(batch, spec):
        counts["batches"] += 1
        return forward(batch, spec)

    monkeypatch.setattr(scoring, "normalise", counting_forward)
    return counts


def test_one_decode_an_image_for_all_maskings_and_models(tmp_path, dataset, model, counted):
    wanted = requests(model("a"), dataset) + requests(model("b", size=48), dataset)
    compute(wanted, source(tmp_path))
    decodes = [count for key, count in counted.items() if key != "batches"]
    assert decodes == [1] * 300
    # Of 256 images, then 44 as 32 and 16 at 32 pixels; of 128, 128, 32, 8 and 8 at 48.
    batches = 3 + 5
    assert counted["batches"] == len(MASKINGS) * batches, "one forward pass a masked image"


def test_a_second_run_computes_nothing_and_new_maskings_only_themselves(
    tmp_path, dataset, model, counted
):
    card = model()
    compute(requests(card, dataset), source(tmp_path))
    counted.clear()
    compute(requests(card, dataset), source(tmp_path))
    assert not counted
    compute(requests(card, dataset, [*MASKINGS, WithoutROI(dilation=3)]), source(tmp_path))
    assert counted["batches"] == 3


def test_scores_are_the_models_own(tmp_path, dataset, model):
    card, here = model(factor=3.0), source(tmp_path)
    wanted = requests(card, dataset)
    compute(wanted, here)
    data = here.dataset(dataset)
    network = here.model(card, None)
    for index in (0, 255, 256, 299):
        sample = data.read(index)
        image, regions = fit_geometry(sample.image, sample.regions, card.input)
        distance = torch.from_numpy(signed_distance(union(regions, ("lungs",))))[None]
        for request in wanted[:2]:
            masked = shown(request.masking, torch.from_numpy(image)[None], distance, torch.zeros(1))
            scores, embedding = network(masked)
            table = here.read(request)
            assert table.scores[index] == pytest.approx(scores[0].numpy(), abs=1e-6)
            assert table.embeddings[index] == pytest.approx(embedding[0].numpy(), abs=1e-6)
    hidden = here.read(wanted[1]).hidden_fraction
    assert 0.1 < hidden.min() < hidden.max() < 0.5
    assert not here.read(wanted[0]).hidden_fraction.any()


def test_the_same_bits_in_any_order_and_company(tmp_path, dataset, model):
    card, other = model("a"), model("b", size=48)
    together, alone = source(tmp_path, "together"), source(tmp_path, "alone")
    compute(requests(card, dataset) + requests(other, dataset), together)
    for request in reversed(requests(card, dataset)):
        compute([request], alone)
    for request in requests(card, dataset):
        assert np.array_equal(together.read(request).scores, alone.read(request).scores)


def test_keys_follow_what_decides_scores(tmp_path, dataset, model):
    here, card = source(tmp_path), model()
    first, second = requests(card, dataset)[:2]
    changed = requests(model(factor=2.0), dataset)[0]
    assert first.key(here, 0) != first.key(here, 1) != second.key(here, 0)
    assert first.key(here, 0) == first.key(source(tmp_path, "elsewhere"), 0)
    assert first.key(here, 0) != first.key(source(tmp_path, seed=2), 0)
    assert first.key(here, 0) != changed.key(here, 0)


def test_an_interrupted_run_goes_on_where_it_stopped(
    tmp_path, dataset, model, counted, monkeypatch
):
    card, here = model(), source(tmp_path)
    write, written = here.store.write, []

    def stop_after_three(key, arrays, of):
        if len(written) == 3:
            raise KeyboardInterrupt
        write(key, arrays, of)
        written.append(key)

    monkeypatch.setattr(here.store, "write", stop_after_three)
    with pytest.raises(KeyboardInterrupt):
        compute(requests(card, dataset), here)
    counted.clear()
    again = source(tmp_path)
    assert sum(len(again.missing(request)) for request in requests(card, dataset)) == 7
    compute(requests(card, dataset), again)
    assert all(again.read_stored(request) is not None for request in requests(card, dataset))


def test_one_failing_model_does_not_keep_others(tmp_path, dataset, model):
    bad, good, here = model("bad", factor='"x"'), model("good"), source(tmp_path)
    compute(requests(bad, dataset) + requests(good, dataset), here)
    assert here.read(requests(good, dataset)[0]).used.all()
    with pytest.raises(AuditError, match=r"bad.toml"):
        here.read(requests(bad, dataset)[0])


def test_offline_reads_and_never_computes(tmp_path, dataset, model):
    card = model()
    offline = EvidenceSource(
        EvidenceStore(tmp_path / "s"), EvidenceProfile(device="cpu", threads=1), offline=True
    )
    with pytest.raises(AuditError, match="--audit-offline"):
        offline.read(requests(card, dataset)[0])


def test_plan_is_a_union_in_a_stable_order(dataset, model):
    wanted = requests(model(), dataset)
    assert plan([*wanted, *reversed(wanted)]) == plan(wanted)
    assert len(plan(wanted)) == len(MASKINGS)
    assert plan(wanted)[0].masking == Full()


def test_the_roi_is_the_targets(dataset, model):
    cell = Cell(model(), (None,), dataset, "consolidation")
    assert cell.requests(WithoutROI())[0].masking.region == ("lungs",)
    assert cell.requests(WithoutROI("heart"))[0].masking.region == ("heart",)
    bare: DatasetCard = dataset.model_copy(
        update={
            "targets": {
                "consolidation": dataset.targets["consolidation"].model_copy(update={"roi": ()})
            }
        }
    )
    with pytest.raises(NotApplicable, match="declares no ROI for 'consolidation'"):
        Cell(model(), (None,), bare, "consolidation").requests(WithoutROI())


def test_gallery_shows_two_positives_and_a_negative(tmp_path, dataset, model):
    card, here = model(), source(tmp_path)
    cell = Cell(card, (None,), dataset, "consolidation")
    shown = gallery(Gathered([cell], [], requests(card, dataset), here))
    assert next(image.masking for image in shown[:5]) == "full"
    assert [image.case for image in shown[::5]] == ["positive 1", "positive 2", "negative 1"]
    again = Gathered([cell], [], requests(card, dataset), source(tmp_path, "again"))
    assert shown == gallery(again)
    assert shown[1].hidden_fraction > 0.1


@pytest.mark.parametrize(
    ("size", "batch"),
    [
        ((64, 64), (128, 256)),
        ((224, 224), (8, 256)),
        ((512, 512), (2, 64)),
        ((2048, 2048), (1, 4)),
        ((32, 32), (256, 256)),
    ],
)
def test_batches_by_input_size(size, batch):
    devices = ("cpu", "cuda")
    assert tuple(EvidenceProfile(device=d, threads=1).batch_for(size) for d in devices) == batch
    assert EvidenceProfile(device="cpu", threads=1, batch_size=7).batch_for(size) == 7


def test_profile_is_part_of_the_evidence():
    assert choose_profile("cpu", None, 1).digest() != choose_profile("cpu", 8, 1).digest()


@pytest.mark.usefixtures("gpu")
def test_cpu_and_gpu_agree(tmp_path, dataset, model):
    card = model()
    cpu = source(tmp_path)
    gpu = EvidenceSource(EvidenceStore(tmp_path / "gpu"), EvidenceProfile(device="cuda", threads=1))
    for request in requests(card, dataset):
        assert np.allclose(cpu.read(request).scores, gpu.read(request).scores, atol=1e-5)

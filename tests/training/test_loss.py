"""Training learns from the labels there are: what is unlabelled pulls nowhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.nn import functional

from audit_suite.cards import InputSpec
from audit_suite.maskings import Full
from audit_suite.training.fit import _loss
from audit_suite.training.prepared import prepare_training

CARD = """
schema = 1
name = "d"
reader = "manifest"
manifest = "m.csv"
[columns]
patient = "image"
[targets.a]
column = "a"
missing = "exclude"
roi = ["lungs"]
[targets.b]
column = "b"
missing = "exclude"
roi = ["lungs"]
[regions.lungs]
column = "mask"
"""


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.3, 1.0]))
def test_the_loss_is_the_mean_over_known_labels(seed, unknown):
    rng = torch.Generator().manual_seed(seed)
    logits = torch.randn(7, 3, generator=rng, dtype=torch.float64).requires_grad_()
    labels = torch.randint(0, 2, (7, 3), generator=rng).double()
    labels[torch.rand(7, 3, generator=rng) < unknown] = -1
    loss = _loss(logits, labels)
    (pull,) = torch.autograd.grad(loss, logits)
    known = labels >= 0
    if not known.any():
        assert loss.item() == 0
    else:
        expected = functional.binary_cross_entropy_with_logits(logits[known], labels[known])
        assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    assert (pull[~known] == 0).all()
    assert (pull[known] != 0).all()


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_where_all_labels_are_known_the_loss_is_what_it_was_to_the_last_digit(seed):
    rng = torch.Generator().manual_seed(seed)
    logits = torch.randn(33, 5, generator=rng)
    labels = torch.randint(0, 2, (33, 5), generator=rng).float()
    before = functional.binary_cross_entropy_with_logits(logits, labels)
    assert _loss(logits, labels).item() == before.item()


def test_training_images_keep_the_labels_they_have(tmp_path):
    rows = ["image;mask;a;b"]
    for i in range(8):
        Image.fromarray(np.full((8, 8), 9 * i, np.uint8)).save(tmp_path / f"{i}.png")
        a, b = ("" if i == 3 else str(i % 2)), ("NA" if i in (0, 5) else str(i // 4))
        rows.append(f"{i}.png;m.png;{a};{b}")
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(tmp_path / "m.png")
    (tmp_path / "m.csv").write_text("\n".join(rows))
    (tmp_path / "d.toml").write_text(CARD)
    spec = InputSpec(size=(8, 8), channels=1, resize="stretch")
    where = tmp_path / "d.toml", ("b", "a"), None, spec, (Full(),), 1, tmp_path / "prepared"
    data = prepare_training(*where, print)
    assert data.labels.tolist() == [
        [-1, 0],
        [0, 1],
        [0, 0],
        [0, -1],
        [1, 0],
        [-1, 1],
        [1, 0],
        [1, 1],
    ]

"""The shortcuts that no rule was tuned on: each is drawn, and lies where it says."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audit_suite.cards import PhantomSpec
from audit_suite.phantoms import cohort, render

PACK = Path(__file__).parents[2] / "plugins" / "contrib" / "audit_unseen.py"
if not PACK.exists():
    pytest.skip("runs in a checkout, not beside an installed wheel", allow_module_level=True)
spec = importlib.util.spec_from_file_location("audit_unseen", PACK)
unseen = importlib.util.module_from_spec(spec)
spec.loader.exec_module(unseen)

OUTSIDE = {"ruler", "film_label", "clothing", "lead_shield"}
INSIDE = {"tube"}


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("name", unseen.SHORTCUTS)
def test_it_is_drawn_where_it_says_and_by_strength(name, size):
    card = PhantomSpec(kind="cxr", patients=12, size=size)
    changed, inside, faint = [], 0, []
    for number, case in enumerate(cohort(card, ("consolidation",))):
        image, regions = render(card, replace(case, planted=()))
        marked, weaker, none = (
            unseen.SHORTCUTS[name](image, regions, np.random.default_rng(number), strength)
            for strength in (1.0, 0.3, 0.0)
        )
        assert (marked.dtype, marked.shape) == (image.dtype, image.shape)
        assert np.array_equal(none, image)
        changed.append(int((marked != image).sum()))
        inside += int(((marked != image) & regions["lungs"]).sum())
        faint.append(np.abs(weaker - image.astype(float)).sum())
        assert faint[-1] <= np.abs(marked - image.astype(float)).sum() + 1e-9
    assert min(changed) > 0, "in every patient"
    if name in OUTSIDE:
        assert inside == 0
    elif name in INSIDE:
        assert inside == sum(changed)
    else:
        assert 0 < inside < sum(changed)


def test_the_pack_registers_what_it_holds():
    known = {}
    unseen.pytest_audit_register_shortcuts(known.__setitem__)
    assert known == unseen.SHORTCUTS
    assert len(known) == 9

"""No pixel and no mask changes unnoticed: evidence is stored under the generator's version."""

from __future__ import annotations

import hashlib

import pytest
from phantoms.test_shortcuts import NAMES

from audit_suite.cards import CoLabel, PhantomSpec, ShortcutSpec
from audit_suite.phantoms import CO_LABELS, TARGETS, cohort, render

DRAWN = {
    "cxr": "1d443612819ac8f8d0cd5d13bfaa46a9330404e5cbbf9ae33949cfefe73479e5",
    "fundus": "668b9e080062ddd4030886b07cd6b8e9f2be0d0f6ec249cf777ad27b86e31e5c",
}


@pytest.mark.parametrize("kind", DRAWN)
def test_every_bit_is_drawn_as_before(kind, shortcuts):
    spec = PhantomSpec(
        kind=kind,
        patients=6,
        seed=4,
        shortcuts=tuple(ShortcutSpec(name=name, agreement=0.5) for name in sorted(NAMES)),
        co_labels=tuple(CoLabel(target=name) for name in CO_LABELS[kind]),
        under_segmentation=0.5,
    )
    digest = hashlib.sha256()
    for case in cohort(spec, (TARGETS[kind],)):
        image, regions = render(spec, case)
        for drawn in (image, *(regions[name] for name in sorted(regions))):
            digest.update(drawn.tobytes())
    assert digest.hexdigest() == DRAWN[kind], (
        "a change that is meant raises phantoms.render.GENERATOR_VERSION"
    )

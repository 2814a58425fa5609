"""Phantoms: known truth, nowhere but where it is said to be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_suite.cards import PhantomSpec, ShortcutSpec
from audit_suite.errors import AuditError
from audit_suite.phantoms import TARGETS, cohort, get_shortcut, register_shortcut, render

KINDS = ("cxr", "fundus")
ROI = {"cxr": "lungs", "fundus": "disc"}
SHORTCUTS = (
    "corner_marker",
    "burned_in_text",
    "border",
    "device_wire",
    "exposure",
    "scanner_noise",
)


def make(kind, patients=40, size=64, **more):
    spec = PhantomSpec(kind=kind, patients=patients, size=size, **more)
    return spec, cohort(spec, (TARGETS[kind],))


def relabelled(case, label):
    return case.__class__(**{**vars(case), "labels": dict.fromkeys(case.labels, label)})


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_case_gives_the_same_pixels(kind):
    spec, cases = make(kind)
    again_spec, again = make(kind)
    assert cases == again
    for case in cases[:5]:
        (a, regions), (b, other) = render(spec, case), render(again_spec, case)
        assert np.array_equal(a, b)
        assert all(np.array_equal(regions[name], other[name]) for name in regions)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [32, 64, 100, 256])
def test_any_size(kind, size):
    spec, cases = make(kind, patients=2, size=size)
    image, regions = render(spec, cases[0])
    assert image.dtype == np.uint8
    assert image.shape[:2] == (size, size)
    assert image.ndim == (2 if kind == "cxr" else 3)
    for region in regions.values():
        assert region.shape == (size, size)
        assert region.dtype == bool


@pytest.mark.parametrize("kind", KINDS)
def test_anatomy_is_where_it_belongs(kind):
    spec, cases = make(kind)
    for case in cases:
        image, regions = render(spec, case)
        share = regions[ROI[kind]].mean()
        if kind == "cxr":
            assert {"lungs", "left_lung", "right_lung", "heart", "spine", "diaphragm"} <= set(
                regions
            )
            assert 0.15 < share < 0.45
            assert np.argwhere(regions["right_lung"])[:, 1].mean() < 32, (
                "right lung, left in the image"
            )
            assert np.argwhere(regions["left_lung"])[:, 1].mean() > 32
            assert image[regions["lungs"]].mean() < image[regions["heart"]].mean() - 30
            assert not (regions["left_lung"] & regions["heart"]).any()
        else:
            assert {"disc", "cup", "vessels", "macula"} <= set(regions)
            assert 0.02 < share < 0.12
            assert image[regions["disc"]].mean() > image[regions["macula"]].mean() + 30
            assert not (regions["cup"] & ~regions["disc"]).any()


@pytest.mark.parametrize("kind", KINDS)
def test_the_label_changes_pixels_inside_the_roi_alone(kind):
    spec, cases = make(kind)
    changed = []
    for case in cases:
        (sick, regions), (well, other) = (render(spec, relabelled(case, label)) for label in (1, 0))
        roi = regions[ROI[kind]]
        assert np.array_equal(roi, other[ROI[kind]]), "nor the shape of the ROI"
        differs = sick != well if sick.ndim == 2 else (sick != well).any(axis=2)
        assert not (differs & ~roi).any()
        changed.append(differs.sum())
    assert np.mean(np.array(changed) > 5) > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_strength_zero_shows_nothing(kind):
    spec, cases = make(kind, finding_strength=0.0)
    gaps = [
        render(spec, relabelled(case, 1))[0].mean() - render(spec, relabelled(case, 0))[0].mean()
        for case in cases
    ]
    assert np.abs(np.mean(gaps)) < 0.2


def test_labels_are_independent_of_what_else_is_known():
    _, cases = make("cxr", patients=4000)
    labels = np.array([case.labels["consolidation"] for case in cases])
    assert labels.mean() == pytest.approx(0.5, abs=0.03)
    for key in ("age", "sex", "view", "site"):
        values = np.array([case.metadata[key] for case in cases])
        for value in np.unique(values)[:3]:
            chosen = values == value
            if chosen.sum() > 300:
                assert labels[chosen].mean() == pytest.approx(0.5, abs=0.06)


@given(st.floats(0.05, 0.95))
@settings(max_examples=10, deadline=None)  # a busy machine is no fault
def test_prevalence(prevalence):
    _, cases = make("fundus", patients=3000, prevalence=prevalence)
    share = np.mean([case.labels["glaucoma"] for case in cases])
    assert share == pytest.approx(prevalence, abs=0.04)


def test_several_images_a_patient_share_label_sex_and_age():
    _, cases = make("cxr", patients=200, images_per_patient=(2, 4))
    by_patient = {}
    for case in cases:
        by_patient.setdefault(case.patient, []).append(case)
    assert {len(images) for images in by_patient.values()} == {2, 3, 4}
    for images in by_patient.values():
        assert (
            len({(i.labels["consolidation"], i.metadata["sex"], i.metadata["age"]) for i in images})
            == 1
        )
    assert len({case.id for case in cases}) == len(cases)


@given(st.floats(0, 1))
@settings(max_examples=10, deadline=None)  # a busy machine is no fault
def test_a_planted_bit_agrees_as_often_as_it_says(agreement):
    _, cases = make(
        "cxr", patients=3000, shortcuts=(ShortcutSpec(name="border", agreement=agreement),)
    )
    agrees = [case.planted[0] == bool(case.labels["consolidation"]) for case in cases]
    assert np.mean(agrees) == pytest.approx(agreement, abs=0.04)


def test_planting_changes_neither_labels_nor_anatomy():
    plain_spec, plain = make("cxr")
    spec, planted = make("cxr", shortcuts=(ShortcutSpec(name="corner_marker", agreement=0.0),))
    for a, b in zip(plain, planted, strict=True):
        assert a.labels == b.labels
        if not b.planted[0]:
            assert np.array_equal(render(plain_spec, a)[0], render(spec, b)[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SHORTCUTS)
def test_shipped_shortcuts(kind, name):
    spec, cases = make(kind, patients=12)
    for case in cases:
        image, regions = render(spec, case)
        before = image.copy()
        marked = get_shortcut(name)(image, regions, np.random.default_rng(1), 1.0)
        again = get_shortcut(name)(image, regions, np.random.default_rng(1), 1.0)
        assert np.array_equal(image, before), "the original is left alone"
        assert np.array_equal(marked, again)
        assert marked.dtype == image.dtype
        assert marked.shape == image.shape
        differs = marked != image if image.ndim == 2 else (marked != image).any(axis=2)
        assert differs.any()
        if name not in ("exposure", "scanner_noise"):
            assert not (differs & regions[ROI[kind]]).any(), "outside the ROI"
            assert differs.mean() < 0.5
        else:
            assert differs.mean() > 0.3, "a diffuse shortcut has no place"
        faint = get_shortcut(name)(image, regions, np.random.default_rng(1), 0.0)
        assert np.abs(faint.astype(int) - image).max() <= 1


def test_a_shortcut_of_ones_own(shortcuts):
    def stripe(image, regions, rng, strength):
        out = image.copy()
        out[0] = round(255 * strength)
        return out

    register_shortcut("stripe", stripe)
    register_shortcut("stripe", stripe)
    spec, cases = make("cxr", shortcuts=(ShortcutSpec(name="stripe"),))
    for case in cases:
        assert (render(spec, case)[0][0] == 255).all() == bool(case.labels["consolidation"])
    other = {"__name__": "audit_stripes", "register_shortcut": register_shortcut}
    with pytest.raises(
        AuditError,
        match=r"audit_stripes registers the shortcut 'stripe', but .*test_phantoms already has one",
    ):
        exec("register_shortcut('stripe', lambda *_: None)", other)
    assert shortcuts["stripe"] is stripe


def test_unknown_names_are_said():
    with pytest.raises(
        AuditError, match=r"(?s)no shortcut 'sticker'.*known: border, burned_in_text"
    ):
        make("cxr", shortcuts=(ShortcutSpec(name="sticker"),))
    with pytest.raises(AuditError, match="has the target 'consolidation', not 'glaucoma'"):
        cohort(PhantomSpec(kind="cxr", patients=4), ("glaucoma",))

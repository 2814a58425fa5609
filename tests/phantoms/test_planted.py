"""Every planted truth changes what it says and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from audit_suite.cards import (
    CoLabel,
    DatasetCard,
    MetadataTie,
    PhantomSpec,
    ShortcutSpec,
    canonical_digest,
)
from audit_suite.datasets import load_dataset
from audit_suite.errors import AuditError
from audit_suite.phantoms import TARGETS, cohort, register_shortcut, render
from audit_suite.regions import signed_distance

KINDS = ("cxr", "fundus")
ROI = {"cxr": "lungs", "fundus": "disc"}
SIZE = 96
BEFORE = {
    "cxr": (
        "765c7fee2606342400d552248135278758130ba283ab4820fddef0aa9c1098ae",
        "146.9 154.7 147.6 152.2 99.8 102.7 104.7 79.8 105.9 179.8 189.4 115.3 118.0 231.5 233.8 163.8",
    ),
    "fundus": (
        "cc6fe27a9dfcb14df6849d9c5a509f70c21feafee1fbdf3ff4565b0e9a9ae3ff",
        "15.3 61.3 59.6 16.4 62.8 81.2 105.5 64.4 58.6 77.3 119.2 65.5 37.8 76.1 65.7 17.1",
    ),
}


def make(kind="cxr", patients=16, size=SIZE, **more):
    spec = PhantomSpec(kind=kind, patients=patients, size=size, **more)
    return spec, cohort(spec, (TARGETS[kind],))


def planting(name, **more):
    return (ShortcutSpec(name=name, **more),)


def with_bit(case, bit):
    return replace(case, planted=(bit,))


def labelled(case, **labels):
    return replace(case, labels={**case.labels, **labels})


def changed(a, b):
    return a != b if a.ndim == 2 else (a != b).any(axis=2)


def centre(region):
    return np.argwhere(region).mean(axis=0) / len(region)


@pytest.mark.parametrize("kind", KINDS)
def test_phantoms_of_version_1_are_drawn_as_before(kind):
    name = {"cxr": "corner_marker", "fundus": "burned_in_text"}[kind]
    spec = PhantomSpec(kind=kind, patients=2, size=64, seed=3, shortcuts=planting(name))
    digest, means = BEFORE[kind]
    assert canonical_digest(spec.model_dump(mode="json")) == digest, "stored evidence stays valid"
    image, _ = render(spec, cohort(spec, (TARGETS[kind],))[0])
    gray = image if image.ndim == 2 else image[..., 1]
    blocks = gray.reshape(4, 16, 4, 16).mean(axis=(1, 3)).ravel()
    assert blocks == pytest.approx([float(mean) for mean in means.split()], abs=0.2)


@pytest.mark.parametrize(
    "more",
    [
        {"co_labels": (CoLabel(target="cardiomegaly"),)},
        {"metadata": (MetadataTie(key="age"),)},
        {"under_segmentation": 0.5},
    ],
)
def test_a_key_in_use_is_part_of_the_digest(more):
    spec, _ = make(**more)
    assert set(more) <= set(spec.model_dump(mode="json"))
    assert PhantomSpec.model_validate(spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize("kind", KINDS)
def test_framing_moves_the_anatomy_and_its_masks(kind):
    spec, cases = make(kind, shortcuts=planting("framing"))
    plain, _ = make(kind)
    for case in cases:
        off, on = (render(spec, with_bit(case, bit)) for bit in (False, True))
        assert np.array_equal(off[0], render(plain, replace(case, planted=()))[0]), (
            "absent, nothing has moved"
        )
        moved = centre(on[1][ROI[kind]]) - centre(off[1][ROI[kind]])
        inwards = -0.15 if case.metadata["view"] == "OD" else 0.15
        expected = (0.15, 0.0) if kind == "cxr" else (0.0, inwards)
        assert moved == pytest.approx(expected, abs=0.03)


def test_a_shifted_body_is_drawn_there_and_not_rolled():
    spec, cases = make(shortcuts=planting("framing"))
    shift = round(0.15 * SIZE)
    inner = slice(2 * shift, -shift)  # the frame's own grid of texture and noise stays behind
    for case in cases:
        well = labelled(case, consolidation=0)
        off, on = (render(spec, with_bit(well, bit))[0].astype(float) for bit in (False, True))
        there = on[shift:][inner]
        assert np.abs(there - off[:-shift][inner]).mean() < 12, "the same body, shifted"
        assert np.abs(on[inner] - off[inner]).mean() > 15
        assert not np.array_equal(on[:shift], off[-shift:]), "no row came round from below"


@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_framing_is_as_strong_as_it_says(strength):
    spec, cases = make(shortcuts=planting("framing", strength=strength))
    for case in cases[:6]:
        off, on = (render(spec, with_bit(case, bit)) for bit in (False, True))
        down, _ = centre(on[1]["lungs"]) - centre(off[1]["lungs"])
        assert down == pytest.approx(0.15 * strength, abs=0.015)


@pytest.mark.parametrize("kind", KINDS)
def test_mask_size_enlarges_the_mask_and_leaves_the_image(kind):
    spec, cases = make(kind, shortcuts=planting("mask_size"))
    for case in cases:
        (image, regions), (same, larger) = (render(spec, with_bit(case, b)) for b in (False, True))
        assert np.array_equal(image, same)
        roi = regions[ROI[kind]]
        assert np.array_equal(larger[ROI[kind]], signed_distance(roi) <= round(0.04 * SIZE))
        assert larger[ROI[kind]].sum() > 1.1 * roi.sum()
        for name in set(regions) - {"lungs", "left_lung", "right_lung", "disc"}:
            assert np.array_equal(regions[name], larger[name])
        if kind == "cxr":
            assert np.array_equal(larger["lungs"], larger["left_lung"] | larger["right_lung"])


@pytest.mark.parametrize("kind", KINDS)
def test_an_artefact_lies_in_the_roi_alone(kind):
    spec, cases = make(kind, shortcuts=planting("roi_artefact"))
    sizes = []
    for case in cases:
        (plain, regions), (image, same) = (render(spec, with_bit(case, b)) for b in (False, True))
        differs = changed(plain, image)
        assert not (differs & ~regions[ROI[kind]]).any()
        assert all(np.array_equal(regions[name], same[name]) for name in regions)
        sizes.append(differs.mean())
    assert min(sizes) > 0.001
    assert max(sizes) < 0.02


def test_cardiomegaly_enlarges_the_heart_and_shows_in_no_mask():
    spec, cases = make(co_labels=(CoLabel(target="cardiomegaly"),))
    shares = []
    for case in cases:
        (well, regions), (sick, same) = (
            render(spec, labelled(case, cardiomegaly=label)) for label in (0, 1)
        )
        assert all(np.array_equal(regions[name], same[name]) for name in regions)
        differs = changed(well, sick)
        assert not (differs & regions["lungs"]).any(), "outside the lungs"
        assert not (differs & ~regions["heart"]).any(), "inside the heart's room"
        assert sick[differs].mean() > well[differs].mean() + 20
        shares.append(differs.mean())
    assert np.mean(shares) > 0.02, "visibly larger"


def test_free_air_darkens_the_space_under_the_diaphragm_alone():
    spec, cases = make(co_labels=(CoLabel(target="pneumoperitoneum"),))
    for case in cases:
        (well, regions), (sick, same) = (
            render(spec, labelled(case, pneumoperitoneum=label)) for label in (0, 1)
        )
        assert all(np.array_equal(regions[name], same[name]) for name in regions)
        differs = changed(well, sick)
        assert differs.any()
        assert not (differs & ~regions["diaphragm"]).any()
        assert sick[differs].mean() < well[differs].mean() - 10


def test_the_first_target_stays_in_the_lungs_beside_a_co_label():
    spec, cases = make(co_labels=(CoLabel(target="cardiomegaly"),))
    for case in cases:
        (well, regions), (sick, _) = (
            render(spec, labelled(case, consolidation=label)) for label in (0, 1)
        )
        differs = changed(well, sick)
        assert differs.any()
        assert not (differs & ~regions["lungs"]).any()


def test_a_co_label_is_independent_or_tied():
    for more, alike, share in (
        ({}, 0.5, 0.5),
        ({"prevalence": 0.2}, 0.5, 0.2),
        ({"agreement": 0.9}, 0.9, 0.5),
    ):
        _, cases = make(patients=2000, co_labels=(CoLabel(target="cardiomegaly", **more),))
        first, second = (
            np.array([case.labels[name] for case in cases])
            for name in ("consolidation", "cardiomegaly")
        )
        assert np.mean(first == second) == pytest.approx(alike, abs=0.04)
        assert second.mean() == pytest.approx(share, abs=0.04)
    _, plain = make(patients=2000)
    assert [case.labels["consolidation"] for case in plain] == first.tolist(), "as without it"


def test_a_co_label_is_a_target_of_its_own():
    card = DatasetCard.model_validate(
        {
            "schema": 1,
            "name": "two",
            "reader": "phantom",
            "phantom": {
                "kind": "cxr",
                "patients": 60,
                "size": 32,
                "co_labels": [{"target": "cardiomegaly", "agreement": 0.8}],
                "shortcuts": [{"name": "border", "target": "cardiomegaly"}],
            },
            "targets": {"consolidation": {"roi": ["lungs"]}, "cardiomegaly": {"roi": ["heart"]}},
        }
    )
    dataset = load_dataset(card)
    assert {case.labels["cardiomegaly"] for case in dataset.cases} == {0, 1}
    assert dataset.read(0).regions["heart"].any()
    planted = [case.planted[0] for case in cohort(card.phantom, tuple(card.targets))]
    assert planted == [bool(case.labels["cardiomegaly"]) for case in dataset.cases]


@pytest.mark.parametrize("kind", KINDS)
def test_an_under_segmented_roi_misses_the_finding_in_the_sick_alone(kind):
    spec, cases = make(kind, under_segmentation=1.0)
    full_spec, _ = make(kind)
    target, radius, shown = TARGETS[kind], 0.10 * SIZE, []
    for case in cases:
        for label in (0, 1):
            (image, regions), (same, full) = (
                render(one, labelled(case, **{target: label})) for one in (spec, full_spec)
            )
            assert np.array_equal(image, same), "the image is the same"
            missed = full[ROI[kind]] & ~regions[ROI[kind]]
            assert not (regions[ROI[kind]] & ~full[ROI[kind]]).any()
            assert missed.any() == bool(label)
            if label:
                assert missed.sum() <= np.pi * (radius + 1) ** 2
                well, _ = render(full_spec, labelled(case, **{target: 0}))
                shown.append(changed(image, well)[missed].mean())
        if kind == "cxr":
            assert np.array_equal(regions["lungs"], regions["left_lung"] | regions["right_lung"])
    assert np.mean(shown) > {"cxr": 0.9, "fundus": 0.4}[kind], "there the finding is"


@pytest.mark.parametrize(
    ("key", "sick", "well"),
    [("site", {"site-c"}, {"site-a"}), ("view", {"AP"}, {"PA"}), ("age", {True}, {False})],
)
def test_tied_metadata_follow_the_label_as_often_as_they_say(key, sick, well):
    _, cases = make(patients=2000, metadata=(MetadataTie(key=key, agreement=0.8),))
    values = [case.metadata[key] for case in cases]
    values = [value > 62 for value in values] if key == "age" else values
    labels = np.array([case.labels["consolidation"] for case in cases])
    assert set(values) == sick | well
    looks_sick = np.array([value in sick for value in values])
    assert np.mean(looks_sick == labels) == pytest.approx(0.8, abs=0.04)
    _, plain = make(patients=2000)
    for with_tie, without in zip(cases[:200], plain[:200], strict=True):
        assert with_tie.labels == without.labels
        for other in {"site", "view", "age", "sex"} - {key}:
            assert with_tie.metadata[other] == without.metadata[other]


def test_a_tied_site_shows_in_its_images_whatever_the_label():
    spec, cases = make(patients=60, metadata=(MetadataTie(key="site", agreement=0.8),))
    faint = spec.model_copy(update={"metadata": (MetadataTie(key="site", strength=0.0),)})
    brighter = {}
    for case in cases:
        (shown, regions), (hidden, same) = render(spec, case), render(faint, case)
        assert all(np.array_equal(regions[name], same[name]) for name in regions)
        gain = shown.mean() - hidden.mean()
        brighter.setdefault((case.metadata["site"], case.labels["consolidation"]), []).append(gain)
    assert len(brighter) == 4
    for (site, _), gains in brighter.items():
        assert (min(gains) > 5) if site == "site-c" else (set(gains) == {0.0})


def test_a_tied_site_may_show_by_any_shortcut():
    tie = MetadataTie(key="site", agreement=0.5, shows=("border",))
    spec, cases = make(patients=30, metadata=(tie,))
    plain, _ = make()
    for case in cases:
        image, regions = render(spec, case)
        differs = changed(image, render(plain, case)[0])
        assert differs.any() == (case.metadata["site"] == "site-c")
        assert not (differs & regions["lungs"]).any()
    with pytest.raises(AuditError, match="no shortcut 'sticker'"):
        make(metadata=(MetadataTie(key="site", shows=("sticker",)),))


def test_ties_of_view_and_age_leave_the_drawing_to_the_patient():
    spec, cases = make(metadata=(MetadataTie(key="view"), MetadataTie(key="age")))
    plain, _ = make()
    for case in cases[:6]:
        assert np.array_equal(render(spec, case)[0], render(plain, case)[0])


def test_a_shortcut_of_ones_own_may_change_the_regions(shortcuts):
    register_shortcut("no_spine", lambda image, regions, rng, strength: (image, {**regions, "spine": regions["spine"] & False}))  # fmt: skip
    spec, cases = make(shortcuts=planting("no_spine"))
    for case in cases:
        assert render(spec, case)[1]["spine"].any() != case.planted[0]


@pytest.mark.parametrize(
    ("kind", "more", "targets", "message"),
    [
        ("cxr", {"co_labels": [{"target": "effusion"}]}, (), "no co-label 'effusion'"),
        ("fundus", {"co_labels": [{"target": "cardiomegaly"}]}, (), "no co-label 'cardiomegaly'"),
        ("cxr", {"co_labels": [{"target": "cardiomegaly"}] * 2}, (), "named twice"),
        ("cxr", {}, ("cardiomegaly",), "does not draw the target 'cardiomegaly'"),
    ],
)
def test_what_a_phantom_cannot_draw_is_said(kind, more, targets, message):
    spec = PhantomSpec.model_validate({"kind": kind, "patients": 4, **more})
    with pytest.raises(AuditError, match=message):
        cohort(spec, targets)


def test_a_co_label_is_independent_or_tied_but_not_both():
    with pytest.raises(ValidationError, match="not both"):
        CoLabel(target="cardiomegaly", prevalence=0.1, agreement=0.9)

"""Changes of the picture: what each keeps, what it does, and what a wrong one is told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from audit_suite import AuditError
from audit_suite.changes import Change, Scene, changed, register_change
from audit_suite.changes.change import SEVERITIES
from audit_suite.registry import CHANGES

NAMES = sorted(CHANGES)
CORRUPTIONS = [name for name in NAMES if CHANGES[name].effect == "worse"]


def picture(seed=0, shape=(48, 40), kind=np.uint8):
    """A smooth picture with a little noise."""
    rng = np.random.default_rng(seed)
    rows = np.linspace(0.2, 0.7, shape[0])[:, None] * np.ones(shape[1])
    grey = rows + 0.1 * np.sin(np.arange(shape[1]) / 5) + rng.normal(0, 0.02, shape[:2])
    full = grey if len(shape) == 2 else grey[..., None] * np.array([1.0, 0.9, 0.8])
    return (np.clip(full, 0, 1) * np.iinfo(kind).max).astype(kind)


def scene(shape=(48, 40), seed=0, severity=1, donor=None, **more):
    """A region in the middle, and a finding in it."""
    roi, finding = np.zeros(shape[:2], bool), np.zeros(shape[:2], bool)
    roi[10:38, 8:32] = True
    finding[18:28, 14:24] = True
    rng = np.random.default_rng(seed)
    return Scene(
        **{"roi": roi, "finding": finding, "donor": donor, "rng": rng} | more, severity=severity
    )


def lent(shape=(48, 40)):
    """Another patient with a bright finding, and its outline."""
    other = picture(9, shape) / np.float32(255)
    where = scene(shape).finding
    return np.where(where if len(shape) == 2 else where[..., None], 0.95, other), where


@settings(max_examples=60)
@given(
    st.sampled_from(NAMES),
    st.sampled_from(SEVERITIES),
    st.sampled_from([((48, 40), np.uint8), ((33, 64), np.uint16), ((48, 40, 3), np.uint8)]),
    st.integers(0, 9),
)
def test_a_change_keeps_shape_type_and_what_it_was_given(name, severity, form, seed):
    shape, kind = form
    image = picture(seed, shape, kind)
    before = image.copy()
    donor = lent(shape) if CHANGES[name].needs_donor else None
    once, again = (changed(name, image, scene(shape, seed, severity, donor)) for _ in range(2))
    assert (once.shape, once.dtype) == (image.shape, image.dtype)
    assert np.array_equal(image, before)
    assert np.array_equal(once, again), "its draws are those of the scene's generator"
    assert not np.shares_memory(once, image)


@pytest.mark.parametrize("name", ["marker-added", "marker-removed", "marker-moved", "text-blanked"])
def test_markers_change_nothing_inside_the_region(name):
    image = picture()
    around = scene()
    wide = scene(roi=np.ones((48, 40), bool))
    made = changed(name, image, around)
    assert np.array_equal(made[around.roi], image[around.roi])
    assert not np.array_equal(made, image)
    assert np.array_equal(changed(name, image, wide), image), "a region that fills the picture"


def test_a_marker_that_was_there_is_gone_or_on_the_other_side():
    image = picture()
    image[1:5, 1:5] = 255
    gone = changed("marker-removed", image, scene())
    assert gone[1:5, 1:5].max() < 200
    other = changed("marker-moved", image, scene())
    assert (other[1:5, -6:] == 255).sum() >= 12
    assert other[1:5, 1:5].max() < 200


def test_sizes_are_those_that_the_words_say():
    image = picture()
    assert np.array_equal(changed("shifted", image, scene())[1:, 1:], image[:-1, :-1])
    assert np.array_equal(changed("side-flipped", image, scene()), image[:, ::-1])
    greys = np.arange(256, dtype=np.uint8).reshape(16, 16)
    none = np.zeros((16, 16), bool)
    few = changed("bit-depth", greys, scene((16, 16), roi=none, finding=none))
    assert len(np.unique(few)) == 128
    moved = changed("level", image, scene()).astype(int) - image
    assert abs(abs(np.median(moved)) - 0.04 * 255) <= 1
    assert np.abs(changed("jpeg", image, scene()).astype(int) - image).max() < 30


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_is_worse_at_each_severity(name):
    rough = np.random.default_rng(3).normal(size=(200, 180))  # structure of all sizes
    every = sum(gaussian_filter(rough, size) * size for size in (1, 3, 9, 27))
    image = (128 + 40 * every / every.std()).clip(0, 255).astype(np.uint8)
    roi = np.zeros((200, 180), bool)
    harm = []
    for severity in SEVERITIES:
        one = scene((200, 180), 1, severity, roi=roi, finding=roi)
        made = changed(name, image, one)
        harm.append(float(np.mean((made.astype(float) - image) ** 2)))
    assert harm[0] > 0
    assert harm == sorted(harm)


def test_the_finding_is_inpainted_and_nothing_else():
    image = picture(1)
    clean = image.copy()
    around = scene()
    image[around.finding] = 250
    gone = changed("finding-removed", image, around)
    assert np.abs(gone[around.finding].astype(float) - clean[around.finding]).mean() < 25
    assert np.array_equal(gone[:8], image[:8])
    nothing = scene(finding=np.zeros((48, 40), bool))
    assert np.array_equal(changed("finding-removed", image, nothing), image)


def test_a_donors_finding_comes_without_its_exposure():
    image = picture(2)
    other, where = lent()
    bright = changed("finding-pasted", image, scene(donor=(other, where)))
    core = np.zeros_like(where)
    core[21:25, 17:21] = True
    assert (bright[core].astype(int) - image[core]).mean() > 40
    assert np.array_equal(bright[:8], image[:8])
    darker = changed("finding-pasted", image, scene(donor=(other * 0.8, where)))
    assert np.abs(darker[:8].astype(int) - image[:8]).max() == 0
    assert np.array_equal(changed("finding-pasted", image, scene()), image), "nobody to lend"


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda picture, scene: picture[:-1], "returned shape"),
        (lambda picture, scene: "no picture", "returned str"),
        (lambda picture, scene: picture * np.nan, "infinite or undefined"),
        (lambda picture, scene: 1 / 0, "raised ZeroDivisionError"),
    ],
)
def test_a_change_that_misbehaves_is_named(made, words):
    register_change(Change("odd", "something odd", "none", made))
    with pytest.raises(AuditError, match=f"the change 'odd' of .*{words}"):
        changed("odd", picture(), scene())


def test_a_name_is_a_slug():
    with pytest.raises(AuditError, match="'Too Odd', which is not a slug"):
        register_change(Change("Too Odd", "", "none", lambda picture, scene: picture))

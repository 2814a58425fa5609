"""Shuffling keeps what is there and takes away where it is."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.errors import AuditError
from audit_suite.evidence.scores.versions import hidden_parts
from audit_suite.maskings import Masking, Shuffled, WithoutROI
from audit_suite.maskings.show import Alone, Batch, show
from audit_suite.maskings.shuffled import GRID, appearance, shuffled

SIZES = st.tuples(st.integers(8, 40), st.integers(8, 40))


def images(size, count=2, channels=1, seed=0):
    return torch.rand((count, channels, *size), generator=torch.Generator().manual_seed(seed))


@given(SIZES, st.booleans())
def test_every_pixel_is_kept(size, patches):
    before = images(size, channels=3)
    after = shuffled(before, [1, 2], patches)
    assert after.shape == before.shape
    for one, other in zip(before, after, strict=True):  # colours stay together
        assert sorted(map(tuple, one.flatten(1).T.tolist())) == sorted(
            map(tuple, other.flatten(1).T.tolist())
        )


def test_patches_move_whole_by_brute_force():
    before = images((32, 48), count=1)
    after = shuffled(before, [7], patches=True)
    high, wide = 32 // GRID, 48 // GRID

    def tiles(image):
        return {
            tuple(image[0, r : r + high, c : c + wide].flatten().tolist())
            for r in range(0, 32, high)
            for c in range(0, 48, wide)
        }

    assert tiles(before[0]) == tiles(after[0])
    assert not torch.equal(before, after)


@pytest.mark.parametrize("patches", [False, True])
def test_the_order_is_the_images_own_and_not_its_batchs(patches):
    batch = images((32, 32), count=1).expand(3, -1, -1, -1)
    one, other, again = shuffled(batch, [1, 2, 1], patches)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(one, shuffled(batch[:1], [1], patches)[0])


def test_what_does_not_fill_a_patch_stays():
    before = images((35, 33))
    after = shuffled(before, [1, 2], patches=True)
    assert torch.equal(before[:, :, 32:], after[:, :, 32:])
    assert torch.equal(before[:, :, :, 32:], after[:, :, :, 32:])


@given(SIZES, st.booleans(), st.integers(0, 99))
def test_appearance_does_not_depend_on_the_order(size, patches, seed):
    size = tuple(16 * -(-n // 16) for n in size)  # all of it is in patches
    before = images(size, channels=3, seed=seed)
    after = shuffled(before, [seed, seed + 1], patches)
    assert torch.allclose(appearance(before, patches), appearance(after, patches), atol=1e-5)


def test_appearance_of_patches_sees_texture_and_that_of_pixels_does_not():
    smooth = images((64, 64)).sort(dim=3).values
    rough = shuffled(smooth, [1, 2], patches=False)
    assert torch.allclose(appearance(smooth, False), appearance(rough, False))
    assert not torch.allclose(appearance(smooth, True), appearance(rough, True), atol=0.01)


@pytest.mark.parametrize("parts", ["pixels", "patches"])
def test_the_door_shuffles_and_hides_nothing(parts):
    batch = Batch([0, 1], images((32, 32)), {})
    shown = show(Shuffled(parts), batch, Alone(torch.zeros(1), [3, 4]))
    assert torch.equal(shown.images, shuffled(batch.images, [3, 4], parts == "patches"))
    assert not shown.hidden.any()
    parts_seen = hidden_parts([Shuffled(parts), Masking("all")], {}, 2)
    versions = {part.version for part in parts_seen.values()}
    assert len(versions) == 2, "not the full image"


@pytest.mark.parametrize("parts", ["pixels", "patches"])
def test_a_shuffled_image_has_an_id_and_needs_no_region(parts):
    masking = Shuffled(parts)
    assert Masking.parse(masking.id) == masking
    assert masking.id == f"shuffled-{parts}"
    assert masking.label == f"with {parts} shuffled"
    assert not masking.hides
    assert not masking.is_full
    assert not masking.needs_survey
    assert masking.of(("lungs",)) == masking


def test_what_cannot_be_shuffled():
    with pytest.raises(ValueError, match="needs keep='all'"):
        WithoutROI(first="shuffled-pixels")
    with pytest.raises(AuditError, match="is not a masking"):
        Masking.parse("without-roi-shuffled-pixels")


def test_the_pixels_and_the_patches_are_two_maskings():
    both = hidden_parts([Shuffled("pixels"), Shuffled("patches")], {}, 2)
    assert len({part.version for part in both.values()}) == 2

"""A fill is one file: ids, parsing and words come from it, shipped or an extension's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from maskings.showing import Lending, shown

from audit_suite.cards.names import ID_WORDS
from audit_suite.errors import AuditError
from audit_suite.maskings import Masking, OnlyROI, WithoutROI, fills
from audit_suite.maskings.fill import Fill, register_fill
from audit_suite.maskings.show import Batch, hidden_pixels, show
from audit_suite.regions import signed_distance
from audit_suite.registry import FILLS, SHIPPED

unhurried = settings(deadline=None, max_examples=60)  # a busy machine is no fault

MEAN = torch.tensor([0.4])
FILES = sorted(
    path.stem
    for folder in fills.__path__
    for path in Path(folder).glob("*.py")
    if path.stem != "__init__"
)
regions = hnp.arrays(bool, (2, 9, 11))


@dataclass(frozen=True)
class Stripes(Fill):
    """Every other line is white."""

    name = "stripes"
    words = "striped fill"

    def __call__(self, visible, hidden, around):
        filling = torch.zeros_like(visible)
        filling[:, :, ::2] = 1
        return filling


def wrong(gives, **promises):
    """A fill that gives something; what it promises besides is told by name."""

    class Wrong(Fill):
        name = "wrong"

        def __call__(self, visible, hidden, around):
            return gives(visible, around)

    for name, value in promises.items():
        setattr(Wrong, name, value)
    return Wrong()


def scene(masks=None):
    """Two images and the signed distance to a region of each."""
    images = torch.rand(2, 1, 9, 11, generator=torch.Generator().manual_seed(0))
    masks = np.tri(9, 11, dtype=bool)[None].repeat(2, axis=0) if masks is None else masks
    return images, torch.from_numpy(np.stack([signed_distance(mask) for mask in masks]))


# The shipped ones


@pytest.mark.parametrize("name", FILES)
def test_a_shipped_fill_is_a_file_of_its_name(name):
    fill = FILLS[name]
    assert isinstance(fill, Fill)
    assert fill.name == name
    assert type(fill).__module__ == f"audit_suite.maskings.fills.{name}"
    assert FILLS.origin(name) == SHIPPED
    masking = WithoutROI(fill=name)
    assert masking.id == ("without-roi" if name == "black" else f"without-roi-{name}")
    assert Masking.parse(masking.id) == masking
    assert masking.label == ("without ROI" if name == "black" else f"without ROI ({fill.words})")


def test_there_are_no_other_shipped_fills():
    assert {name for name in FILLS if FILLS.origin(name) == SHIPPED} == set(FILES)


@unhurried
@given(regions, st.sampled_from(FILES), st.sampled_from([WithoutROI, OnlyROI]))
def test_a_fill_is_given_no_hidden_pixel(masks, fill, side):
    """Not even one that is no number, which would spread."""
    images, distance = scene(masks)
    masking = side(fill=fill)
    hidden = hidden_pixels(masking, distance)[:, None]
    poisoned = torch.where(hidden, torch.nan, images)
    lent = [(image.numpy(), np.zeros((9, 11), bool)) for image in images.flip(0)]
    context = Lending(MEAN, [1, 2], lent)
    clean, other = (
        show(masking, Batch.of_one_region(pixels, distance), context).images
        for pixels in (images, poisoned)
    )
    assert torch.isfinite(other).all()
    assert torch.equal(clean, other)


# An extension's


def test_an_extensions_fill_is_a_fill_like_any_other():
    with pytest.raises(ValueError, match="fill='stripes': must be one of"):
        WithoutROI(fill="stripes")
    with pytest.raises(AuditError, match="'without-roi-stripes' is not a masking"):
        Masking.parse("without-roi-stripes")
    register_fill(Stripes())
    assert Masking.parse("without-roi-stripes") == WithoutROI(fill="stripes")
    masking = WithoutROI(shape="box", dilation=1, fill="stripes")
    assert masking.id == "without-roi-box-d1-stripes"
    assert Masking.parse(masking.id) == masking
    assert masking.label == "without ROI box (dilated 1 px, striped fill)"
    images, distance = scene()
    hidden = hidden_pixels(masking, distance)[:, None]
    found = shown(masking, images, distance, MEAN)
    lines = torch.arange(9)[None, None, :, None].expand_as(images) % 2 == 0
    assert torch.equal(found, torch.where(hidden, lines.float(), images))
    with pytest.raises(ValueError, match="end like a masking's id"):
        WithoutROI("my-stripes")


def test_a_fill_is_forgotten_with_its_registry():
    assert "stripes" not in FILLS


@pytest.mark.parametrize("first", ["nothing", "plant-inside"])
def test_an_extensions_fill_gets_what_a_fill_is_promised(first):
    calls = []

    class Spy(Fill):
        name = "spying"
        random = needs_donor = True

        def __call__(self, visible, hidden, around):
            calls.append((visible.clone(), hidden.clone(), around, around.lent()))
            return torch.zeros_like(visible)

    register_fill(Spy())
    images, distance = scene()
    masking = WithoutROI(fill="spying", first=first)
    lent = [(image.numpy() / 2, np.eye(9, 11, dtype=bool)) for image in images]
    result = show(masking, Batch.of_one_region(images, distance), Lending(MEAN, [7, 8], lent))
    ((visible, hidden, around, (others, own)),) = calls
    assert torch.equal(hidden, hidden_pixels(masking, distance)[:, None])
    assert not visible[hidden].any()
    assert torch.equal(visible[~hidden], images[~hidden])
    assert list(around.seeds) == [7, 8]
    assert torch.equal(around.mean, MEAN)
    assert torch.equal(others, images / 2)
    assert torch.equal(own[0, 0], torch.eye(9, 11, dtype=torch.bool))
    assert torch.equal(result.images[~hidden], images[~hidden])


@pytest.mark.parametrize(
    ("gives", "what"),
    [
        (lambda visible, _: visible.numpy(), "returned a ndarray, not a tensor of torch.float32"),
        (lambda *_: None, "returned a NoneType, not a tensor"),
        (
            lambda visible, _: visible[:, :, 1:],
            r"returned a tensor .* shape \(2, 1, 8, 11\) on cpu",
        ),
        (lambda visible, _: visible.double(), "returned a tensor of torch.float64"),
        (lambda visible, _: visible + torch.nan, "returned pixels that are not between 0 and 1"),
        (lambda visible, _: visible + 1.5, "returned pixels that are not between 0 and 1"),
        (lambda visible, _: visible - 0.5, "returned pixels that are not between 0 and 1"),
        (lambda *_: {}["colour"], "raised KeyError: 'colour'"),
        (lambda _, around: around.lent()[0], "asks for donors, but its needs_donor is false"),
    ],
    ids=["array", "nothing", "shape", "type", "no number", "bright", "dark", "raises", "lent"],
)
def test_a_fill_that_misbehaves_is_named(gives, what):
    register_fill(wrong(gives))
    images, distance = scene()
    with pytest.raises(AuditError, match=f"the fill 'wrong' of {__name__} {what}") as caught:
        shown(WithoutROI(fill="wrong"), images, distance, MEAN)
    assert "correct it, or audit without it; stored evidence is kept" in caught.value.remedy


def test_rounding_is_not_held_against_a_fill():
    register_fill(wrong(lambda visible, _: torch.ones_like(visible) * (1 + 1e-6)))
    images, distance = scene()
    assert shown(WithoutROI(fill="wrong"), images, distance, MEAN).max() > 1


def test_what_is_put_under_visible_pixels_does_not_count():
    register_fill(wrong(lambda visible, _: torch.where(visible > 0, torch.nan, 0.5)))
    images, distance = scene()
    masking = WithoutROI(fill="wrong")
    hidden = hidden_pixels(masking, distance)[:, None]
    found = shown(masking, images, distance, MEAN)
    assert torch.equal(found, torch.where(hidden, 0.5, images))


@pytest.mark.parametrize(
    "name", ["", "ab", "Red", "my-fill", "fill2", "x" * 17, "rot", 5, None, *ID_WORDS]
)
def test_only_names_that_an_id_can_hold_are_taken(name):
    """The others would be taken for another part of the id, or for the end of a region's name."""
    before = set(FILLS)

    class Named(Stripes):
        pass

    Named.name = name
    if name == "rot":
        register_fill(Named())
        assert Masking.parse("only-roi-box-window-e2-rot-centre").fill == "rot"
        return
    with pytest.raises(AuditError, match=rf"{__name__} registers the fill .* masking's id") as said:
        register_fill(Named())
    assert "three to sixteen lower-case letters" in said.value.remedy
    assert set(FILLS) == before


@pytest.mark.parametrize(
    "thing", [Stripes, "stripes", lambda *_: None], ids=["class", "name", "function"]
)
def test_what_is_not_a_fill_is_not_registered(thing):
    before = set(FILLS)
    with pytest.raises(AuditError, match=f"{__name__} registers .* which is not a fill") as caught:
        register_fill(thing)
    assert "audit_suite.extend.Fill" in caught.value.remedy
    assert set(FILLS) == before


@pytest.mark.parametrize("taken", ["mean", "stripes"])
def test_a_taken_name_names_both_who_have_it(taken):
    register_fill(Stripes())
    before = FILLS[taken]
    other = {"__name__": "other_pack", "Fill": Fill, "register_fill": register_fill}
    code = f"class Mine(Fill):\n    name = '{taken}'\n    def __call__(self, *given): ...\n"
    with pytest.raises(AuditError, match=f"other_pack registers the fill '{taken}'") as caught:
        exec(compile(f"{code}register_fill(Mine())", "other_pack.py", "exec"), other)
    assert (
        f"{SHIPPED if taken == 'mean' else __name__} already has one with that name"
        in caught.value.what
    )
    assert "rename it in other_pack" in caught.value.remedy
    assert FILLS[taken] is before

"""Ids of maskings with every attribute there is: they round trip, and tell maskings apart."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from audit_suite.errors import AuditError
from audit_suite.maskings import Full, Masking, OnlyROI, WithoutROI

unhurried = settings(deadline=None, max_examples=60)  # a busy machine is no fault

NAME = r"[a-z0-9][a-z0-9._-]{0,12}"
WHOSE = ("own", "foreign", "population", "elsewhere", "window")
FIRST = ("nothing", "centre", "plant-inside", "plant-outside")
FILLS = ("black", "mean", "blur", "noise", "inpaint", "swap")

words = st.lists(
    st.sampled_from(
        ["lung", "roi", "box", "d5", "e12", "mean", "swap", "own", "plant", "inside", "window", "x"]
    ),
    min_size=1,
    max_size=3,
).map("-".join)
names = st.one_of(words, st.from_regex(NAME, fullmatch=True))


def attributes(region=names):
    return st.fixed_dictionaries(
        {
            "keep": st.sampled_from(["inside", "outside"]),
            "region": st.lists(region, max_size=3).map(tuple),
            "shape": st.sampled_from(["contour", "box"]),
            "dilation": st.integers(-999, 999),
            "fill": st.sampled_from(FILLS),
            "whose": st.sampled_from(WHOSE),
            "first": st.sampled_from(FIRST),
        }
    )


def made(values):
    """The masking, or None where the values are refused."""
    try:
        return Masking(**values)
    except ValueError:
        return None


def parsed(id):
    """The id of what is parsed, or what is said of it."""
    try:
        return Masking.parse(id).id
    except AuditError as error:
        return f"refused: {error.what}"


@unhurried
@given(attributes())
def test_every_masking_has_an_ascii_id_that_gives_it_back(values):
    masking = made(values)
    assume(masking is not None)
    assert masking.id.isascii()
    assert re.fullmatch(r"[a-z0-9._+-]+", masking.id)
    assert Masking.parse(masking.id) == masking


@unhurried
@given(attributes(st.sampled_from(["lungs", "heart"])), attributes(st.sampled_from(["lungs"])))
def test_ids_labels_and_digests_tell_maskings_apart(one, other):
    a, b = made(one), made(other)
    assume(a is not None and b is not None)
    assert (a == b) == (a.id == b.id) == (a.digest == b.digest) == (a.label == b.label)


@unhurried
@given(
    st.from_regex(
        rf"(only|without)(-({NAME}|\+|box|window|centre|swap|roi)){{0,5}}", fullmatch=True
    )
)
def test_what_parses_has_the_id_it_was_parsed_from_and_the_rest_is_said(id):
    """Also what looks like an id and means nothing is an `AuditError`, which names the id."""
    if re.fullmatch(r"(only|without)-(lungs|roi)(-box)?(-window)?(-swap)?", id):
        assert Masking.parse(id).id == id
    elif (found := parsed(id)).startswith("refused: "):
        assert f"'{id}' is not a masking" in found
    else:
        assert Masking.parse(found).id == found


@pytest.mark.parametrize(
    ("masking", "id", "label"),
    [
        (
            WithoutROI(whose="foreign"),
            "without-roi-foreign",
            "without ROI with another patient's",
        ),
        (
            WithoutROI(whose="population", fill="blur"),
            "without-roi-population-blur",
            "without ROI of the population (blur fill)",
        ),
        (
            WithoutROI("disc", shape="box", whose="elsewhere", dilation=3),
            "without-disc-box-elsewhere-d3",
            "without disc box moved off itself (dilated 3 px)",
        ),
        (
            OnlyROI(whose="window", first="centre"),
            "only-roi-window-centre",
            "only ROI common window (ROI centred)",
        ),
        (
            WithoutROI(fill="inpaint", first="plant-outside"),
            "without-roi-inpaint-plant-outside",
            "without ROI (inpaint fill, pattern planted outside)",
        ),
        (OnlyROI(fill="swap"), "only-roi-swap", "only ROI (swap fill)"),
    ],
)
def test_ids_and_words_are_stable(masking, id, label):
    assert (masking.id, masking.label) == (id, label)
    assert Masking.parse(id) == masking


@pytest.mark.parametrize(
    "wrong",
    [
        {"keep": "inside", "whose": "mine"},
        {"keep": "inside", "first": "plant"},
        {"keep": "all", "whose": "foreign"},
        {"keep": "all", "first": "plant-inside"},
        {"keep": "all", "fill": "swap"},
    ],
)
def test_wrong_values_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must be one of|hides nothing"):
        Masking(**wrong)


@pytest.mark.parametrize("whose", WHOSE)
def test_an_area_that_would_not_move_with_the_image_is_refused(whose):
    """The image's own region lies elsewhere once the image is moved: the wrong place was hidden."""
    values = {"keep": "outside", "whose": whose, "first": "centre"}
    if whose in ("population", "window"):
        assert Masking(**values).first == "centre"
    else:
        with pytest.raises(ValueError, match=f"moves the image off the area whose='{whose}'"):
            Masking(**values)
        with pytest.raises(AuditError, match="is not a masking: first='centre' moves the image"):
            Masking.parse("without-roi" + ("" if whose == "own" else f"-{whose}") + "-centre")


@pytest.mark.parametrize("whose", WHOSE)
@pytest.mark.parametrize("first", FIRST)
def test_only_the_plainest_masking_draws_the_region(whose, first):
    masking = made({"keep": "outside", "region": ("lungs",), "whose": whose, "first": first})
    if masking is not None:
        assert masking.draws_region == (whose == "own" and first == "nothing")
    assert not Full().draws_region
    assert not OnlyROI().draws_region

"""Editors: which edits count, where the control lies, and what a wrong one is told."""

from __future__ import annotations

import numpy as np
import pytest
from changes.test_changes import picture, scene
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_suite import AuditError
from audit_suite.changes import Editor, register_editor
from audit_suite.changes.edits import LEAST, SPILLED, TOLERANCE, around, edited, inside, put

SPOT = (14, 18, 24, 28)


def bright(picture, box, scene):
    inside(picture, box)[...] += 0.25
    return picture


def register(name="odd", does="adds", edit=bright, **more):
    more = {"where": lambda picture, scene: SPOT} | more
    return register_editor(Editor(name, "something odd", does, edit, **more))


def reason(image=None, around=None, **editor):
    register(**editor)
    return edited("odd", picture() if image is None else image, around or scene()).reason


def test_what_is_kept_is_the_box_and_the_same_edit_elsewhere():
    image = picture()
    register()
    edit = edited("odd", image, scene())
    assert (edit.reason, edit.box) == ("kept", SPOT)
    assert (edit.made.astype(int) - inside(image, SPOT)).mean() == pytest.approx(64, abs=1)
    assert (edit.control.astype(int) - inside(image, edit.elsewhere)).mean() > 60
    assert edit.made.dtype == image.dtype
    assert np.array_equal(inside(put(image, SPOT, edit.made), SPOT), edit.made)
    again = edited("odd", image, scene())
    assert (again.elsewhere, again.made.tobytes()) == (edit.elsewhere, edit.made.tobytes())


@settings(max_examples=60)
@given(
    st.tuples(*(st.integers(1, 10) for _ in range(2))),
    st.tuples(*(st.integers(0, 29) for _ in range(2))),
    st.sampled_from(["adds", "removes"]),
    st.sampled_from(["finding", "device"]),
    st.integers(0, 99),
)
def test_the_control_is_as_large_apart_and_in_the_frame(size, at, does, thing, seed):
    box = (at[0], at[1], at[0] + size[0], at[1] + size[1])
    register(does=does, thing=thing, where=lambda picture, scene: box)
    sight = scene(seed=seed)
    edit = edited("odd", picture(), sight)
    if edit.reason == "no room":
        return
    x0, y0, x1, y1 = edit.elsewhere
    assert (x1 - x0, y1 - y0) == size
    assert 0 <= x0 < x1 <= 40
    assert 0 <= y0 < y1 <= 48
    taken = put(sight.finding, box, np.array(True))
    if (does, thing) == ("adds", "finding"):
        taken |= sight.roi
    assert not inside(taken, edit.elsewhere).any()


def test_an_edit_that_changes_nothing_inside_or_something_outside_does_not_count():
    assert reason(edit=lambda p, box, scene: p) == "unchanged"
    assert reason(edit=lambda p, box, scene: p + TOLERANCE / 3) == "unchanged"
    assert reason(edit=lambda p, box, scene: p * 0.8) == "spilled"

    def one(count):
        def edit(p, box, scene):
            p.reshape(-1)[: 40 * count] += 0.2
            return bright(p, box, scene)

        return edit

    assert reason(edit=one(1)) == "spilled", f"a row is more than {SPILLED} of the picture"

    def few(share):
        def edit(p, box, scene):
            part = inside(p, box)
            part.flat[:0] = 0
            rows = round(share * part.shape[0] * part.shape[1])
            where = np.zeros(part.shape, bool)
            where.reshape(-1)[:rows] = True
            part[where] += 0.3
            return p

        return edit

    assert reason(edit=few(LEAST - 0.01)) == "unchanged"
    assert reason(edit=few(LEAST + 0.01)) == "kept"


def test_an_edit_that_cannot_be_made_is_said():
    assert reason(edit=lambda p, box, scene: None) == "declined"
    full = scene(roi=np.ones((48, 40), bool))
    assert reason(around=full) == "no room", "a finding added in the region is a finding"
    assert reason(around=full, thing="device") == "kept"

    def elsewhere_too(p, box, scene):
        return bright(p, box, scene) if box == SPOT else p + 0.3

    assert reason(edit=elsewhere_too) == "control"
    register(where=lambda picture, scene: None)
    assert edited("odd", picture(), scene()) is None


def test_the_judge_of_the_editor_must_change_its_mind():
    def there(part):
        return part.mean() > 0.6

    assert reason(answer=there) == "kept"
    assert reason(answer=lambda part: True) == "unanswered"
    assert reason(answer=lambda part: False) == "unanswered"
    assert reason(answer=there, does="removes") == "unanswered"


def test_by_default_the_place_is_the_outline_of_the_finding_own_or_lent():
    def erased(p, box, scene):
        p[scene.finding] = 0
        return p

    sight = scene()
    register(does="removes", edit=erased, where=None)
    edit = edited("odd", picture(), sight)
    assert edit.box == (12, 16, 26, 30), "two pixels around it"
    assert around(sight.finding) == (14, 18, 24, 28)
    assert (edit.made == 0).sum() == 100
    assert (edit.control == 0).sum() == 100, "the outline moves along"
    empty = scene(finding=np.zeros((48, 40), bool))
    assert edited("odd", picture(), empty) is None

    def pasted(p, box, scene):
        other, where = scene.donor
        p[where] = other[where]
        return p

    outline = np.zeros((48, 40), bool)
    outline[20:24, 10:16] = True
    lent = np.where(outline, 0.97, 0.1).astype(np.float32)
    small = np.zeros((48, 40), bool)
    small[8:34, 4:34] = True
    register(edit=pasted, where=None)
    edit = edited(
        "odd", picture(), scene(donor=(lent, outline), roi=small, finding=outline & False)
    )
    assert edit.box == (8, 18, 18, 26)
    assert (edit.control > 240).sum() == 24


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"edit": lambda p, box, scene: 1 / 0}, "raised ZeroDivisionError"),
        ({"edit": lambda p, box, scene: p[1:]}, r"returned shape \(47, 40\)"),
        ({"edit": lambda p, box, scene: p * np.nan}, "infinite or undefined"),
        ({"where": lambda p, scene: 1 / 0}, "raised ZeroDivisionError"),
        (
            {"where": lambda p, scene: (30, 0, 41, 5)},
            r"box \(30, 0, 41, 5\) for a picture 40 pixel",
        ),
        ({"where": lambda p, scene: (5, 5, 5, 9)}, "must lie inside and hold a pixel"),
        ({"where": lambda p, scene: "left"}, "returned 'left' as the place"),
        ({"answer": lambda part: 1 / 0}, "raised ZeroDivisionError"),
    ],
)
def test_an_editor_that_misbehaves_is_named(made, words):
    register(**made)
    with pytest.raises(AuditError, match=f"the editor 'odd' of .*{words}"):
        edited("odd", picture(), scene())


def test_what_an_editor_is_called_and_does_is_checked():
    with pytest.raises(AuditError, match="registers the editor 'Too Odd', which is not a slug"):
        register("Too Odd")
    with pytest.raises(AuditError, match=r"'odd', which blurs a finding\n.*does='adds' or"):
        register(does="blurs")

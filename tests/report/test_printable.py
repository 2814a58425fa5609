"""No text of a record rewrites a terminal, changes its direction or commands a CI runner."""

from __future__ import annotations

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from audit_suite.record import printable

TEXTS = st.text(st.one_of(st.characters(), st.sampled_from(" \t\n\r:#[]\x00\x1b\u202e\u2028")))


def inert(text):
    """Without control characters, marks of direction, and lines that are a runner's commands."""
    kinds = {unicodedata.category(c) for c in text if c not in "\t\n"}
    marks = set("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    lines = text.split("\n")
    return (
        kinds.isdisjoint({"Cc", "Cs", "Zl", "Zp"})
        and marks.isdisjoint(text)
        and not any(line.lstrip(" \t").startswith("::") for line in lines)
        and not any(line.startswith("##[") for line in lines)
    )


@given(TEXTS)
@example("::error::x")
@example(" \t::error::x")
@example("\u00a0::error::x")
@example("##[group]x")
@example("\x7f")
@example("\x9b2J")
def test_every_text_is_inert_and_stays_so(text):
    shown = printable(text)
    assert inert(shown)
    assert printable(shown) == shown


@given(TEXTS)
@example("a::b ## [c] #[d]")
@example("naïve · Ärztin “said” 肺")
def test_what_is_inert_already_is_not_changed(text):
    if inert(text):
        assert printable(text) == text


@given(st.recursive(TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
def test_at_any_depth_and_in_keys(value):
    def texts(part):
        if isinstance(part, str):
            return [part]
        inner = list(part) + (list(part.values()) if isinstance(part, dict) else [])
        return [text for each in inner for text in texts(each)]

    assert all(map(inert, texts(printable(value))))

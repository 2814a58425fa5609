"""What a cell says of a target: by brute force over small alphabets, and what a card may not say."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from audit_suite.cards import DatasetCard, Target
from audit_suite.cards.target import plain
from audit_suite.datasets.files.label_advice import suggested, values_there
from audit_suite.datasets.files.label_rule import Said, label_of, reading
from audit_suite.datasets.tags import is_missing

WORDS = ["Yes", "no", "NO", "J", "covid", "Edema", "edema", "3", "3.0", "0", "1", "1.00", "-1", "-"]
WORDS += ["", "NA", "n/a", "None", "True", "FALSE", "maybe", "left  lung", "x"]
CELLS = st.sampled_from(WORDS)
PADDED = st.tuples(st.sampled_from(["", " ", "\t"]), CELLS, st.sampled_from(["", "  "])).map(
    "".join
)


def said(cell: str, **keys) -> Said:
    return reading(Target(**keys))(cell)


def alike(one: str, other: str) -> bool:
    """Whether two texts are one word, said independently of the module."""
    try:
        return float(one) == float(other)
    except ValueError:
        return one.split() == other.split() or one.lower().split() == other.lower().split()


@pytest.mark.parametrize("cell", ["1", "1.0", "1.000", "True", "true", "TRUE", " 1 "])
def test_without_words_one_and_true_are_positive(cell):
    assert said(cell) is Said.POSITIVE


@pytest.mark.parametrize("cell", ["0", "0.0", "0.00", "False", "false", " 0.0\t"])
def test_without_words_zero_and_false_are_negative(cell):
    assert said(cell) is Said.NEGATIVE


@pytest.mark.parametrize(
    "cell", ["Yes", "2", "0.5", "1,0", "10", "1e0", "01", "+", "x", "1 0", "-2"]
)
def test_without_words_nothing_else_is_guessed(cell):
    assert said(cell) is Said.UNREADABLE


@given(PADDED)
def test_without_words_by_brute_force(cell):
    found = said(cell)
    if alike(cell, "-1"):
        assert found is Said.UNCERTAIN
    elif is_missing(cell):
        assert found is Said.MISSING
    elif any(alike(cell, word) for word in ("1", "true")):
        assert found is Said.POSITIVE
    elif any(alike(cell, word) for word in ("0", "false")):
        assert found is Said.NEGATIVE
    else:
        assert found is Said.UNREADABLE


@given(st.dictionaries(CELLS, st.sampled_from([0, 1]), min_size=1, max_size=5), PADDED)
def test_a_value_map_by_brute_force(values, cell):
    pairs = list(itertools.combinations(values, 2))
    assume(all(plain(a) != plain(b) or values[a] == values[b] for a, b in pairs))
    by_case = any(alike(a, b) and values[a] != values[b] for a, b in pairs)
    found = said(cell, values=values)
    same = [w for w in values if (plain(w) == plain(cell) if by_case else alike(w, cell))]
    if same:
        assert found is (Said.POSITIVE if values[same[0]] else Said.NEGATIVE)
    elif alike(cell, "-1"):
        assert found is Said.UNCERTAIN
    else:
        assert found is (Said.MISSING if is_missing(cell) else Said.UNREADABLE)


def test_words_that_differ_by_case_alone_are_told_apart():
    values = {"y": 1, "Y": 0}
    assert said("y", values=values) is Said.POSITIVE
    assert said("Y", values=values) is Said.NEGATIVE
    assert said("YES", values={"yes": 1, "Yes": 1, "no": 0}) is Said.POSITIVE


@given(PADDED, CELLS.filter(lambda word: plain(word)))
def test_one_class_against_all_others_by_brute_force(cell, wanted):
    found = said(cell, equals=wanted)
    if alike(cell, wanted):
        assert found is Said.POSITIVE
    elif alike(cell, "-1"):
        assert found is Said.UNCERTAIN
    else:
        assert found is (Said.MISSING if is_missing(cell) else Said.NEGATIVE)


@given(st.lists(CELLS, max_size=4), CELLS.filter(lambda word: plain(word)), st.sampled_from("|;,"))
def test_a_label_among_several_by_brute_force(labels, wanted, separator):
    found = said(f" {separator} ".join(labels), contains=wanted, separator=separator)
    if any(alike(label, wanted) for label in labels):
        assert found is Said.POSITIVE
    elif any(alike(label, "-1") for label in labels):
        assert found is Said.UNCERTAIN
    else:
        assert found is (Said.MISSING if all(map(is_missing, labels)) else Said.NEGATIVE)


@given(st.lists(st.sampled_from(["edema", "oedema", "edemas", "lung", "left"]), max_size=5))
def test_a_word_in_a_text_by_brute_force(words):
    found = said(" ".join(words).title(), contains="edema")
    expected = Said.POSITIVE if "edema" in words else Said.NEGATIVE
    assert found is (expected if words else Said.MISSING)


@pytest.mark.parametrize(
    ("cell", "wanted", "expected"),
    [
        ("Pneumonia, Edema", "pneumonia", Said.POSITIVE),
        ("pneumonia-like", "pneumonia", Said.POSITIVE),
        ("bronchopneumonia", "pneumonia", Said.NEGATIVE),
        ("pleural   effusion left", "Pleural Effusion", Said.POSITIVE),
        ("pleural and effusion", "pleural effusion", Said.NEGATIVE),
        ("No pneumonia", "pneumonia", Said.UNREADABLE),
        ("pneumonia was ruled out", "pneumonia", Said.UNREADABLE),
        ("keine Pneumonie", "Pneumonie", Said.UNREADABLE),
        ("No Finding", "no finding", Said.POSITIVE),
        ("no effusion", "pneumonia", Said.NEGATIVE),
        ("c++ (a.b)", "(a.b)", Said.POSITIVE),
        ("c++ (axb)", "(a.b)", Said.NEGATIVE),
    ],
)
def test_words_of_a_text_are_whole_and_not_denied(cell, wanted, expected):
    assert said(cell, contains=wanted) is expected


def test_further_words_may_be_uncertain():
    keys = {"uncertain_values": ["U", "equivocal", 9]}
    assert [said(cell, **keys) for cell in ("u", "Equivocal", "9.0", "-1.0")] == [
        Said.UNCERTAIN
    ] * 4
    among = {"contains": "edema", "separator": "|", "uncertain_values": ["edema?"]}
    assert said("lung|Edema?", **among) is Said.UNCERTAIN
    assert said("edema|edema?", **among) is Said.POSITIVE


def test_the_words_of_the_card_come_before_those_for_missing_and_uncertain():
    values = {"+": 1, "-": 0, "-1": 0, "none": 0}
    assert said("-", values=values) is said("-1", values=values) is Said.NEGATIVE
    assert said("None", equals="none") is Said.POSITIVE


@pytest.mark.parametrize("missing", ["error", "exclude", "negative"])
@pytest.mark.parametrize("uncertain", ["error", "exclude", "positive", "negative"])
def test_what_the_card_makes_of_it(missing, uncertain):
    target = Target(missing=missing, uncertain=uncertain)
    signs = {"positive": 1, "negative": 0, "exclude": None, "error": None}
    assert [label_of(target, one) for one in Said] == [
        1,
        0,
        signs[missing],
        signs[uncertain],
        None,
    ]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"values": {"a": 1}, "equals": "a"}, "'values' and 'equals' both say what is positive"),
        ({"contains": "a", "equals": "a"}, "'contains' and 'equals' both say"),
        ({"separator": "|"}, "'separator' needs 'contains'"),
        ({"contains": "a|b", "separator": "|"}, "'contains' holds the 'separator'"),
        ({"contains": " "}, "'contains' is blank"),
        ({"equals": ""}, "'equals' is blank"),
        ({"values": {}}, "at least 1 item"),
        ({"values": {"a": 2}}, "0 or 1"),
        ({"values": {"1": 1, "1.0": 0}}, "'values' gives '1' both labels"),
        ({"values": {"a": 1}, "uncertain_values": ["a "]}, "both 'values' and 'uncertain_values'"),
        ({"missing": "positive"}, "'error', 'exclude' or 'negative'"),
        ({"uncertain": "drop"}, "'error', 'exclude', 'positive' or 'negative'"),
    ],
    ids=str,
)
def test_what_a_card_may_not_say_is_refused_with_the_key(keys, words):
    with pytest.raises(ValidationError) as caught:
        Target(**keys)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"targets": {"sick": {"values": {"a": 1}}}}, "targets.sick.values"),
        ({"targets": {"sick": {"missing": "exclude"}}}, "targets.sick.missing"),
        ({"delimiter": ";"}, "delimiter"),
        ({"columns": {"patient": ["a", "b"]}}, "columns.patient"),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "reader",
    [
        {"reader": "airogs", "files": {"labels": "x"}},
        {"reader": "phantom", "phantom": {"kind": "cxr", "patients": 8}},
    ],
    ids=["airogs", "phantom"],
)
def test_a_reader_that_knows_its_tables_refuses_words_about_them(reader, more, key):
    card = {"schema": 1, "name": "d", "targets": {"sick": {}}, **reader}
    with pytest.raises(ValidationError, match=f"'{key}' says how a table is written"):
        DatasetCard.model_validate(card | more)


# Advice


def cells(**counts):
    """Cells of a column, each of its own patient."""
    return [(text, f"{text}{i}") for text, count in counts.items() for i in range(count)]


def test_values_are_counted_the_most_frequent_first():
    assert values_there([*cells(No=3, Yes=5), ("NA", "p"), ("", "q")]) == [("Yes", 5), ("No", 3)]


@pytest.mark.parametrize(
    "column",
    [
        cells(**{f"Name {i}": 3 for i in range(9)}),
        cells(Yes=5, **{"the report of a patient in full": 2}),
        cells(Yes=5, **{"\x1b[2J": 2}),
        [("Jane", "p1")] * 5 + [("Joe", "p2")] * 5,
    ],
    ids=["many", "long", "that move the cursor", "of one patient each"],
)
def test_values_that_may_be_names_or_reports_are_not_shown(column):
    assert values_there(column) == []


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (["Yes", "No"], "values = { Yes = 1, No = 0 }"),
        (["no", "YES", "yes"], "values = { YES = 1, yes = 1, no = 0 }"),
        (["Negative", "positive", "0"], "values = { positive = 1, Negative = 0, 0 = 0 }"),
        (["sí", "no"], 'values = { "sí" = 1, no = 0 }'),
        (["B", "M"], "values = { B = 1, M = 0 }, or the other way round"),
        (["covid", "normal", "tb"], 'equals = "covid", for that class'),
        (["edema|lung", "lung", "a"], 'contains = "edema", separator = "|", for that label'),
        ([], "values = { Yes = 1, No = 0 } with its words"),
    ],
    ids=str,
)
def test_the_line_for_the_card(values, line):
    assert suggested(Target(), values).startswith(line)


@given(st.lists(st.sampled_from(["Yes", "NO", "y", "n", "+", "-", "Ja", "Nein", "sí"]), min_size=2))
def test_the_line_for_the_card_reads_the_column(words):
    import tomllib

    line = suggested(Target(), list(dict.fromkeys(words)))
    target = Target(**tomllib.loads(line))
    assert {reading(target)(word) for word in words} <= {Said.POSITIVE, Said.NEGATIVE}

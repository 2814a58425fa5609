"""The page on models: its cards load, and every loader and example has its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from audit_suite.cards import load_model_card
from audit_suite.models.vetting import code_of
from audit_suite.registry import LOADERS, SHIPPED

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "howto" / "models.md"
INPUT = '\n[input]\nsize = [32, 32]\nchannels = 1\nresize = "pad"\nmean = [0.5]\nstd = [0.25]\n'

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="runs in a checkout")


def snippets():
    return re.findall(r"```toml\n(.+?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cards")
    for number, text in enumerate(snippets()):
        (folder / f"{number}.toml").write_text(text + INPUT)
    return [load_model_card(folder / f"{number}.toml") for number in range(len(snippets()))]


def test_every_snippet_is_a_card_and_every_loader_has_one(cards):
    assert len({card.name for card in cards}) == len(cards)
    shipped = {name for name in LOADERS if LOADERS.origin(name) == SHIPPED}
    assert {card.loader for card in cards} == shipped


def test_cards_say_that_they_are_trusted_where_it_is_needed_and_nowhere_else(cards):
    for card in cards:
        assert card.trusted == bool(code_of(card)), card.name


def test_each_example_of_the_zoo_is_shown_with_the_same_keys(cards):
    """A snippet has the keys of an example: its loader, its network, its kind of outputs."""
    examples = [
        load_model_card(path) for path in sorted(ROOT.glob("model_zoo/examples/*/card.toml"))
    ]
    shown = {(card.loader, card.architecture, card.activation, card.outputs) for card in cards}
    for card in examples:
        assert (card.loader, card.architecture, card.activation, card.outputs) in shown, card.name


def test_links_lead_somewhere():
    text = PAGE.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^## (.+)$", text, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        assert (PAGE.parent / path).exists(), target
        assert not anchor or anchor in headings, target

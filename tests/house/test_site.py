"""The site: it builds without a warning, and its reference lacks nothing."""

from __future__ import annotations

import html
import re
import subprocess
import sys

import pytest
from house.pages import DOCS, ROOT

from audit_suite.audit.policy import Policy
from audit_suite.audit.waivers import Waiver
from audit_suite.cards import DatasetCard, InputSpec, ModelCard
from audit_suite.registry import CAUSES, LOADERS, MASK_FORMATS, READERS
from audit_suite.training.recipe import Recipe, StudyRecipe

if not DOCS.exists():
    pytest.skip("runs in a checkout, not beside a wheel", allow_module_level=True)
sys.path.insert(0, str(DOCS))

from generate import checks, keys, options, words
from generate.links import on_the_site

FILES = (ModelCard, DatasetCard, Policy, Waiver, Recipe, StudyRecipe)
ALL_TABLES = {
    (table.heading, table.model)
    for file in FILES
    for table in (keys.Table(file.__name__, file), *keys.tables(file))
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site, built with warnings as errors."""
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    built = subprocess.run(
        [*command, "-d", out / "doctrees", DOCS, out / "html"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return out / "html"


def test_it_builds_without_a_warning_and_fetches_nothing_when_read(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 35
    for page in pages:
        text = page.read_text(encoding="utf-8")
        fetched = re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=\"(https?:)?//", text)
        assert not fetched, page
    for style in site.rglob("*.css"):
        assert not re.findall(r"url\([\"']?https?:", style.read_text(encoding="utf-8")), style


def test_it_has_an_entry_for_every_check_cause_loader_reader_and_format(site):
    def source(page):
        return (site / "_generated" / f"{page}.html").read_text(encoding="utf-8")

    def text(page):
        return html.unescape(re.sub(r"<[^>]+>", "", source(page)))

    for _, declared, _ in checks.shipped():
        assert f'id="{declared.id.lower()}"' in source("checks"), declared.id
    causes, model, data = map(text, ("causes", "model-card", "dataset-card"))
    assert all(name in causes for name in CAUSES)
    assert [name for name in LOADERS if f'loader = "{name}"' not in model] == []
    assert [name for name in READERS if f'reader = "{name}"' not in data] == []
    assert [name for name in MASK_FORMATS if f'format = "{name}"' not in data] == []


def test_what_git_ignores_is_what_is_built():
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"/docs/_build/", "/docs/_generated/"} <= set(ignored)


@pytest.mark.parametrize(("heading", "model"), sorted(ALL_TABLES, key=str), ids=str)
def test_every_key_has_a_sentence(heading, model):
    said = words.sentences(model)
    for name in model.model_fields:
        assert said.get(name, "").endswith("."), f"{model.__name__}.{name} of {heading}"


def test_tables_are_found_however_deep():
    headings = {heading for heading, _ in ALL_TABLES}
    assert {
        "[input.clahe]",
        "[margins.NAME]",
        "[targets.NAME]",
        "[[targets]]",
        "[[phantom.shortcuts]]",
        '[regions.NAME] with format = "coco"',
    } <= headings


def test_what_an_audit_needs_is_called_required():
    body = keys._body(InputSpec)
    for key in ("size", "resize", "mean", "std"):
        assert re.search(rf"^`{key}`\n: .*; \*\*required\*\*$", body, re.MULTILINE), key
    assert re.search(r'^`pad_at`\n: `"centre"` or `"end"`; default `"centre"`$', body, re.MULTILINE)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "integer", "minimum": 8, "maximum": 64}, "a whole number from 8 to 64"),
        ({"type": "number", "exclusiveMinimum": 0}, "a number above 0"),
        ({"enum": ["a", "b", "c"]}, '`"a"`, `"b"` or `"c"`'),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text"),
        ({"type": "array", "items": {"type": "string"}}, "a list of texts"),
        (
            {"type": "array", "prefixItems": [{"type": "number"}, {"type": "number"}]},
            "a list of 2: each a number",
        ),
        (
            {"type": "object", "additionalProperties": {"type": "string"}},
            "a table, each value text",
        ),
    ],
)
def test_types_in_words(schema, said):
    assert words.kind_of(schema) == said


def test_every_shipped_check_says_what_a_fail_means_and_what_to_do():
    seen = 0
    for module, declared, function in checks.shipped():
        said = declared.advice
        judged = bool(checks._rules(module, function))
        wanted = {"If it fails", "What to do"} if judged else {"How to read it"}
        assert set(said) == wanted, declared.id
        for sentence in said.values():
            assert sentence.endswith("."), declared.id
            assert len(sentence) > 10, declared.id
        seen += 1
    assert seen > 50


def test_rules_of_helpers_are_those_of_the_checks_that_call_them():
    page = checks.checks_page()
    entry = page[page.index("### R3: ") :]
    assert "hidden.distance_to(0.5) < margin" in entry[:3000]


def test_roles_are_those_of_the_default_policy():
    assert checks._role("R8-box", judged=True) == "required"
    assert checks._role("C14", judged=True) == "asked"
    assert checks._role("R2", judged=True) == "guard"
    assert checks._role("R11", judged=False) == "reports"


def test_every_option_is_listed_with_an_ini_key_that_pytest_knows(pytestconfig):
    listed = options.pytest_options()
    page = options.options_page()
    assert len(listed) > 20
    for name, _, key in listed:
        assert f"`{name}" in page
        assert key or name == "--audit"
        if key:
            pytestconfig.getini(key)  # a ValueError if there is none
            assert f"ini key `{key}`" in page


def test_every_command_is_listed_with_its_options():
    page = options.commands_page()
    for name, command in options.commands():
        entry = page[page.index(f"## `{name}`") :].partition("\n## ")[0]
        for parameter in command.params:
            if not parameter.hidden and parameter.name != "help":
                argument = parameter.param_type_name == "argument"
                word = parameter.metavar if argument else None
                assert (word or max(parameter.opts, key=len)) in entry, (name, parameter.name)


def test_links_lead_to_pages_of_the_site_or_name_the_file():
    page = DOCS / "howto" / "x.md"
    there = DOCS / "_generated" / "x.md"
    for text, expected in (
        ("[a](../data.md#tags)", "[a](../data.md#tags)"),
        ("[a](../../ARCHITECTURE.md)", "[a](architecture.md)"),
        ("[`model_zoo/examples/`](../../model_zoo/examples)", "`model_zoo/examples/`"),
        ("[how](../../Makefile)", "how (`Makefile`)"),
        ("[w](https://x.org) ![p](p.png)", "[w](https://x.org) ![p](p.png)"),
    ):
        assert on_the_site(text, page, there, ROOT) == expected

"""Every key of cards, policies, waivers and recipes, from the models that validate them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel

from audit_suite.audit.policy import Policy
from audit_suite.audit.waivers import Waiver
from audit_suite.cards import DatasetCard, InputSpec, ModelCard, RegionSpec
from audit_suite.registry import LOADERS, MASK_FORMATS, READERS
from audit_suite.training.recipe import Recipe, StudyRecipe
from generate.words import kind_of, sentences, summary


class Table(NamedTuple):
    """A table of a file: its heading as TOML writes it, and the model of its keys."""

    heading: str
    model: type[BaseModel]


def keys_pages() -> dict[str, str]:
    """The pages by name."""
    return {
        "model-card": _page(
            "Model card: every key",
            "How to write one is in [Your model](../howto/models.md) and [From image file to model "
            "input](../howto/preprocessing.md).",
            ModelCard,
            _loaders(),
        ),
        "dataset-card": _page(
            "Data set card: every key",
            "How to write one is in [Labels](../howto/labels.md) and [Masks](../howto/masks.md); "
            "what is read and what is refused, in [Images, masks and tables](../data.md).",
            DatasetCard,
            _readers(),
        ),
        "policy": _page(
            "Policy: every key",
            "`audit-suite policy --out policy.toml` writes the default policy, to start your own "
            "from.",
            Policy,
        ),
        "waivers": "# Waivers: every key\n\nHow to write them is in [Accept a failure for a time]"
        f"(../howto/waivers.md).\n\n## `[[waiver]]`\n\n{_body(Waiver)}",
        "recipes": "# Recipes: every key\n\nA recipe says how `audit-suite train` trains models. "
        "`kind` decides which keys it has.\n\n"
        + "\n".join(
            f'## `kind = "{kind}"`\n\n{_body(model)}{_nested(model, "###")}'
            for kind, model in (("reference", Recipe), ("masking-study", StudyRecipe))
        ),
    }


def tables(model: type[BaseModel], path: str = "") -> Iterator[Table]:
    """The tables inside a table, each before those inside it, as the file writes their headings."""
    for name, field in model.model_fields.items():
        for dots, inner in _models_in(field.annotation):
            here = f"{path}.{name}{dots}".lstrip(".")
            if inner is RegionSpec:
                yield from (
                    Table(f'[{here}] with format = "{name}"', format.keys)
                    for name, format in sorted(MASK_FORMATS.items())
                )
                continue
            listed = get_origin(field.annotation) is tuple
            yield Table(f"[[{here}]]" if listed else f"[{here}]", inner)
            yield from tables(inner, here)


def _models_in(annotation: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """The models in a type, and what stands between the key and their own keys."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield "", annotation
        return
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        yield from ((f".NAME{dots}", model) for dots, model in _models_in(arguments[1]))
        return
    for one in arguments[:1] if get_origin(annotation) is Annotated else arguments:
        yield from _models_in(one)


def _page(title: str, words: str, model: type[BaseModel], more: str = "") -> str:
    return f"# {title}\n\n{words}\n\n## Top of the file\n\n{_body(model)}{_nested(model)}{more}"


def _nested(model: type[BaseModel], level: str = "##") -> str:
    return "".join(f"{level} `{heading}`\n\n{_body(inner)}" for heading, inner in tables(model))


def _body(model: type[BaseModel]) -> str:
    """What the table is, and its keys."""
    properties = model.model_json_schema(by_alias=True)["properties"]
    said = sentences(model)
    keys = []
    for name, field in model.model_fields.items():
        if name == "format" and issubclass(model, RegionSpec):
            continue  # the heading says it
        key = field.alias or name
        use = _use(model, name)
        keys.append(f"`{key}`\n: {kind_of(properties[key])}; {use}\n: {said[name]}\n")
    return f"{summary(model)}\n\n" + "\n".join(keys) + "\n"


def _use(model: type[BaseModel], name: str) -> str:
    """Whether a key must be there, and what holds without it."""
    field = model.model_fields[name]
    if field.is_required() or name in _assumed(model):
        return "**required**"
    default = field.get_default(call_default_factory=True)
    if default is None or default in ((), {}, "") or isinstance(default, BaseModel):
        return "optional"
    shown = list(default) if isinstance(default, tuple) else default
    return f"default `{json.dumps(shown)}`"


def _assumed(model: type[BaseModel]) -> set[str]:
    """The keys of an input without which a card loads, but is not audited."""
    if model is not InputSpec:
        return set()
    return set(re.findall(r"'(\w+)'", InputSpec(size=(8, 8)).assumed.partition(" missing")[0]))


def _loaders() -> str:
    text = "## Loaders\n\nWhat `loader` may say.\n\n"
    for name, loader in sorted(LOADERS.items()):
        takes = " or ".join(getattr(loader, "takes", ("file",)))
        needs = [
            "`architecture`" * bool(loader.needs_architecture),
            f"`weights` or `folds` (a {takes})" * bool(loader.needs_weights),
        ]
        words = " and ".join(filter(None, needs)) or "nothing else"
        text += f'`loader = "{name}"`\n: {summary(type(loader))}\n: Needs {words}.\n\n'
    return text.replace("\n\n    ", "\n    ")


def _readers() -> str:
    text = "## Readers\n\nWhat `reader` may say.\n\n"
    for name, reader in sorted(READERS.items()):
        files = [f"`files.{key}`" for key in sorted(reader.needed_files)]
        also = [f"`files.{key}`" for key in sorted(reader.optional_files)]
        words = f"\n: Needs {' and '.join(files)}." if files else ""
        words += f"\n: May have {' and '.join(also)}." if also else ""
        text += f'`reader = "{name}"`\n: {summary(type(reader))}{words}\n\n'
    return text

"""Load an image classifier of Hugging Face transformers from a local folder."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit_suite.errors import AuditError
from audit_suite.models.libraries import needing
from audit_suite.models.loader import Loader, register_loader
from audit_suite.models.notes import note

if TYPE_CHECKING:
    from torch import nn

    from audit_suite.cards import ModelCard

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_CODE = ("auto_map", "quantization_config")
_ATTENTION = ("attn_implementation", "_attn_implementation")  # OWNER/NAME fetches a kernel
_GENERIC = "LABEL_"  # how transformers names labels that nobody has named


@dataclass(frozen=True)
class HuggingFaceLoader(Loader):
    """A folder with ``config.json`` and ``model.safetensors``, as ``save_pretrained`` writes it.

    Only classes of transformers are used; nothing is fetched, and no code of the folder runs.
    """

    name: str = "huggingface"
    takes: tuple[str, ...] = ("folder",)

    def code(self, card: ModelCard) -> str:
        """Nothing: code that a folder brings is refused."""
        return ""

    def inspect(self, card: ModelCard, weights: Path) -> None:
        """Refuse a folder that lacks a file, or brings code of its own.

        Raises:
            AuditError: If it does.
        """
        where = f"{card.path}: key 'weights': {weights}"
        config = _json(card, weights / "config.json")
        if not any((weights / name).is_file() for name in _WEIGHTS):
            raise AuditError(
                f"{where} holds no model.safetensors",
                "save the model again with model.save_pretrained(folder)",
            )
        fetched = [key for key in _ATTENTION if "/" in str(config.get(key, ""))]
        for key in (*_CODE, *fetched):
            if key in config:
                raise AuditError(
                    f"{where}: config.json has '{key}', so that loading would run code beyond "
                    f"transformers itself: refused",
                    'load it in a function of your own: loader = "callable", trusted = true',
                )

    def load(self, card: ModelCard, weights: Path | None) -> nn.Module:
        """Build the classifier, and name its outputs by ``id2label``.

        Raises:
            AuditError: If it cannot be built, or has weights other than those in the folder.
        """
        assert weights is not None, "the card's validation guarantees it"
        self.inspect(card, weights)
        with needing("transformers", "huggingface"):
            from transformers import AutoModelForImageClassification

        where = f"{card.path}: key 'weights': {weights}"
        try:
            module, loaded = AutoModelForImageClassification.from_pretrained(
                str(weights),
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
            )
        except Exception as error:  # transformers raises many kinds
            raise AuditError(
                f"{where} cannot be read as an image classifier of transformers: "
                f"{str(error).strip().partition(chr(10))[0]}",
                "check config.json, and that the model is one for image classification",
            ) from None
        if missing := sorted({*loaded["missing_keys"], *map(str, loaded["mismatched_keys"])}):
            raise AuditError(
                f"{where} lacks weights of the classifier, which would be random: "
                f"{', '.join(missing[:3])}{' ...' if len(missing) > 3 else ''}",
                "save the trained classifier with save_pretrained, not its backbone",
            )
        labels = _labels(module.config.id2label)
        if not all(label.startswith(_GENERIC) for label in labels):
            module.output_labels = labels
        _compare_input(card, weights)
        network: nn.Module = module
        return network


def _labels(names: dict[Any, str]) -> tuple[str, ...]:
    return tuple(str(names[number]) for number in sorted(names, key=int))


def _json(card: ModelCard, path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AuditError(
            f"{card.path}: key 'weights': {path} cannot be read: {error}",
            "name a folder that model.save_pretrained wrote",
        ) from None
    return content if isinstance(content, dict) else {}


def _compare_input(card: ModelCard, folder: Path) -> None:
    """Note it where the folder says another normalisation than the card."""
    path = folder / "preprocessor_config.json"
    if not path.is_file():
        return
    said = _json(card, path)
    for key, mine in (("image_mean", card.input.mean), ("image_std", card.input.std)):
        theirs = said.get(key)
        if said.get("do_normalize", True) and isinstance(theirs, list) and not _same(mine, theirs):
            note(
                f"{path.name} has {key} = {theirs}, the card input.{key.removeprefix('image_')} = "
                f"{list(mine)}: one of the two is wrong"
            )


def _same(mine: Sequence[float], theirs: Sequence[float]) -> bool:
    length = max(len(mine), len(theirs))
    spread = [list(each) * (length // max(1, len(each))) for each in (mine, theirs)]
    return len(spread[0]) == len(spread[1]) and all(
        math.isclose(one, other, abs_tol=1e-3) for one, other in zip(*spread, strict=True)
    )


register_loader(HuggingFaceLoader())

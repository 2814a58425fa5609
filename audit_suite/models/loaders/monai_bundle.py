"""Load the network of a MONAI bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audit_suite.errors import AuditError
from audit_suite.models.checkpoints import fit_checkpoint
from audit_suite.models.libraries import needing
from audit_suite.models.loader import Loader, card_files, register_loader
from audit_suite.models.weights import inspect_state, read_tensors

if TYPE_CHECKING:
    from torch import nn

    from audit_suite.cards import ModelCard

_CONFIGS = ("inference.json", "inference.yaml", "inference.yml")
_NETWORK = "network_def"  # the name that MONAI's specification of bundles gives it


@dataclass(frozen=True)
class MonaiBundleLoader(Loader):
    """A folder with ``configs/inference.json`` (or yaml) and ``models/model.pt``.

    The configuration can call any function, so that a bundle needs the card's word.
    """

    name: str = "monai_bundle"
    has_states: bool = True
    takes: tuple[str, ...] = ("folder",)

    def code(self, card: ModelCard) -> str:
        """What the configuration calls."""
        return f"the configuration of the MONAI bundle {card_files(card)}"

    def inspect(self, card: ModelCard, weights: Path) -> None:
        """Refuse a folder that lacks a file.

        Raises:
            AuditError: If it does, or its weights hold more than tensors.
        """
        _config(card, weights)
        state = weights / "models" / "model.pt"
        if not state.is_file():
            raise AuditError(
                f"{card.path}: key 'weights': {weights} holds no models/model.pt",
                "download the bundle with its weights",
            )
        inspect_state(card, state)

    def load(self, card: ModelCard, weights: Path | None) -> nn.Module:
        """Build what the configuration calls ``network_def``, and fill in its parameters.

        Raises:
            AuditError: If it cannot be built, or the weights do not fit.
        """
        from torch import nn

        assert weights is not None, "the card's validation guarantees it"
        self.inspect(card, weights)
        config = _config(card, weights)
        with needing("monai", "monai"):
            from monai.bundle.config_parser import ConfigParser

        where = f"{card.path}: key 'weights': {config}"
        try:
            parser = ConfigParser()
            parser.read_config(str(config))
            parser["bundle_root"] = str(weights)
            network = parser.get_parsed_content(_NETWORK)
        except Exception as error:  # it may call anything
            raise AuditError(
                f"{where}: its '{_NETWORK}' cannot be built: {type(error).__name__}: "
                f"{str(error).partition(chr(10))[0]}",
                f"name the network '{_NETWORK}' in the configuration, as MONAI's bundles do",
            ) from None
        if not isinstance(network, nn.Module):
            raise AuditError(
                f"{where}: its '{_NETWORK}' is a {type(network).__name__}, not a network",
                "correct the configuration",
            )
        state = weights / "models" / "model.pt"
        fit_checkpoint(card, network, state, read_tensors(card, state))
        return network


def _config(card: ModelCard, folder: Path) -> Path:
    for name in _CONFIGS:
        if (folder / "configs" / name).is_file():
            return folder / "configs" / name
    raise AuditError(
        f"{card.path}: key 'weights': {folder} holds no configs/inference.json, nor a yaml",
        "name the folder of a MONAI bundle",
    )


register_loader(MonaiBundleLoader())

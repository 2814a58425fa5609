"""Load a model by its card, and run it: one forward pass to scores and embedding."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from audit_suite.cards import ModelCard
from audit_suite.errors import AuditError
from audit_suite.models.digest import model_digest, trunk_digest, weights_file
from audit_suite.models.factory import build

_LISTED = 8  # names shown in a message


class AuditedModel:
    """A loaded model in evaluation mode.

    Attributes:
        card: Its card.
        digest: SHA-256 of what decides its scores.
        trunk: SHA-256 of what decides its embedding, where its scores are the card's head applied
            to that; else None. Models of one trunk need but one pass through it.
    """

    def __init__(self, card: ModelCard, module: nn.Module, digest: str) -> None:
        self.card = card
        self.digest = digest
        self._module = module
        self._embedding: Tensor | None = None
        self._head = None if card.head is None else self._layer(card.head)
        self.trunk = None if card.head is None else trunk_digest(card, module)
        if card.embedding_layer is not None:
            self._layer(card.embedding_layer).register_forward_hook(self._keep)

    @property
    def module(self) -> nn.Module:
        """The network itself, raw outputs of shape (B, T): for explainers that look inside."""
        return self._module

    def __call__(self, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        """Score a batch.

        Args:
            batch: Normalised input, shape (B, C, h, w).

        Returns:
            Scores after the card's activation, shape (B, T), float32, and the embedding, shape
            (B, D), or None if the card names no layer. A spatial embedding is averaged over space.

        Raises:
            AuditError: If the model raises, gives another shape, or a score is not finite.
        """
        with torch.inference_mode():
            try:
                output = self._module(batch)
            except (RuntimeError, ValueError, TypeError) as error:
                raise AuditError(
                    f"{self.card.path}: the model raised {type(error).__name__} on a batch of "
                    f"shape {tuple(batch.shape)}: {str(error).partition(chr(10))[0]}",
                    "check the key 'input' (size, channels) of the card",
                ) from None
            if self._head is not None and self._embedding is not None:
                return self.from_embedding(self._embedding), self._embedding
            scores = self._finite(output, len(batch))
        return scores, self._embedding

    def from_embedding(self, embedding: Tensor) -> Tensor:
        """Scores of embeddings, shape (B, D), of this model or of one of the same trunk.

        Raises:
            AuditError: As a call.
        """
        assert self._head is not None, "only models whose card names a head have a trunk"
        with torch.inference_mode():
            return self._finite(self._head(embedding), len(embedding))

    def check_head(self) -> None:
        """Try, on noise, whether scores are the head applied to the embedding.

        Raises:
            AuditError: If they are not.
        """
        shape = (2, self.card.input.channels, *self.card.input.size)
        device = next(iter(self._module.parameters())).device
        noise = torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(device)
        with torch.inference_mode():
            try:
                whole = self._module(noise)
            except (RuntimeError, ValueError, TypeError):
                return  # a model that cannot take its input says so when it is called
            try:
                assert self._head is not None
                same = torch.allclose(self._head(self._embedding), whole, atol=1e-4)
            except (RuntimeError, TypeError):
                same = False
        if not same:
            raise AuditError(
                f"{self.card.path}: key 'head': the model is not its layer '{self.card.head}' "
                f"applied to the output of '{self.card.embedding_layer}'",
                "correct the keys 'head' and 'embedding_layer', or leave 'head' out",
            )

    def _finite(self, output: object, batch: int) -> Tensor:
        scores = self._activate(self._check(output, batch))
        if not torch.isfinite(scores).all():
            raise AuditError(
                f"{self.card.path}: the model gives scores that are not finite",
                "look at the weights and at mean and std under 'input'",
            )
        return scores

    def _check(self, output: object, batch: int) -> Tensor:
        wanted = (batch, len(self.card.targets))
        if isinstance(output, Tensor) and output.ndim == 1 and wanted[1] == 1:
            output = output[:, None]
        if not isinstance(output, Tensor) or tuple(output.shape) != wanted:
            given = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise AuditError(
                f"{self.card.path}: key 'targets' names {wanted[1]} outputs, the model gives "
                f"{given} for {batch} images",
                "list one target an output, in the model's order",
            )
        return output.float()

    def _activate(self, output: Tensor) -> Tensor:
        if self.card.activation == "sigmoid":
            return output.sigmoid()
        return output.softmax(dim=1) if self.card.activation == "softmax" else output

    def _layer(self, name: str) -> nn.Module:
        layers: dict[str, nn.Module] = dict(self._module.named_modules())
        if name not in layers:
            known = [layer for layer in layers if layer][-_LISTED:]
            raise AuditError(
                f"{self.card.path}: key 'embedding_layer': the model has no layer '{name}'",
                f"its last layers are: {', '.join(known) or 'not visible in this format'}",
            )
        return layers[name]

    def _keep(self, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        spatial = tuple(range(2, output.ndim))
        self._embedding = output.float().mean(dim=spatial) if spatial else output.float()


def load_model(card: ModelCard, fold: int | None = None, device: str = "cpu") -> AuditedModel:
    """Load a model, or one fold of it, and try it on an empty batch.

    Args:
        card: The model's card.
        fold: Which of ``folds``; None for a model with one set of weights.
        device: Where it runs.

    Raises:
        AuditError: If a file is missing or unsafe, weights do not fit, or outputs do not match
            the card's targets; names card and key.
    """
    path = weights_file(card, fold)
    if card.loader == "architecture":
        module = _module(card, build(card))
        assert path is not None, "the card's validation guarantees it"
        _put_weights(card, module, path, _read_state(card, path))
    elif card.loader == "callable":
        module = _module(card, build(card) if path is None else build(card, weights=str(path)))
    else:
        assert path is not None, "the card's validation guarantees it"
        module = _load_archive(card, path)
    if card.loader != "export":  # an exported program has no modes; it is what was exported
        module.eval()
    blank = torch.zeros((2, card.input.channels, *card.input.size), device=device)
    module = module.to(device)
    if device == "cpu":
        _put_channels_last(module, blank)
    model = AuditedModel(card, module, model_digest(card, fold))
    if card.head is not None:
        model.check_head()
    model(blank)
    return model


def build_module(card: ModelCard, initial: str | None, trainable: tuple[str, ...]) -> nn.Module:
    """The network of a card before training.

    Args:
        card: Its ``architecture`` and ``arguments`` are built.
        initial: What training starts from: a factory, a weights file that fits but for the
            trainable layers, or None for the architecture's own initialisation.
        trainable: Layers that learn; a weights file need not hold them.

    Raises:
        AuditError: If the factory or the file is missing or does not fit.
    """
    if initial is None:
        return _module(card, build(card))
    if ":" in initial:
        return _module(card, build(card.model_copy(update={"architecture": initial})))
    module = _module(card, build(card))
    path = card.resolve(initial)
    if not path.is_file():
        raise AuditError(
            f"{card.path}: key 'initial': {path} does not exist",
            "name a weights file relative to the recipe, or a factory",
        )
    own = module.state_dict()
    learns = {key for key in own if key.startswith(tuple(f"{layer}." for layer in trainable))}
    state = _read_state(card, path)
    kept = {key: value for key, value in state.items() if key in own and key not in learns}
    _put_weights(card, module, path, {**{key: own[key] for key in learns}, **kept})
    return module


def _module(card: ModelCard, built: object) -> nn.Module:
    if not isinstance(built, nn.Module):
        raise AuditError(
            f"{card.path}: key 'architecture': '{card.architecture}' returned "
            f"{type(built).__name__}, not a torch.nn.Module",
            "wrap the function in a module: scores of shape (batch, targets) from `forward`",
        )
    return built


def _load_archive(card: ModelCard, path: Path) -> nn.Module:
    try:
        if card.loader == "torchscript":
            script: nn.Module = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
            return script
        program: nn.Module = torch.export.load(str(path)).module()
        return program
    except Exception as error:
        kind = "TorchScript" if card.loader == "torchscript" else "torch.export"
        raise AuditError(
            f"{card.path}: key 'weights': {path} cannot be read as a {kind} archive: "
            f"{str(error).partition(chr(10))[0]}",
            "check the key 'loader', or export the model again",
        ) from None


def _put_channels_last(module: nn.Module, blank: Tensor) -> None:
    """Lay weights out as convolutions on a CPU are fastest: up to a third less time a pass.

    A network that calls ``view`` on what a convolution gives cannot take it, and stays as it was.
    """
    try:
        module.to(memory_format=torch.channels_last)
        with torch.inference_mode():
            module(blank)
    except Exception:  # whatever else is wrong is said when the model is tried as it was
        module.to(memory_format=torch.contiguous_format)


def _put_weights(card: ModelCard, module: nn.Module, path: Path, state: dict[str, Tensor]) -> None:
    own = module.state_dict()
    missing, unexpected = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    shapes = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(own[name].shape)}"
        for name in sorted(own.keys() & state.keys())
        if state[name].shape != own[name].shape
    ]
    wrong = [
        f"{what}: {', '.join(names[:3])}{' ...' if len(names) > 3 else ''}"
        for what, names in (("missing", missing), ("unexpected", unexpected), ("shape", shapes))
        if names
    ]
    if wrong:
        raise AuditError(
            f"{card.path}: the weights {path} do not fit '{card.architecture}': {'; '.join(wrong)}",
            "check the keys 'architecture' and 'arguments' (the number of outputs, for example)",
        )
    module.load_state_dict(state)


def _read_state(card: ModelCard, path: Path) -> dict[str, Tensor]:
    where = f"{card.path}: key 'weights': {path}"
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise AuditError(
                f"{where} is no readable safetensors file: {error}", "save it again"
            ) from None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise AuditError(
            f"{where} holds more than tensors and would run code when loaded: refused",
            "save the state dict alone as .safetensors (safetensors.torch.save_file)",
        ) from None
    except Exception as error:
        raise AuditError(f"{where} cannot be read: {error}", "save it again") from None
    state = state.get("state_dict", state) if isinstance(state, dict) else state
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise AuditError(f"{where} is no state dict", "save model.state_dict()")
    return state

"""A loaded model: one forward pass to scores and embedding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from audit_suite.cards import ModelCard
from audit_suite.errors import AuditError
from audit_suite.models.compiling import Compiled, CompiledForms
from audit_suite.models.layout import Layout
from audit_suite.models.outputs import (
    Picked,
    check_outputs,
    find_columns,
    find_pick,
    labels_of,
    ranked,
)
from audit_suite.out_of_memory import ran_out

_LISTED = 8  # layer names shown in a message


class AuditedModel:
    """A loaded model in evaluation mode.

    Attributes:
        card: Its card.
        digest: SHA-256 of what decides its scores.
        trunk: SHA-256 of what decides its embedding, if its scores are the card's head applied to
            the embedding; else None. Models with the same trunk share one pass through it.
        notes: What loading decided that the card does not say.
        module: The network with raw outputs of shape (B, K), for explainers.
        count: K, the number of its outputs.
        columns: The position of each target among these.
        device: Where it runs: ``cpu`` or ``cuda``.
    """

    def __init__(
        self,
        card: ModelCard,
        network: nn.Module,
        digest: str,
        trunk: str | None,
        device: str = "cpu",
    ) -> None:
        self.card = card
        self.device = device
        self._running: Compiled | None = None
        self._compiled = CompiledForms()
        self._layout = Layout(network)
        self.digest = digest
        self.trunk = trunk
        self.notes: tuple[str, ...] = ()
        self.module = network
        self.count, self.columns = find_columns(card, labels_of(network))
        self._network = network
        self._seen = _Embedding()
        self._head = None if card.head is None else self._layer(card.head)
        if card.embedding_layer is not None:
            self._layer(card.embedding_layer).register_forward_hook(self._seen)

    def find_outputs(self, batch: Tensor) -> None:
        """Find the scores in what the network returns for a batch.

        Raises:
            AuditError: If it is unclear which they are, or the network raises.
        """
        with torch.inference_mode():
            pick = find_pick(self.card, self._run(batch), len(batch))
        if pick is not None:
            self.module = Picked(self._network, pick)

    def __call__(self, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        """Score a batch; as `score`, and wait for the scores.

        Raises:
            AuditError: If the model raises or returns another shape, or a score is not finite.
            RuntimeError: If memory runs out, unchanged.
        """
        scores, embedding = self.score(batch)
        self.refuse_infinite(scores)
        return scores, embedding

    def score(self, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        """Score a batch; on CUDA the scores may still be computed when this returns.

        Args:
            batch: Normalised input, shape (B, C, h, w).

        Returns:
            Scores as they are ranked (`outputs.ranked`), shape (B, T), float64, and the embedding,
            shape (B, D), or None if the card names no layer. A spatial one is averaged over space.
            Whoever reads the scores calls `refuse_infinite`.

        Raises:
            AuditError: If the model raises or returns another shape.
            RuntimeError: If memory runs out, unchanged.
        """
        with torch.inference_mode():
            self._seen.value = None
            output = self._run(batch)
            embedding = self._seen.value
            if self._head is not None and embedding is not None:
                return self.from_embedding(embedding), embedding
            return self._ranked(output, len(batch)), embedding

    def refuse_infinite(self, scores: Tensor) -> None:
        """Refuse scores that are not finite.

        Raises:
            AuditError: If one is not.
        """
        if not torch.isfinite(scores).all():
            raise AuditError(
                f"{self.card.path}: the model returns scores that are not finite",
                "check the weights, and 'mean' and 'std' under 'input'",
            )

    def compiled_for(self, batch: Tensor) -> Compiled | None:
        """The network compiled for batches like this one, in the arithmetic of now; tried once.

        Args:
            batch: Normalised input, shape (B, C, h, w).

        Returns:
            None if it cannot be compiled.
        """
        return self._compiled.of(self.module, batch)

    @contextmanager
    def running(self, compiled: Compiled | None) -> Iterator[None]:
        """Score batches by a compiled form where it fits; without this by the network itself.

        So digits depend on what is scored, and not on what the process has compiled before.

        Args:
            compiled: From `compiled_for`.
        """
        self._running = compiled
        try:
            yield
        finally:
            self._running = None

    def noise(self, count: int) -> Tensor:
        """Images of noise, shape (count, C, h, w), in [0, 1], where the network is."""
        shape = (count, self.card.input.channels, *self.card.input.size)
        weights = next(self._network.parameters(), None)
        device = self.device if weights is None else weights.device
        return torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(device)

    def lay_out(self, channels_last: bool) -> None:
        """Store the weights in the order in which convolutions are fastest, if the model can.

        Args:
            channels_last: Whether the channels of a pixel lie together in memory.
        """
        self._layout.put(channels_last, partial(self.noise, 2))

    @contextmanager
    def exact_outputs(self) -> Iterator[None]:
        """Compute the last linear layer in fp32 under autocast, if it gives the outputs."""
        linear = [m for m in self._network.modules() if isinstance(m, nn.Linear)]
        last = next((m for m in reversed(linear) if m.out_features == self.count), None)
        if last is None:
            yield
            return
        forward = last.forward

        def exact(batch: Tensor) -> Tensor:
            with torch.autocast(batch.device.type, enabled=False):
                return forward(batch.float())

        last.forward = exact  # type: ignore[assignment,method-assign]  # a copy must not have it
        try:
            yield
        finally:
            del last.forward

    def _run(self, batch: Tensor) -> Any:
        try:
            if self._running is not None and self._running.fits(batch):
                return self._running(batch)
            return self.module(batch)
        except (Exception, SystemExit) as error:  # whatever it raises is a finding about it
            if ran_out(error):
                raise
            raise AuditError(
                f"{self.card.path}: the model raised {type(error).__name__} on a batch of "
                f"shape {tuple(batch.shape)}: {str(error).partition(chr(10))[0]}",
                "check the key 'input' (size, channels) of the card",
            ) from None

    def outputs(self, batch: Tensor) -> Tensor:
        """Raw outputs of a batch before the activation, shape (B, K), float32.

        Raises:
            AuditError: If the model raises or returns another shape.
        """
        with torch.inference_mode():
            return check_outputs(self.card, self._run(batch), len(batch), self.count)

    def from_embedding(self, embedding: Tensor) -> Tensor:
        """Scores of embeddings that come from this model or from one with the same trunk.

        Args:
            embedding: Shape (B, D).

        Returns:
            Scores as they are ranked (`outputs.ranked`), shape (B, T), float64.

        Raises:
            AuditError: If the head returns another shape.
        """
        assert self._head is not None, "only models whose card names a head have a trunk"
        with torch.inference_mode():
            return self._ranked(self._head(embedding), len(embedding))

    def check_head(self) -> None:
        """Check, on noise, that scores are the head applied to the embedding.

        Raises:
            AuditError: If they are not.
        """
        noise = self.noise(2)
        with torch.inference_mode():
            try:
                whole = self.module(noise)
            except Exception:
                return  # a model that cannot take its input is reported when it is called
            try:
                assert self._head is not None
                same = torch.allclose(self._head(self._seen.value), whole, atol=1e-4)
            except (RuntimeError, TypeError):
                same = False
        if not same:
            raise AuditError(
                f"{self.card.path}: key 'head': the model is not its layer '{self.card.head}' "
                f"applied to the output of '{self.card.embedding_layer}'",
                "correct the keys 'head' and 'embedding_layer', or leave 'head' out",
            )

    def _ranked(self, output: object, batch: int) -> Tensor:
        outputs = check_outputs(self.card, output, batch, self.count)
        return ranked(self.card, outputs, self.columns)

    def _layer(self, name: str) -> nn.Module:
        layers: dict[str, nn.Module] = dict(self._network.named_modules())
        if name not in layers:
            known = [layer for layer in layers if layer][-_LISTED:]
            raise AuditError(
                f"{self.card.path}: key 'embedding_layer': the model has no layer '{name}'",
                f"its last layers are: {', '.join(known) or 'not visible in this format'}",
            )
        return layers[name]


class _Embedding:
    """A hook that keeps what a layer returned last, averaged over space.

    A copy of the network gets a hook of its own, which has seen nothing.
    """

    def __init__(self) -> None:
        self.value: Tensor | None = None

    def __call__(self, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        output = output.detach().float()  # a gradient's graph would keep the whole pass in memory
        spatial = tuple(range(2, output.ndim))
        self.value = output.mean(dim=spatial) if spatial else output

    def __deepcopy__(self, _memo: dict[int, Any]) -> _Embedding:
        return _Embedding()

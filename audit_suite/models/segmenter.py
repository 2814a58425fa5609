"""A segmentation model by its card: from a batch of images to the probabilities of its regions."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from audit_suite.cards import ModelCard
from audit_suite.errors import AuditError
from audit_suite.models.load import load_module
from audit_suite.models.placing import placed
from audit_suite.models.preprocessing import normalise

_THRESHOLD = 0.5


class Segmenter:
    """A loaded segmentation model in evaluation mode.

    Attributes:
        card: Its card; ``targets`` names the channels of its output.
        digest: SHA-256 of what decides its masks.
    """

    def __init__(self, card: ModelCard, device: str) -> None:
        module, identity = load_module(card, None)
        self.card = card
        self.digest = identity.digest()
        self._module = placed(module, device)

    def __call__(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Segment a batch.

        Args:
            batch: Shape (B, C, h, w), in [0, 1].

        Returns:
            The regions, shape (B, K, h, w), bool: with softmax the pixels at which the channel is
            the largest, else those with a probability above one half. And how far each pixel is
            from the other answer, shape (B, K, h, w), -1 to 1: twice the probability less 1, with
            softmax the probability less that of the next best channel.

        Raises:
            AuditError: If the model raises, or its output has another shape or is not finite.
        """
        probabilities = self._probabilities(batch)
        if self.card.activation == "softmax":
            best = probabilities.argmax(dim=1, keepdim=True)
            number = torch.arange(probabilities.shape[1], device=best.device)[None, :, None, None]
            two = probabilities.topk(2, dim=1).values
            other = torch.where(number == best, two[:, 1:], two[:, :1])
            return number == best, probabilities - other
        return probabilities > _THRESHOLD, 2 * probabilities - 1

    def _probabilities(self, batch: Tensor) -> Tensor:
        with torch.inference_mode():
            try:
                output = self._module(normalise(batch, self.card.input))
            except (Exception, SystemExit) as error:
                raise AuditError(
                    f"{self.card.path}: the model raised {type(error).__name__} on a batch of "
                    f"shape {tuple(batch.shape)}: {str(error).partition(chr(10))[0]}",
                    "check the key 'input' (size, channels) of the card",
                ) from None
            channels = self._channels(output, len(batch)).float()
            if channels.shape[2:] != batch.shape[2:]:
                size = list(batch.shape[2:])
                channels = interpolate(channels, size, mode="bilinear", align_corners=False)
            if not torch.isfinite(channels).all():
                raise AuditError(
                    f"{self.card.path}: the model returns values that are not finite",
                    "check the weights, and 'mean' and 'std' under 'input'",
                )
            if self.card.activation == "sigmoid":
                return channels.sigmoid()
            return channels.softmax(dim=1) if self.card.activation == "softmax" else channels

    def _channels(self, output: object, batch: int) -> Tensor:
        """The output as (B, K, h, w); torchvision's networks return it under ``out``."""
        if isinstance(output, Mapping) and isinstance(output.get("out"), Tensor):
            output = output["out"]
        wanted = (batch, len(self.card.targets))
        if isinstance(output, Tensor) and output.ndim == 3 and wanted[1] == 1:
            output = output[:, None]
        if not isinstance(output, Tensor) or output.ndim != 4 or tuple(output.shape[:2]) != wanted:
            actual = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise AuditError(
                f"{self.card.path}: key 'targets' names {wanted[1]} channels, the model returns "
                f"{actual} for {batch} images",
                "list one target per channel of the output (batch, channels, height, width), in "
                "the model's order, the background too if it has a channel",
            )
        return output

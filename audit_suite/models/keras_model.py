"""A Keras model on batches of torch."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from audit_suite.cards import ModelCard
from audit_suite.models.arrays import channels_last

_SEED = "seed_generator_state"  # drawn anew by each process, and used in training alone


class ChannelsLast(nn.Module):
    """A Keras model; it is given its images as (B, H, W, C) if it takes them so.

    Args:
        card: Its ``input`` must agree with the model's.
        model: A Keras model on the torch backend, which is a module.

    Raises:
        AuditError: If it takes other images.
    """

    def __init__(self, card: ModelCard, model: Any) -> None:
        super().__init__()
        self.model = model
        for variable in model.variables:
            if variable.path.endswith(_SEED):
                variable.assign(variable * 0)
        self.last = channels_last(card, tuple(model.input_shape), "the Keras model")

    def forward(self, batch: Tensor) -> Any:
        """The outputs; Keras' layers are given their mode by each call."""
        return self.model(batch.permute(0, 2, 3, 1) if self.last else batch, training=False)

"""Scores of images that are already at a model's input, in batches that fit its memory."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit_suite.evidence.arithmetic import computing_in
from audit_suite.evidence.source import EvidenceSource, Pair
from audit_suite.models.preprocessing import normalise
from audit_suite.out_of_memory import in_batches
from audit_suite.pulse import beat


class Scorer:
    """One fold of a model, in the precision of its stored scores; only where models run.

    Attributes:
        batch: Images scored at once; halved when memory runs out.
    """

    def __init__(self, pair: Pair, source: EvidenceSource) -> None:
        """Look up the precision.

        Args:
            pair: The model's card, its fold, and the data set whose images are scored.
            source: Models, profile and store.

        Raises:
            AuditError: If the model or data set cannot be loaded.
        """
        self._card, self._fold, _ = pair
        self._source = source
        self._precision = source.precisions.of(pair)
        self.batch = source.profile.batch_for(self._card.input.size)

    def __call__(self, images: NDArray[np.float32], target: str) -> NDArray[np.float64]:
        """The scores for one target, shape (n,), as they are ranked.

        Args:
            images: Shape (n, C, H, W), in [0, 1], not normalised.
            target: One of the model's.
        """
        spec, device = self._card.input, self._source.profile.device
        model = self._source.model(self._card, self._fold)
        column = self._card.targets.index(target)

        def scored(part: Tensor) -> NDArray[np.float64]:
            with computing_in(self._precision, model):
                out, _ = model(normalise(part.to(device), spec))
            beat(len(part))
            values: NDArray[np.float64] = out[:, column].double().cpu().numpy()
            return values

        scores, self.batch = in_batches(
            torch.from_numpy(images), self.batch, scored, self._card.path
        )
        return np.concatenate([np.zeros(0), *scores])

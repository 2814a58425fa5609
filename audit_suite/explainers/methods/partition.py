"""Owen values of a hierarchy of tiles: the model as a black box."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.explainers.explainer import Explained, batch_for, raw_outputs, register_explainer

if TYPE_CHECKING:
    from torch import Tensor, nn

_CELLS = 64  # along a side at most: a few hundred evaluations cannot resolve more


@dataclass(frozen=True)
class Partition:
    """An image halved repeatedly where the output changes most, by shap's Partition explainer.

    Owen values of tiles (Lundberg and Lee, NeurIPS 2017; Owen, Lecture Notes in Economics and
    Mathematical Systems 141, 1977). A tile that is not split further shares its value evenly among
    its pixels.

    Attributes:
        evaluations: Masked versions of an image.
        mean_reference: Show the mean of the references in hidden tiles. False scores every version
            with each reference in turn and averages the scores, at as many times the cost.
        at_once: Versions between two choices of splits. More are faster, but the splits are chosen
            less well.
        batch_size: Images per forward pass; None for as many as half a million pixels make.
    """

    evaluations: int = 300
    mean_reference: bool = True
    at_once: int = 10
    batch_size: int | None = None

    @property
    def name(self) -> str:
        """Its slug."""
        return "partition"

    @property
    def passes(self) -> int:
        """Forward passes per image, about; a backward pass counts as two."""
        return self.evaluations

    def explain(
        self, module: nn.Module, output: int, images: Tensor, references: Tensor, seed: int
    ) -> Explained:
        """Explain one output for some images; the seed breaks ties between equal tiles."""
        import torch
        from shap.explainers import Partition as Splitter

        from audit_suite.explainers.region_shapley import coalition_values

        images, references = images.detach(), references.detach()
        if self.mean_reference:
            references = references.mean(dim=0, keepdim=True)
        size = batch_for(images, self.batch_size)
        outputs = raw_outputs(module, output, images, size)
        expected = raw_outputs(module, output, references, size).mean().expand(len(images))
        cells, masker = _cells(*images.shape[2:])
        cells = cells.to(images.device)
        area = torch.bincount(cells.flatten()).cpu().numpy()

        def score(batch: Tensor) -> Tensor:
            return raw_outputs(module, output, batch, size)

        maps = []
        for image in images:

            def value(shown: NDArray[np.bool_], image: Tensor = image) -> NDArray[np.float64]:
                return coalition_values(score, image, cells, shown, references, size)

            with _numpy_seed(seed):
                tiles = Splitter(value, masker)(
                    np.ones((1, len(area)), dtype=np.bool_),
                    max_evals=self.evaluations,
                    batch_size=self.at_once,
                    silent=True,
                )
            maps.append(torch.from_numpy(tiles.values[0] / area).to(images.device)[cells])
        return Explained(torch.stack(maps).float(), outputs, expected)


class _Masker:
    """Presents an image to shap as a row of cells; the scoring function hides them itself."""

    fixed_background = False
    immutable_outputs = True

    def __init__(self, clustering: NDArray[np.float64]) -> None:
        self.clustering = clustering
        self.shape = (1, len(clustering) + 1)

    def __call__(self, mask: NDArray[np.bool_], _image: NDArray[Any]) -> tuple[NDArray[np.bool_]]:
        return (mask[None],)


def _cells(height: int, width: int) -> tuple[Tensor, _Masker]:
    """Number of each pixel's cell, shape (H, W), and how cells are grouped, for shap."""
    import torch
    from shap.maskers import Image

    side = math.ceil(max(height, width) / _CELLS)
    rows, columns = math.ceil(height / side), math.ceil(width / side)
    numbers = torch.arange(rows * columns).view(rows, columns)
    cells = numbers.repeat_interleave(side, dim=0).repeat_interleave(side, dim=1)
    grouped = Image(np.zeros((rows, columns, 1))).clustering
    return cells[:height, :width].contiguous(), _Masker(grouped)


@contextmanager
def _numpy_seed(seed: int) -> Iterator[None]:
    """Seed numpy's global random numbers, which shap draws from, and restore them afterwards."""
    before = np.random.get_state()
    np.random.seed(seed % 2**32)
    try:
        yield
    finally:
        np.random.set_state(before)


register_explainer(Partition())

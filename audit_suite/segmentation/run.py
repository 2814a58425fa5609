"""Run a segmentation model on images of a data set: what happens where models run."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from audit_suite.cards import DatasetCard, ModelCard
from audit_suite.datasets import BadImage
from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceSource
from audit_suite.evidence.breakdown import as_audit_error, checked
from audit_suite.models.vetting import vet

_HERE = "audit_suite.segmentation.run:answer"


class _PlainMask(BaseModel):
    """A mask as plain values."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    shape: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
    bits: str
    margin: float


class _Answer(BaseModel):
    """What the model's process answers: its digest and, by image, masks by region."""

    model_config = ConfigDict(extra="forbid")

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    images: list[dict[str, _PlainMask] | None]


@dataclass(frozen=True)
class Segmented:
    """One region of one image.

    Attributes:
        mask: Shape (H, W), of the image's own size.
        margin: How far the pixels inside are from the other answer, mean, 0 to 1; 0 if empty.
    """

    mask: NDArray[np.bool_]
    margin: float


def segmented(
    source: EvidenceSource,
    model: ModelCard,
    dataset: DatasetCard,
    regions: Sequence[str],
    indices: Sequence[int],
) -> tuple[str, list[dict[str, Segmented] | None]]:
    """Segment some images in the process of the model.

    Args:
        source: Data sets and executor.
        model: Card of a segmentation model.
        dataset: Card of the images.
        regions: Names among the model's targets.
        indices: The images.

    Returns:
        The model's digest and, by image, its regions; None for an image that cannot be read.

    Raises:
        AuditError: If the model runs code and its card does not trust it, or if it cannot be
            loaded or run.
    """
    vet(model, None)
    try:
        told = source.call(_HERE, model, dataset, list(regions), list(indices), of=[model])
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a model's code may raise anything
        raise as_audit_error(error, f"{model.path}: running the model") from None
    answer = checked(TypeAdapter(_Answer), told)
    return answer.digest, [
        None if image is None else {name: _segmented(one) for name, one in image.items()}
        for image in answer.images
    ]


def answer(
    source: EvidenceSource,
    say: Callable[[str], None],
    model: ModelCard,
    dataset: DatasetCard,
    regions: Sequence[str],
    indices: Sequence[int],
) -> dict[str, object]:
    """Run by the executor: `segmented` as plain values."""
    import torch

    from audit_suite.evidence.arithmetic import fix_arithmetic
    from audit_suite.models.preprocessing import fit_geometry
    from audit_suite.models.resizing import unfit_mask

    fix_arithmetic(source.profile)
    spec, device = model.input, source.profile.device
    segmenter = _segmenter(model, device)
    channels = [model.targets.index(name) for name in regions]
    images: list[dict[str, object] | None] = []
    for index in indices:
        try:
            sample = source.dataset(dataset).read(index)
        except BadImage:
            images.append(None)
            continue
        image = sample.image
        fitted, _ = fit_geometry(image, {}, spec, sample.file)
        # One by one: a mask must not depend on the images beside it.
        inside, margins = segmenter(torch.from_numpy(fitted)[None].to(device))
        there: dict[str, object] = {}
        for name, channel in zip(regions, channels, strict=True):
            small = inside[0, channel].cpu().numpy()
            margin = float(margins[0, channel][inside[0, channel]].mean()) if small.any() else 0.0
            mask = unfit_mask(small, (image.shape[0], image.shape[1]), spec)
            there[name] = {"shape": mask.shape, "bits": _packed(mask), "margin": margin}
        images.append(there)
        say(f"{dataset.name}: image {index + 1} of {len(source.dataset(dataset).cases)}")
    return {"digest": segmenter.digest, "images": images}


@lru_cache(maxsize=1)
def _segmenter(card: ModelCard, device: str):  # type: ignore[no-untyped-def]  # names torch
    from audit_suite.models.segmenter import Segmenter

    return Segmenter(card, device)


def _packed(mask: NDArray[np.bool_]) -> str:
    return base64.b64encode(zlib.compress(np.packbits(mask).tobytes())).decode()


def _segmented(plain: _PlainMask) -> Segmented:
    count = plain.shape[0] * plain.shape[1]
    try:
        bits = np.frombuffer(zlib.decompress(base64.b64decode(plain.bits)), np.uint8)
        mask = np.unpackbits(bits, count=count).astype(np.bool_).reshape(plain.shape)
    except (ValueError, zlib.error):
        raise AuditError(
            "the process that ran the model gave a mask that cannot be read",
            "correct the model's code: it interferes with the program that runs it",
        ) from None
    return Segmented(mask, min(max(plain.margin, 0.0), 1.0))

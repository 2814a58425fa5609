"""What an explainer is: its protocol, its registration, and checks of what it returns."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, is_dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from audit_suite.errors import AuditError
from audit_suite.pulse import beat
from audit_suite.registry import EXPLAINERS, registering
from audit_suite.verdict import NotApplicable

if TYPE_CHECKING:
    from torch import Tensor, nn

_PIXELS = {"cpu": 1 << 19, "cuda": 1 << 22}  # a pass back takes several times the memory
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")  # it is a part of case ids
_REGIONS = "region-shapley"  # how needs name the values of regions, which are not a map


@dataclass(frozen=True)
class Explained:
    """Signed attributions of one output for a batch of images.

    Attributes:
        maps: Shape (N, H, W), float32: attribution of each pixel, summed over channels, in units
            of the output explained (the model's raw output, before any activation).
        outputs: Shape (N,), f(x).
        expected: Shape (N,), the baseline: an image's attributions add up to f(x) minus this. It is
            E f over the references. NaN for methods whose attributions do not add up.
    """

    maps: Tensor
    outputs: Tensor
    expected: Tensor


@runtime_checkable
class Explainer(Protocol):
    """A method that attributes an output to pixels; registered by `register_explainer`.

    A small frozen dataclass of its settings: they are a part of the key under which its maps are
    stored. Its module is imported whenever names are looked up, so import torch inside `explain`.
    """

    @property
    def name(self) -> str:
        """Stable slug of lower-case letters, digits and hyphens, for example ``gradient``."""
        ...

    def explain(
        self, module: nn.Module, output: int, images: Tensor, references: Tensor, seed: int
    ) -> Explained:
        """Explain one output for some images.

        Args:
            module: The model in evaluation mode; (B, C, H, W) in, (B, T) out. It must be left
                unchanged.
            output: Which of the T outputs.
            images: Shape (N, C, H, W), as the model takes them (normalised).
            references: Shape (R, C, H, W), likewise: images that replace what is "absent"; never
                the explained ones.
            seed: Decides every random draw.

        Raises:
            NotApplicable: If the method cannot handle this model; the message says why.
        """
        ...


AnyExplainer = TypeVar("AnyExplainer", bound=Explainer)


def register_explainer(explainer: AnyExplainer) -> AnyExplainer:
    """Make an explainer known to needs and the command line by its name.

    Raises:
        AuditError: If it is not an explainer, its settings cannot be written as JSON, or its name
            is taken or not a slug.
    """
    if isinstance(explainer, type) or not isinstance(explainer, Explainer):
        raise AuditError(
            f"{registering()} registers {explainer!r}, which is not an explainer",
            "register an object with name and explain",
        )
    if not _NAME.fullmatch(explainer.name) or explainer.name == _REGIONS:
        raise AuditError(
            f"{registering()} registers an explainer '{explainer.name}': the name cannot be used",
            f"use lower-case letters, digits and hyphens; '{_REGIONS}' is reserved",
        )
    try:
        _settings(explainer)
    except (TypeError, ValueError) as error:
        raise AuditError(
            f"{registering()} registers the explainer '{explainer.name}', whose settings cannot be "
            f"part of a key: {error}",
            "make it a dataclass whose fields are numbers, strings, or lists of these",
        ) from None
    EXPLAINERS.register(explainer.name, explainer)
    return explainer


def _settings(explainer: Any) -> str:
    if not is_dataclass(explainer):
        raise TypeError(f"{type(explainer).__name__} is not a dataclass")
    return json.dumps(asdict(explainer), allow_nan=False)  # type: ignore[arg-type]


def explain(
    explainer: Explainer,
    module: nn.Module,
    output: int,
    images: Tensor,
    references: Tensor,
    seed: int,
) -> Explained:
    """Call a registered explainer, and check what it does.

    Args:
        explainer: A registered explainer, with its usual or with other settings.
        module: As for `Explainer.explain`, like all that follow.
        output: Which of the outputs.
        images: Shape (N, C, H, W).
        references: Shape (R, C, H, W).
        seed: Decides every random draw.

    Raises:
        NotApplicable: If the method cannot handle this model.
        RuntimeError: From torch, unchanged: the network or the machine may be the cause.
        AuditError: If the explainer raises anything else or returns the wrong thing; names it.
    """
    try:
        explained: object = explainer.explain(module, output, images, references, seed)
    except (NotApplicable, AuditError, RuntimeError, MemoryError):
        raise
    except Exception as error:
        what = f"raised {type(error).__name__}: {error}"
        raise EXPLAINERS.misbehaved(explainer.name, what) from error
    if wrong := _wrong(explained, images):
        raise EXPLAINERS.misbehaved(explainer.name, f"returned {wrong}")
    assert isinstance(explained, Explained)
    return explained


def _wrong(explained: object, images: Tensor) -> str:
    """What is wrong with an answer; empty if nothing is."""
    if not isinstance(explained, Explained):
        return f"{type(explained).__name__}, not Explained"
    count, _, height, width = images.shape
    for key, wanted in (
        ("maps", (count, height, width)),
        ("outputs", (count,)),
        ("expected", (count,)),
    ):
        shape = tuple(getattr(explained, key).shape)
        if shape != wanted:
            return f"{key} of shape {shape} instead of {wanted}"
    if explained.outputs.isfinite().all() and not explained.maps.isfinite().all():
        return "maps that are not finite, although the model's outputs are"
    return ""


def batch_for(images: Tensor, given: int | None) -> int:
    """Images per pass: as given, else as many as the device's pixels make, 128 at most."""
    fitting = _PIXELS.get(images.device.type, 1 << 19) // (images.shape[2] * images.shape[3])
    return given or max(1, min(128, fitting))


def raw_outputs(
    module: nn.Module, output: int, images: Tensor, batch_size: int | None = None
) -> Tensor:
    """One output of a module for some images, shape (N,), in batches and without gradients."""
    import torch

    parts = []
    with torch.no_grad():
        for part in torch.split(images, batch_for(images, batch_size)):
            parts.append(module(part)[:, output])
            beat(len(part))
    return torch.cat(parts).float()

"""What a fill is: it replaces hidden pixels, without reading them."""

from __future__ import annotations

import hashlib
import re
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, is_dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from audit_suite.cards.names import ID_WORDS
from audit_suite.errors import AuditError
from audit_suite.registry import FILLS, registering

if TYPE_CHECKING:
    from torch import Tensor

_NAME = re.compile(r"[a-z]{3,16}")  # without digits and hyphens: it is part of a masking's id


@dataclass(frozen=True)
class Surroundings:
    """What a fill may use besides the visible pixels of an image.

    Attributes:
        mean: Mean intensity of the data set by channel, shape (C,), in [0, 1].
        seeds: One per image; they decide every random draw. Empty for fills that are not random.
        lent: Returns other patients' images, one per image of the batch, shape (B, C, H, W), and
            the pixels of their own region, shape (B, 1, H, W), bool. Only fills that need a donor
            may call it.
    """

    mean: Tensor
    seeds: Sequence[int]
    lent: Callable[[], tuple[Tensor, Tensor]]


@runtime_checkable
class Fill(Protocol):
    """A way to fill hidden pixels; a small frozen dataclass, registered by `register_fill`.

    A fill that inherits from this class needs only ``name`` and ``__call__``. Its module is
    imported whenever a masking is named, so import torch inside the call.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Three to sixteen letters, part of a masking's id: ``without-roi-mean``."""
        ...

    @property
    def words(self) -> str:
        """Its name in a report: ``mean fill``."""
        return f"{self.name} fill"

    @property
    def random(self) -> bool:
        """Whether it draws random numbers: then its filling differs from masking to masking."""
        return False

    @property
    def needs_donor(self) -> bool:
        """Whether it shows another patient's image; such estimates are clustered by donor too."""
        return False

    @property
    def needs_mean(self) -> bool:
        """Whether it shows the data set's mean everywhere, not only far from visible pixels."""
        return False

    @abstractmethod
    def __call__(self, visible: Tensor, hidden: Tensor, around: Surroundings) -> Tensor:
        """Make the pixels that replace the hidden ones.

        Args:
            visible: Shape (B, C, H, W), in [0, 1]; hidden pixels are 0, so none can be read.
            hidden: Shape (B, 1, H, W), bool.
            around: What else may be used.

        Returns:
            Shape (B, C, H, W), of the type and on the device of ``visible``. Values at visible
            pixels are not used. An image's filling must not depend on the rest of its batch.
        """
        ...


AnyFill = TypeVar("AnyFill", bound=Fill)


def register_fill(fill: AnyFill) -> AnyFill:
    """Make a fill known to maskings, cards and the command line by its name.

    Raises:
        AuditError: If it is not a fill, or its name is taken or cannot be part of an id.
    """
    if isinstance(fill, type) or not isinstance(fill, Fill):
        raise AuditError(
            f"{registering()} registers {fill!r}, which is not a fill",
            "register an object that inherits from audit_suite.extend.Fill and has a name and "
            "__call__",
        )
    name = fill.name
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in ID_WORDS:
        raise AuditError(
            f"{registering()} registers the fill {name!r}, which cannot be a part of a masking's "
            f"id",
            f"use three to sixteen lower-case letters, and none of: {', '.join(ID_WORDS)}",
        )
    FILLS.register(name, fill)
    return fill


def fill_fingerprint(name: str) -> str:
    """SHA-256 of an extension's fill, its source and settings, for store keys; empty if shipped."""
    source = FILLS.fingerprint(name)
    if not source:
        return ""
    fill = FILLS[name]
    settings = repr(fill) if is_dataclass(fill) else ""
    return hashlib.sha256(f"{source} {settings}".encode()).hexdigest()

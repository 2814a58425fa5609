"""What a fill is: the pixels that are put in place of hidden ones, made without reading them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from audit_suite.errors import AuditError
from audit_suite.registry import FILLS

if TYPE_CHECKING:
    from torch import Tensor

_NAME = re.compile(r"[a-z]{3,16}")  # no digits and no hyphen: it is a part of a masking's id


@dataclass(frozen=True)
class Surroundings:
    """What a fill may use besides the visible pixels of an image.

    Attributes:
        mean: Mean intensity of the data set by channel, shape (C,), in [0, 1].
        seeds: One per image; they decide every random draw. Empty for fills that are not random.
        lent: Gives other patients' images, one for each of the batch, shape (B, C, H, W), and the
            pixels of their own region, shape (B, 1, H, W), bool. Only fills that need a donor may
            ask.
    """

    mean: Tensor
    seeds: Sequence[int]
    lent: Callable[[], tuple[Tensor, Tensor]]


@runtime_checkable
class Fill(Protocol):
    """A way to fill hidden pixels; a small frozen dataclass, registered by `register_fill`."""

    @property
    def name(self) -> str:
        """Three to sixteen letters, part of a masking's id: ``without-roi-mean``."""
        ...

    @property
    def words(self) -> str:
        """The same for a report: ``mean fill``."""
        ...

    @property
    def random(self) -> bool:
        """Whether it draws random numbers; no two of its batches are the same."""
        ...

    @property
    def needs_donor(self) -> bool:
        """Whether it shows another patient's image; such estimates are clustered by donor too."""
        ...

    @property
    def needs_mean(self) -> bool:
        """Whether it shows the data set's mean, and not just where no visible pixel is near."""
        ...

    def __call__(self, visible: Tensor, hidden: Tensor, around: Surroundings) -> Tensor:
        """Make what is put in place of the hidden pixels.

        Args:
            visible: Shape (B, C, H, W), in [0, 1]; hidden pixels are 0, so none can be read.
            hidden: Shape (B, 1, H, W), bool.
            around: What else may be used.

        Returns:
            Shape (B, C, H, W), of the type and on the device of ``visible``. What is given for
            visible pixels is not used. An image's filling must not depend on the rest of its batch.
        """
        ...


AnyFill = TypeVar("AnyFill", bound=Fill)


def register_fill(fill: AnyFill) -> AnyFill:
    """Make a fill known to maskings, cards and the command line by its name.

    Raises:
        AuditError: If it is not a fill, or its name is taken or cannot be a part of an id.
    """
    if not isinstance(fill, Fill) or not callable(fill):
        raise AuditError(
            f"register_fill: {fill!r} is not a fill",
            "it needs name, words, random, needs_donor, needs_mean and __call__ "
            "(audit_suite.extend.Fill)",
        )
    if not _NAME.fullmatch(fill.name):
        raise AuditError(
            f"register_fill: '{fill.name}' cannot be a part of a masking's id",
            "use three to sixteen lower-case letters",
        )
    FILLS.register(fill.name, fill)
    return fill

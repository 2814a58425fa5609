"""Reading images of which it is known, before they are decoded, what decides their content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from audit_suite.datasets.dataset import Sample


@dataclass(frozen=True)
class Reading:
    """The ``read`` of a data set whose images may be cached.

    What replaces it, to read images in another way, is another function: nothing of it is cached.

    Attributes:
        read: The image of a case by its position.
        content: SHA-256 of all that decides what `read` returns for a position.
    """

    read: Callable[[int], Sample]
    content: Callable[[int], str]

    def __call__(self, index: int) -> Sample:
        """The image of a case; decoded anew."""
        return self.read(index)


def read_by(
    before: Callable[[int], Sample], read: Callable[[int], Sample], position: Callable[[int], int]
) -> Callable[[int], Sample]:
    """A function that reads the same images, checked or in another order, as cachable as before.

    Args:
        before: The ``read`` of the data set whose images it reads.
        read: Gives an image by its new position.
        position: Gives the position in that data set.
    """
    if not isinstance(before, Reading):
        return read
    return Reading(read, lambda index: before.content(position(index)))

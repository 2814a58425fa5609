"""How many images go through a model at once.

The last digits of a convolution can depend on how many images it is given, though not on which, so
all sizes follow from what does not change between two runs: the number of images, the profile, the
model and the card.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from audit_suite.evidence.keys import SHARD

_SMALLEST = 16  # the last part of a shard is filled up to a batch divided by this, at most
_MEMORY = 0.4  # share of the card for what a pass keeps; two batches and a user's own take the rest
_FASTER = 1.25  # by which a smaller batch must be faster: more than two measurements differ by


def parts(count: int, batch: int) -> list[int]:
    """Divide images into batches of few sizes: full ones, then halves, quarters and so on.

    So a network is given at most five sizes, and almost none of what it computes is thrown away:
    of 24 images in batches of 128, 16 and 8 instead of 24 and a hundred copies.

    Args:
        count: Number of images.
        batch: Images in a full batch.

    Returns:
        Sizes, the largest first. Only the last may exceed the images that are left, by less than a
        sixteenth of a batch: the caller fills it up.
    """
    smallest = max(1, batch // _SMALLEST)
    sizes = [batch] * (count // batch)
    left, size = count % batch, batch
    while left > 0:
        size = max(smallest, size // 2)
        while left >= size:
            sizes.append(size)
            left -= size
        if size == smallest and left > 0:
            sizes.append(size)
            left = 0
    return sizes


@dataclass(frozen=True)
class Usage:
    """Memory that passes through a model take, in bytes: some, and more with each image.

    Attributes:
        fixed: Without any image: weights, and what algorithms reserve.
        per_image: For each image.
    """

    fixed: int
    per_image: int

    @classmethod
    def between(cls, few: tuple[int, int], more: tuple[int, int]) -> Usage:
        """The straight line through two measurements, each of images and bytes at the peak."""
        (images, low), (most, high) = few, more
        per_image = max(1, -(-(high - low) // (most - images)))
        return cls(max(0, low - images * per_image), per_image)


def fitting(usage: Usage, memory: int) -> int:
    """The largest power of two of images that fit into a card, at most those of a shard.

    Args:
        usage: What a pass takes.
        memory: Bytes of the whole card: what is free now depends on who else uses it.
    """
    most = int((_MEMORY * memory - usage.fixed) // usage.per_image)
    return _power_of_two(max(1, min(SHARD, most)))


def fastest(largest: int, rate: Callable[[int], float]) -> int:
    """The largest batch, unless a smaller one is faster by more than measurements vary.

    Args:
        largest: Images that fit, a power of two.
        rate: Measures images per second of a batch size.
    """
    rates: Mapping[int, float] = {size: rate(size) for size in _halves(largest)}
    best = max(rates, key=lambda size: rates[size])
    return best if rates[best] > _FASTER * rates[largest] else largest


def _halves(largest: int) -> list[int]:
    return [size for size in (largest, largest // 2, largest // 4) if size]


def _power_of_two(number: int) -> int:
    return 1 << (number.bit_length() - 1)

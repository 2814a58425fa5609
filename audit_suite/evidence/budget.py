"""How many images are explained, and how thoroughly, for a share of the audit's forward passes.

The budget is counted in forward passes and not in seconds: the same data give the same sample on
every machine, and so the same record. It follows from the data set alone, not from which checks are
selected, so that one check run again reads the evidence of the whole audit.
"""

from __future__ import annotations

from dataclasses import dataclass

from audit_suite.errors import AuditError

THIRD = 1 / 3
LEAST = 48
"""Images that R14 needs: its interval is then about .1 to either side."""
MOST = 384  # beyond these an interval is narrower than any margin
FEWER = 96  # draws of a method that samples, where as many as it takes by itself are too many
SHARES = (0.01, 0.9)

_SCORED = 50  # passes per image for scores: maskings about which the shipped suites ask
_FIXED = 64 + 128 + 56  # passes per image: Shapley values of regions and of the frame, other maps
_PER_DRAW = 4.5  # of expected gradients: forward and back, and half as much again for its tests
_DRAWS = 200  # of expected gradients by itself


@dataclass(frozen=True)
class Effort:
    """What the explanations of a target cost.

    Attributes:
        images: Images that are explained.
        draws: Most draws per image of methods that sample; None for as many as they take.
    """

    images: int
    draws: int | None = None


@dataclass(frozen=True)
class Budget:
    """How much may be explained.

    Attributes:
        share: Share of all forward passes of an audit, 0.01 to 0.9.
        images: Images to explain, whatever they cost; None to follow from the share.
    """

    share: float = THIRD
    images: int | None = None

    def __post_init__(self) -> None:
        least, most = SHARES
        if not least <= self.share <= most:
            raise AuditError(f"explain_budget={self.share:g}: must be between {least} and {most}")

    def effort(self, images: int, targets: int) -> Effort:
        """What is explained of a data set, for each of its targets.

        At least `LEAST` images are, however small the data set is: fewer decide nothing. Where the
        share allows more, their number doubles.

        Args:
            images: Images of the data set.
            targets: Its targets.
        """
        if self.images is not None:
            return Effort(self.images)
        passes = self.passes(images, targets)
        if passes < LEAST * _each(_DRAWS):
            return Effort(LEAST, FEWER)
        explained = LEAST
        while 2 * explained <= MOST and 2 * explained * _each(_DRAWS) <= passes:
            explained *= 2
        return Effort(explained)

    def passes(self, images: int, targets: int) -> float:
        """Forward passes that the share grants the explanations of one model and target.

        Args:
            images: Images of the data set, each of which is scored about fifty times.
            targets: Targets of the data set, which divide the budget.
        """
        return self.share / (1 - self.share) * _SCORED * images / max(1, targets)


def _each(draws: int) -> float:
    """Passes per explained image: exactly those of the shipped methods."""
    return _FIXED + _PER_DRAW * draws

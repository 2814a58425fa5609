"""How many images readers must read, by power: all read all, or groups that share the images."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from math import ceil, sqrt

from scipy.special import nctdtr, ndtri, stdtrit  # scipy.stats takes half a second to import

from audit_suite.errors import AuditError
from audit_suite.readings import FEWEST_READERS
from audit_suite.statistics.auroc import hanley_mcneil

LEVEL = 0.05  # one-sided, as H2 is judged
_MOST = 100_000  # images with the finding, per reader
_FEWEST = 6


@dataclass(frozen=True)
class ReaderStudy:
    """What is assumed of readers and model, to be replaced by the figures of a pilot.

    Attributes:
        readers: How many read.
        groups: 1: every reader reads every image. More: each group has images of its own (a
            split-plot design), and readers are divided evenly among them.
        auroc: AUROC of the readers, .5 to below 1; the model's differs by ``difference``.
        difference: True AUROC of the model minus that of the readers.
        between: Standard deviation of readers' true AUROCs.
        alike: Correlation of two readers' AUROCs on the same images.
        with_model: Correlation of a reader's AUROC and the model's on the same images.
        ratio: Images without the finding per image with it.
    """

    readers: int
    groups: int = 1
    auroc: float = 0.8
    difference: float = 0.0
    between: float = 0.03
    alike: float = 0.5
    with_model: float = 0.4
    ratio: float = 1.0

    def __post_init__(self) -> None:
        if self.readers < max(FEWEST_READERS, 2 * self.groups) or self.readers % self.groups:
            raise AuditError(
                f"{self.readers} readers in {self.groups} groups cannot be planned for",
                f"ask {FEWEST_READERS} readers or more, a multiple of the groups, at least two in "
                f"each",
            )
        if 1 + self.alike < 2 * self.with_model or self.alike < 2 * self.with_model - 1:
            raise AuditError(
                f"readers alike by {self.alike:g} cannot be alike the model by {self.with_model:g}",
                "the correlation with the model is at most (1 + that of two readers) / 2",
            )


def power(study: ReaderStudy, margin: float, positives: int) -> float:
    """Chance to show that the model is ahead of the readers by less than a margin (H2).

    The model of Obuchowski and Rockette for readers against one fixed standalone, with the degrees
    of freedom of Hillis (2007); for groups those of a split-plot design (Obuchowski, Gallas and
    Hillis, Academic Radiology 19, 2012). Against simulated studies it is right to .03, and with
    three readers up to .05 too low.

    Args:
        study: What is assumed.
        margin: The margin, above ``difference``.
        positives: Images with the finding that each reader reads.
    """
    error, df = _error(study, positives)
    return float(1 - nctdtr(df, (margin - study.difference) / error, stdtrit(df, 1 - LEVEL)))


def positives_needed(study: ReaderStudy, margin: float, wanted: float = 0.8) -> int | None:
    """Fewest images with the finding for each reader that reach a power; None if none do.

    More images do not help where readers differ so much that only more of them would.

    Args:
        study: What is assumed.
        margin: The margin, above ``difference``.
        wanted: The power, 0 to 1.

    Raises:
        AuditError: If the true difference is not below the margin.
    """
    if margin <= study.difference:
        raise AuditError(
            f"a difference of {study.difference:g} is not below a margin of {margin:g}, so no "
            f"number of images can show it",
            "plan with a larger --margin or a smaller --difference",
        )

    def reached(positives: int) -> bool:
        return power(study, margin, positives) >= wanted

    fewest = bisect_left(range(_FEWEST, _MOST), True, key=reached) + _FEWEST
    return fewest if fewest < _MOST else None


def precision_of(positives: int) -> float:
    """Half width of a reader's AUROC interval for which `readers export` takes so many images."""
    return float(ndtri(0.975)) * sqrt(hanley_mcneil(0.5, positives, positives))


def _error(study: ReaderStudy, positives: int) -> tuple[float, float]:
    """Standard error of the mean difference, and its degrees of freedom."""
    case = hanley_mcneil(1 - study.auroc, positives, ceil(study.ratio * positives))
    shared = case * (1 + study.alike - 2 * study.with_model)  # of two readers' differences
    alone = case * (1 - study.alike)  # what is left of one reader's
    spread = study.between**2 + alone
    each = study.readers / study.groups
    variance = spread / study.readers + shared / study.groups
    df = (spread + each * shared) ** 2 / (spread**2 / (study.readers - study.groups))
    return sqrt(variance), df

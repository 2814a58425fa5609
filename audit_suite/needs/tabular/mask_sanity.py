"""Whether masks are what they seem: their size, their polarity, their images, copies (C14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets.mask_fit import TURNED
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.mask_survey import MaskSurvey, mask_survey
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import WithoutROI
from audit_suite.statistics import Estimate, Exact, estimate_mean
from audit_suite.statistics.numbering import how_many
from audit_suite.verdict import NotApplicable

Fault = Literal["area", "polarity", "content", "repeated", "images"]

_LEAST, _MOST = 0.0001, 0.95  # shares of the frame beyond which an area is implausible
_AROUND = 0.5  # share of the frame's edge from which on a mask surrounds the image
_OFF = 0.25  # share of a mask that may lie on padding
_SHARED, _FEW = 0.01, 5  # patients of one mask: small discs of a coarse image coincide by chance

_LABELS: dict[Fault, str] = {
    "area": "share of masks that cover nearly nothing or nearly all of the frame",
    "polarity": "share of masks that look inverted (along most of the frame's edge, or, where the "
    "card says that they surround, not)",
    "content": "share of masks that lie partly beyond the image's content",
    "repeated": "share of masks that are copies of other patients' masks",
    "images": "share of images that are another patient's too, pixel for pixel",
}


@dataclass(frozen=True)
class MaskFault:
    """Share of images whose mask is wrong in one way; measured, in up to five hundred images.

    Attributes:
        fault: ``area``: below a ten-thousandth or above 95 % of the frame; ``polarity``: along half
            of the frame's edge or more, unless the card says that the region surrounds the image;
            ``content``: a quarter lies where the image is padding; ``repeated``: equal to a
            neighbour's, or to that of more than 1 % of the patients and more than five, unless the
            card says that masks are shared, or all images have one (`MaskFit`); ``images``: not the
            mask but the image is another patient's too.
    """

    fault: Fault

    @property
    def id(self) -> str:
        """The fault."""
        return self.fault

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """None: no model is asked.

        Raises:
            NotApplicable: If no ROI is declared for this target.
        """
        _require_roi(cell)
        return ()

    def answer(self, cell: Cell, source: EvidenceSource) -> Exact:
        """The share, 0 to 1.

        Raises:
            NotApplicable: If no image has the region.
            AuditError: If the data set cannot be read.
        """
        seen, patients = _seen(cell, source)
        expected = cell.dataset.masks
        roi = _drawn(cell)
        if self.fault == "area":
            wrong = (seen.area < _LEAST) | (seen.area > _MOST)
        elif self.fault == "polarity":
            surrounds = expected is not None and bool(roi & set(expected.surrounding))
            wrong = (seen.along_frame >= _AROUND) != surrounds
        elif self.fault == "content":
            wrong = seen.off_image > _OFF
        elif self.fault == "images":
            wrong = _holders(seen.image, patients) > 1
        elif _are_shared(cell) or len(np.unique(seen.mask)) == 1:
            wrong = np.zeros(len(seen.mask), np.bool_)
        else:
            most = max(_FEW, _SHARED * how_many(patients))
            wrong = (_holders(seen.mask, patients) > most) | _as_neighbours(seen.mask, patients)
        return Exact(_LABELS[self.fault], float(wrong.mean()), len(wrong))


@dataclass(frozen=True)
class MaskFit:
    """Share of images that a misplaced mask fits better than their own: none, one or two.

    A mask fits where the brightness changes across its edge as it does in most images. The first
    estimate lays each image's own mask, turned in the way that fits best over all images; the
    second, unless the card says that masks are shared, those of other patients. A region without a
    visible edge gives one half, and so does one mask for all images. A region that is drawn in the
    frame, or of the population, has no image that it was drawn on: there is none to estimate.
    """

    @property
    def id(self) -> str:
        """``fit``."""
        return "fit"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """As `MaskFault.requests`."""
        _require_roi(cell)
        return ()

    def answer(self, cell: Cell, source: EvidenceSource) -> tuple[Estimate, ...]:
        """The share of images that a turned mask fits better, then that for other patients' masks.

        Raises:
            NotApplicable: If no image has the region, or all are of one patient.
            AuditError: If the data set cannot be read.
        """
        if _drawn(cell) <= cell.dataset.one_region_for_all:
            return ()
        seen, patients = _seen(cell, source)
        if how_many(patients) < 2:
            raise NotApplicable("all masks are of one patient: there is none to compare them with")
        others = _better(seen, seen.others, as_well=0.5).mean(axis=1)
        turned = _better(seen, seen.turned, as_well=0.0)  # what looks the same is no turn
        way = int(turned.mean(axis=0).argmax())
        pairs = [(turned[:, way], f"share of images whose mask fits better {list(TURNED)[way]}")]
        if not _are_shared(cell):
            pairs.append((others, "share of images that other patients' masks fit better"))
        digest = source.dataset(cell.dataset).digest
        return tuple(
            estimate_mean(shares, patients, digest, words, (0.0, 1.0)) for shares, words in pairs
        )


def _require_roi(cell: Cell) -> None:
    cell.requests(WithoutROI())  # raises where the target declares no region


def _are_shared(cell: Cell) -> bool:
    """Whether the region is drawn once for many patients, as the card says or by design."""
    return _drawn(cell) <= cell.dataset.shared_regions


def _drawn(cell: Cell) -> frozenset[str]:
    """The regions of the ROI that somebody drew: a hull is only as good as the masks inside it."""
    return cell.dataset.as_drawn(cell.dataset.targets[cell.target].roi)


def _seen(cell: Cell, source: EvidenceSource) -> tuple[MaskSurvey, NDArray[np.int_]]:
    """The survey of the masks behind the target's ROI, and the patient of each mask."""
    seen = mask_survey(source, cell.dataset, sorted(_drawn(cell)))
    if not len(seen.index):
        raise NotApplicable(f"no image of '{cell.dataset.name}' shows the region")
    return seen, source.dataset(cell.dataset).patients[seen.index]


def _better(seen: MaskSurvey, laid: NDArray[np.float64], as_well: float) -> NDArray[np.float64]:
    """Whether each misplaced mask of shape (n, k) fits better: 1, ``as_well`` for a tie, else 0.

    Whether regions are brighter or darker than what is around them, the largest contrasts tell:
    they arise where a mask, its own or another, lies on the region.
    """
    all_laid = np.column_stack([seen.own, seen.turned, seen.others])
    side = -1.0 if (all_laid * np.abs(all_laid)).sum() < 0 else 1.0
    gain = side * (laid - seen.own[:, None])
    return np.where(gain > 0, 1.0, np.where(gain < 0, 0.0, as_well))


def _holders(hashes: NDArray[np.int64], patients: NDArray[np.int_]) -> NDArray[np.int64]:
    """For each image, the number of patients that have the same."""
    pairs = np.unique(np.stack([hashes, patients]), axis=1)
    values, counts = np.unique(pairs[0], return_counts=True)
    held: NDArray[np.int64] = counts[np.searchsorted(values, hashes)]
    return held


def _as_neighbours(hashes: NDArray[np.int64], patients: NDArray[np.int_]) -> NDArray[np.bool_]:
    """Whether each mask equals that of the image before or after it, if it is another patient's."""
    same = (hashes[1:] == hashes[:-1]) & (patients[1:] != patients[:-1])
    either: NDArray[np.bool_] = np.append(False, same) | np.append(same, False)
    return either

"""What is hidden of the images: the share under the region's outline and under its box."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence, Set
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards.chest import are_lungs
from audit_suite.errors import AuditError
from audit_suite.maskings import WithoutROI
from audit_suite.record import Finding, Record
from audit_suite.report.section import Gathered, Section, register_section
from audit_suite.verdict import NotApplicable

if TYPE_CHECKING:
    from audit_suite.evidence import Cell, EvidenceSource, Request
    from audit_suite.maskings.masking import Shape

Kind = Literal["lungs", "lungs and between", "one for all", "other"]
Shares = NDArray[np.float64]

_FILLS = ("black", "mean", "blur")
_DIGITS = 4


@dataclass(frozen=True)
class Hidden:
    """What hiding a region hides of the picture that models are shown.

    Shares are medians over images, 0 to 1; None where that was not hidden in this audit.

    Attributes:
        dataset: The data set.
        region: Names of the regions that are hidden together.
        kind: What the region is: the lungs, their hull, one region for all images, or another.
        targets: The targets that have this region.
        models: The models that are shown this picture.
        images: How many images.
        outline: Share of the picture under the outline.
        box: Share of the picture under the box around it.
        visible: Share of the box that stays visible where the outline is hidden.
    """

    dataset: str
    region: list[str]
    kind: Kind
    targets: list[str]
    models: list[str]
    images: int
    outline: float | None
    box: float | None
    visible: float | None

    @property
    def sentence(self) -> str:
        """What outline and box hide, and what the outline leaves visible."""
        words, name = _WORDS[self.kind], " and ".join(self.region)
        if self.outline is None:
            return f"The box around {name} hides {_percent(self.box)} of the image.{words.note}"
        said = f"{words.outline} {name} hides {_percent(self.outline)} of the image{words.takes_in}"
        if self.visible is not None:
            said += f" and leaves {_percent(self.visible)} of its box visible{words.leaves}"
        if self.box is not None:
            said += f"; the box hides {_percent(self.box)}"
        return f"{said}.{words.note}"


@dataclass(frozen=True)
class _Words:
    """What a sentence says of one kind of region."""

    outline: str = "The outline of"
    takes_in: str = ""
    leaves: str = ""
    note: str = ""


_WORDS: dict[Kind, _Words] = {
    "lungs": _Words(
        leaves=", usually the mediastinum, the heart and the lung behind them",
    ),
    "lungs and between": _Words(
        outline="The hull",
        takes_in=", with the mediastinum and most of the heart,",
    ),
    "one for all": _Words(
        outline="The region",
        note=" It is the same in all images, so it holds some background in each.",
    ),
    "other": _Words(),
}


def _percent(share: float | None) -> str:
    return f"{100 * (share or 0):.0f} %"


def collect(gathered: Gathered) -> list[dict[str, object]] | None:
    """The shares by data set, region and picture, where the evidence for them was planned."""
    from audit_suite.evidence.scores.geometry import geometry

    alike: dict[object, list[Cell]] = defaultdict(list)
    for cell in gathered.cells:
        region = cell.dataset.targets[cell.target].roi
        alike[cell.dataset, region, geometry(cell.model.input)].append(cell)
    planned = frozenset(gathered.requests)
    shares = [_measured(cells, planned, gathered.source) for cells in alike.values()]
    return [asdict(hidden) for hidden in shares if hidden is not None] or None


def _measured(
    cells: Sequence[Cell], planned: Set[Request[Any]], source: EvidenceSource
) -> Hidden | None:
    """The shares of cells that hide the same; None where none of them has such evidence."""
    outline, box = (_shares(cells, planned, source, shape) for shape in ("contour", "box"))
    known = box if outline is None else outline
    if known is None:
        return None
    left = None
    if outline is not None and box is not None and len(outline) == len(box):
        seen = box > 0  # the model's input may cut the region off
        left = 1 - outline[seen] / box[seen]
    first = cells[0]
    return Hidden(
        dataset=first.dataset.name,
        region=list(first.dataset.targets[first.target].roi),
        kind=_kind(first),
        targets=list(dict.fromkeys(cell.target for cell in cells)),
        models=list(dict.fromkeys(cell.model_name for cell in cells)),
        images=len(known),
        outline=_median(outline),
        box=_median(box),
        visible=_median(left),
    )


def _shares(
    cells: Sequence[Cell], planned: Set[Request[Any]], source: EvidenceSource, shape: Shape
) -> Shares | None:
    """The share that is hidden of each image, which is the same for all models and fills."""
    for cell in cells:
        for fill in _FILLS:
            try:
                request = cell.requests(WithoutROI(shape=shape, fill=fill))[0]
                if request in planned and not source.missing(request):
                    table = source.read(request)
                    return table.hidden_fraction[table.used].astype(np.float64)
            except (NotApplicable, AuditError):
                break  # the findings say why
    return None


def _median(shares: Shares | None) -> float | None:
    return None if shares is None or not len(shares) else round(float(np.median(shares)), _DIGITS)


def _kind(cell: Cell) -> Kind:
    card = cell.dataset
    region = card.targets[cell.target].roi
    if card.one_region_for_all.issuperset(region):
        return "one for all"
    if not are_lungs(card.as_drawn(region)):
        return "other"
    return "lungs" if card.as_drawn(region) == set(region) else "lungs and between"


@dataclass(frozen=True)
class HiddenRow:
    """One line of the section: where, and what is hidden there."""

    where: str
    hidden: Hidden


def view(record: Record, _findings: Sequence[Finding]) -> tuple[HiddenRow, ...]:
    """What is hidden, by data set and targets; models are named where their pictures differ."""
    shares = [Hidden(**content) for content in record.sections.get("hidden", ())]
    places = [f"{hidden.dataset}, {', '.join(hidden.targets)}" for hidden in shares]
    times = Counter(places)
    return tuple(
        HiddenRow(place if times[place] == 1 else f"{place} ({', '.join(hidden.models)})", hidden)
        for place, hidden in zip(places, shares, strict=True)
    )


register_section(
    Section(
        name="hidden",
        title="What is hidden, and what stays visible",
        rank=120,
        collect=collect,
        view=view,
    )
)

"""What readers saw (H1 to H5), place by place, beside what the model tells from the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit_suite.maskings import Masking
from audit_suite.readings import FEWEST_READERS, LEVELS
from audit_suite.record import EstimateRecord, Finding, ReadImage, Record
from audit_suite.verdict import Verdict

COMPLETE, AHEAD, SKILL, AGREE, MAPS = "H1", "H2", "H3", "H4", "H5"
_HERE = (COMPLETE, AHEAD, SKILL, AGREE, MAPS)
MODEL, MEAN = "model", "mean"
WIDTH, LABEL, ROW, AXIS = 760, 190, 46, 30
_PLOT = WIDTH - LABEL - 20


@dataclass(frozen=True)
class Mark:
    """One AUROC; positions in SVG units."""

    who: str
    estimate: EstimateRecord
    x: float
    low: float
    high: float
    y: float


@dataclass(frozen=True)
class SkillRow:
    """One masking: every reader's measures, their mean and the model's AUROC."""

    name: str
    y: float
    marks: tuple[Mark, ...]
    readers: tuple[tuple[str, tuple[EstimateRecord | None, ...]], ...]
    ahead: EstimateRecord | None


@dataclass(frozen=True)
class Shown:
    """An image that was read."""

    image: ReadImage
    masking: str
    said: str


@dataclass(frozen=True)
class Readers:
    """The section of one model, data set and target."""

    place: tuple[str, str, str]
    count: int
    rows: tuple[SkillRow, ...]
    height: float
    ticks: tuple[tuple[float, str], ...]
    agreement: tuple[EstimateRecord, ...]
    maps: tuple[EstimateRecord, ...]
    images: tuple[Shown, ...]
    sentence: str
    limits: str
    width: int = WIDTH
    left: int = LABEL


def readers(record: Record) -> tuple[Readers, ...]:
    """Group what was found by place."""
    findings = [f for f in record.findings if f.check in _HERE]
    places = [(f.model, f.dataset, f.target) for f in findings if f.check == SKILL]
    found = []
    for here in dict.fromkeys(places):
        mine = [f for f in findings if (f.model, f.dataset, f.target) == here]
        if skill := _observed(mine, SKILL):
            found.append(_section(here, skill, mine, record))
    return tuple(found)


def stands_here(finding: Finding) -> bool:
    """Whether a finding's numbers stand in this section."""
    return finding.check in (AHEAD, SKILL, AGREE, MAPS) and bool(finding.observations)


def _section(
    here: tuple[str, str, str],
    skill: Sequence[EstimateRecord],
    mine: Sequence[Finding],
    record: Record,
) -> Readers:
    maskings = list(dict.fromkeys(str(e.at["masking"]) for e in skill))
    names = dict.fromkeys(str(e.at["reader"]) for e in skill)
    people = [name for name in names if name not in (MODEL, MEAN)]
    ahead = {
        str(e.at["masking"]): e
        for f in mine
        if f.check == AHEAD
        for e in (*f.observations, *(c.estimate for c in f.comparisons))
    }
    rows = tuple(
        _row(i, masking, [e for e in skill if e.at["masking"] == masking], ahead.get(masking))
        for i, masking in enumerate(maskings)
    )
    images = tuple(
        Shown(image, _name(image.masking), _said(image))
        for image in record.read
        if (image.model, image.dataset, image.target) == here
    )
    return Readers(
        place=here,
        count=len(people),
        rows=rows,
        height=ROW * len(rows) + AXIS,
        ticks=tuple((_x(share / 10), f"{share / 10:.1f}") for share in range(0, 11, 2)),
        agreement=tuple(_observed(mine, AGREE)),
        maps=tuple(_observed(mine, MAPS)),
        images=images,
        sentence=_sentence(here[2], mine),
        limits=_limits(len(people)),
    )


def _row(
    number: int, masking: str, skill: Sequence[EstimateRecord], ahead: EstimateRecord | None
) -> SkillRow:
    of: dict[str, dict[str, EstimateRecord]] = {}
    for estimate in skill:
        of.setdefault(str(estimate.at["reader"]), {})[str(estimate.at["measure"])] = estimate
    marks = []
    for who, measures in of.items():
        # The model above the line, readers below it: one never hides the other.
        y = ROW * number + (14 if who == MODEL else 30)
        auroc = measures["AUROC"]
        marks.append(Mark(who, auroc, _x(auroc.value), _x(auroc.low), _x(auroc.high), y))
    columns = ("AUROC", "sensitivity", "specificity", "cannot be read")
    table = tuple((who, tuple(measures.get(c) for c in columns)) for who, measures in of.items())
    return SkillRow(_name(masking), ROW * number + 26, tuple(marks), table, ahead)


def _observed(findings: Sequence[Finding], check: str) -> list[EstimateRecord]:
    return [e for f in findings if f.check == check for e in f.observations]


def _x(share: float) -> float:
    return round(LABEL + min(max(share, 0.0), 1.0) * _PLOT, 1)


def _name(masking: str) -> str:
    return Masking.parse(masking).label or "full image"


def _said(image: ReadImage) -> str:
    words = []
    for reader, rating in image.ratings.items():
        if rating == 0:
            words.append(f"{reader}: cannot be read")
        else:
            found = "present" if rating > 0 else "absent"
            words.append(f"{reader}: {found} (confidence {abs(rating)} of {LEVELS})")
    return "; ".join(words)


def _sentence(target: str, mine: Sequence[Finding]) -> str:
    """What a clinician can take from the comparison with the region hidden."""
    judged = [f for f in mine if f.check == AHEAD and f.comparisons]
    if any(f.verdict in (Verdict.FAIL, Verdict.WAIVED) for f in judged):
        return (
            f"On images without the region the model tells {target} better than the readers do: it "
            f"uses a signal that no reader sees there."
        )
    if judged and all(f.verdict is Verdict.PASS for f in judged):
        return f"On images without the region the model tells {target} no better than the readers."
    if any(f.check == AHEAD and f.observations for f in mine):
        return (
            f"How the model and these readers did on images without the region is shown for "
            f"{target}, and not judged."
        )
    return f"Whether the model sees more of {target} than readers do, these images do not settle."


def _limits(count: int) -> str:
    if count < FEWEST_READERS:
        who, they = ("One reader", "it") if count == 1 else ("Two readers", "they")
        return (
            f"{who} can show what was seen in these images by whoever read them; that others "
            f"would see as much, or as little, {they} cannot. Readers differ, and how much cannot "
            f"be estimated from so few, so no verdict hangs on the comparison. What such a "
            f"reading can do is to raise a question: where the model is sure and a trained eye "
            f"finds nothing, somebody should find out what it sees. Three readers or more allow a "
            f"verdict on readers like them."
        )
    return (
        f"{count} readers are taken for a sample of readers like them, and the images for a sample "
        f"of patients like these (multi-reader multi-case analysis): intervals of the comparison "
        f"hold both. Readers who are better trained in reading covered images may see more. An "
        f"image that cannot be read counts as neither present nor absent."
    )

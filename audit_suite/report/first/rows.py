"""One row for each model, data set and target: the verdict and the three numbers behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from audit_suite.maskings import Full, Masking, OnlyROI, WithoutROI
from audit_suite.record import EstimateRecord, Finding, Record, TargetDecision
from audit_suite.report.first.causes import in_words
from audit_suite.report.places import Place, by_place, place_of

CHANCE = 0.5
OUTSIDE = "Shapley share outside the ROI"
"""Label of the estimate whose complement is the region's share of the answer."""
# At any other place an AUROC is of a classifier, of a stratum, or of masks that were grown.
_OF_THE_MASKING = {"masking", "visible", "ties", "covered"}
SHOWN: Mapping[str, tuple[Masking, ...]] = {
    "whole image": (Full(),),
    "region hidden": (WithoutROI(shape="box"), WithoutROI()),
    "only region": (OnlyROI(shape="box"), OnlyROI()),
}
"""What is shown to the model, by its name on the axis: the first masking that was asked counts."""


@dataclass(frozen=True)
class Mark:
    """What was shown to the model, and its AUROC; None where it was not asked."""

    name: str
    estimate: EstimateRecord | None


@dataclass(frozen=True)
class Row:
    """One place.

    Attributes:
        decision: The decision there.
        marks: The three AUROCs.
        allowed: The band in which the AUROC with the region hidden passes; None where no limit was
            asked.
        inside: Share of the answer that comes from the region, 0 to 1; None if it was not asked.
        cause: The causes named, in words.
    """

    decision: TargetDecision
    marks: tuple[Mark, ...]
    allowed: tuple[float, float] | None
    inside: EstimateRecord | None
    cause: str

    @property
    def anchor(self) -> str:
        """Where the page goes on: what did not pass, or everything that was asked."""
        return "coverage" if self.decision.decision == "open" else "problems"


def rows(record: Record) -> tuple[Row, ...]:
    """The rows of a record, in the order of its targets."""
    findings = by_place(record.findings)
    causes = {place_of(each): each for each in record.causes}
    return tuple(
        Row(
            decision=target,
            marks=tuple(_marks(findings.get(_at(target), []))),
            allowed=_allowed(findings.get(_at(target), [])),
            inside=_inside(findings.get(_at(target), [])),
            cause=_cause(causes.get(_at(target))),
        )
        for target in record.targets
    )


def _at(target: TargetDecision) -> Place:
    return target.model, target.dataset, target.target


def _cause(causes: object) -> str:
    named = list(getattr(causes, "causes", ()))
    if named:
        return ", ".join(map(in_words, named))
    return "none named" if causes is not None else "not asked"


def _marks(findings: Sequence[Finding]) -> Iterator[Mark]:
    aurocs = _aurocs(findings)
    for name, maskings in SHOWN.items():
        yield Mark(name, next((aurocs[m.id] for m in maskings if m.id in aurocs), None))


def _aurocs(findings: Sequence[Finding]) -> dict[str, EstimateRecord]:
    """AUROCs by masking, wherever they stand; black fill alone, so that rows are alike."""
    aurocs: dict[str, EstimateRecord] = {}
    for finding in findings:
        judged = [comparison.estimate for comparison in finding.comparisons]
        for estimate in (*finding.observations, *judged):
            masking = str(estimate.at.get("masking", ""))
            plain = not estimate.at.keys() - _OF_THE_MASKING
            if masking and plain and estimate.label.startswith("AUROC"):
                aurocs.setdefault(masking, estimate)
    return aurocs


def _allowed(findings: Sequence[Finding]) -> tuple[float, float] | None:
    """The band around chance that the region's box, or the region, must leave."""
    for masking in SHOWN["region hidden"]:
        for finding in findings:
            for comparison in finding.comparisons:
                shown = comparison.estimate.at.get("masking")
                if comparison.centre == CHANCE and shown == masking.id:
                    return CHANCE - comparison.margin, CHANCE + comparison.margin
    return None


def _inside(findings: Sequence[Finding]) -> EstimateRecord | None:
    """What is left of the answer to the region, where its share outside was measured."""
    for finding in findings:
        for outside in (finding.estimate, *finding.observations):
            if outside is not None and outside.label == OUTSIDE:
                return outside.model_copy(
                    update={
                        "value": 1 - outside.value,
                        "low": 1 - outside.high,
                        "high": 1 - outside.low,
                    }
                )
    return None

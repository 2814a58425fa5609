"""Which cues explain a part of the skill: the findings on shares of the separation (M6, M7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from audit_suite.causes.effect import CONTRIBUTES, Judged
from audit_suite.causes.findings_at import FindingsAt
from audit_suite.causes.logic import Holds, any_of
from audit_suite.record import EstimateRecord, Finding
from audit_suite.verdict import Verdict

TAGS, IMAGE = "M6", "M7"
"""The checks that a tag, and that an image property or the acquisition, explains little."""
POSITION = "position"
"""The cue of M7 that is not how the image looks: where the region lies in the frame."""
OF_THE_SEPARATION = "of what separates patients with and without the finding"

Place = Literal["beside", "throughout", "unknown"]
"""Beside the region, or in the region too; unknown where the data show neither."""

_QUARTER = 0.25


@dataclass(frozen=True)
class Cues:
    """The cues that a check judged.

    Attributes:
        judged: By name.
        undecided: Names of those without a verdict.
        findings: By name, of those in ``judged``.
    """

    judged: Mapping[str, Judged]
    undecided: Sequence[str]
    findings: Mapping[str, Finding]

    @property
    def named(self) -> list[str]:
        """Those that explain more than a quarter, the largest share first."""
        names = [name for name, one in self.judged.items() if one.holds == "yes"]
        return sorted(names, key=lambda name: -self.judged[name].effect.share.value)

    @property
    def holds(self) -> Holds:
        """Whether any of them explains more than a quarter."""
        holds: list[Holds] = [one.holds for one in self.judged.values()]
        return any_of(*holds, "unknown") if self.undecided else any_of(*holds)

    def only(self, names: Sequence[str]) -> Cues:
        """Those of some names, and the undecided ones."""
        return Cues(
            {name: self.judged[name] for name in names},
            self.undecided,
            {name: self.findings[name] for name in names},
        )

    def placed(self, place: Place) -> list[str]:
        """Those that explain more than a quarter and lie there, the largest share first."""
        return [name for name in self.named if place_of(self.findings[name]) == place]

    def largest(self) -> Judged | None:
        """The largest share, of the named ones if there are any."""
        chosen = [self.judged[name] for name in self.named] or list(self.judged.values())
        return max(chosen, key=lambda one: one.effect.share.value, default=None)


def cues_of(findings: FindingsAt, check: str) -> Cues:
    """The cues of M6 or M7; what a check only shows, or cannot measure, is none."""
    judged, undecided, decided = {}, [], {}
    for finding in _by_name(findings, check):
        if one := findings.share_of(finding, OF_THE_SEPARATION):
            judged[finding.case], decided[finding.case] = one, finding
        elif finding.verdict is not Verdict.NOT_APPLICABLE:
            undecided.append(finding.case)
    return Cues(judged, undecided, decided)


def looks_of(findings: FindingsAt) -> Cues:
    """The cues of how images look: those of M7 but the region's position."""
    cues = cues_of(findings, IMAGE)
    names = [name for name in cues.judged if name != POSITION]
    return replace(cues.only(names), undecided=[n for n in cues.undecided if n != POSITION])


def within_the_finding(findings: FindingsAt) -> list[EstimateRecord]:
    """Shares above a quarter of properties that the finding itself may move: shown, not judged."""
    shown = [
        finding.observations[0]
        for finding in _by_name(findings, IMAGE)
        if finding.observations and not finding.comparisons
    ]
    return [share for share in shown if share.low > _QUARTER]


def place_of(finding: Finding) -> Place:
    """Where a cue lies, by the share that it explains where only the region's box is shown.

    A marker beside the region explains less than a quarter there; a brighter exposure, which shows
    in the region too, contributes. What is shown to do neither has no known place.
    """
    within = [e for e in finding.observations if "masking" in e.at]
    if any(share.high < _QUARTER for share in within):
        return "beside"
    return "throughout" if any(share.low > CONTRIBUTES for share in within) else "unknown"


def unplaced(cues: Cues) -> str:
    """What explains more than a quarter at a place that is not known, in words; may be empty."""
    names = cues.placed("unknown")
    return f"whether {in_words(cues, names)} lies beside the region or in it too" if names else ""


def in_words(cues: Cues, names: Sequence[str]) -> str:
    """``acquisition (55%, interval 50% to 60%) and grain (33%, interval 29% to 38%)``."""
    return " and ".join(f"{name} ({in_numbers(cues.judged[name].effect.share)})" for name in names)


def in_numbers(share: EstimateRecord) -> str:
    """``55%, interval 50% to 60%``."""
    return f"{share.value:.0%}, interval {share.low:.0%} to {share.high:.0%}"


def _by_name(findings: FindingsAt, check: str) -> list[Finding]:
    """In an order that does not depend on that of the findings, also among equal shares."""
    return sorted(findings.of(check), key=lambda finding: finding.case)

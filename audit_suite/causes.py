"""From what the controls found to named causes: independent flags, several may hold (checks.md).

A cause is an association that the data support, not a proof. Each flag is a rule on verdicts that
were drawn with an error level of their own; where a verdict is missing or inconclusive the flag is
unknown, and says what would settle it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from audit_suite.record import CauseFlag, CausesRecord, EstimateRecord, Finding
from audit_suite.verdict import Verdict, worst

Holds = Literal["yes", "no", "unknown"]

UNDETERMINED = "undetermined"
_TELLS = 0.05  # distance of an AUROC to .5 beyond which a tag or property tells the label
_FOLLOWS = 0.10  # rank correlation beyond which a score follows it
_ASKED = ("R2", "R3", "C4")  # without one of these there is nothing to name a cause of


def name_causes(findings: Sequence[Finding]) -> list[CausesRecord]:
    """Name the causes of each model, data set and target.

    Args:
        findings: All findings of an audit.

    Returns:
        One record a place at which the region was hidden; its ``causes`` are the flags that hold.
    """
    places: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        places.setdefault((finding.model, finding.dataset, finding.target), []).append(finding)
    found = []
    for (model, dataset, target), here in places.items():
        if not any(f.check in _ASKED and f.comparisons for f in here):
            continue
        said = Said(here)
        flags = [rule(said) for rule in _RULES]
        flags.append(_undetermined(said, flags))
        found.append(
            CausesRecord(
                model=model,
                dataset=dataset,
                target=target,
                causes=[flag.cause for flag in flags if flag.holds == "yes"],
                flags=flags,
                sentence=_sentence(target, said, flags),
            )
        )
    return found


@dataclass(frozen=True)
class Said:
    """What the checks of one place said."""

    findings: Sequence[Finding]

    def of(self, check: str) -> list[Finding]:
        """The findings of a check, its cases in order."""
        return [finding for finding in self.findings if finding.check == check]

    def verdict(self, check: str, *cases: str) -> Holds:
        """Whether a check failed ("yes"), passed ("no"), or did neither.

        Args:
            check: Its id.
            *cases: Cases of which one is enough to fail and all must pass; none named: all.
        """
        chosen = [f for f in self.of(check) if not cases or f.case in cases]
        drawn = [_drawn(finding) for finding in chosen if finding.comparisons]
        if any(verdict is Verdict.FAIL for verdict in drawn):
            return "yes"
        return "no" if drawn and all(verdict is Verdict.PASS for verdict in drawn) else "unknown"

    def estimates(self, *checks: str) -> list[EstimateRecord]:
        """The estimates that decided the checks, for the table of a flag."""
        return [
            finding.estimate
            for check in checks
            for finding in self.of(check)
            if finding.comparisons and finding.estimate is not None
        ]

    def missing(self, *checks: str) -> str:
        """What would settle those of the checks that drew no verdict."""
        needed = []
        for check in checks:
            findings = self.of(check)
            if not findings:
                needed.append(f"{check} was not run")
            elif self.verdict(check) == "unknown":
                reasons = [f.reason for f in findings if not f.comparisons]
                more = [c.more_positives for f in findings for c in f.comparisons]
                most = max((number for number in more if number), default=0)
                if most:
                    needed.append(f"{check} needs about {most} more positive patients")
                else:
                    needed.append(f"{check}: {reasons[0] if reasons else 'too little data'}")
        return "; ".join(needed)


def _drawn(finding: Finding) -> Verdict:
    """The verdict of the comparisons, whatever a waiver made of it."""
    return worst(comparison.verdict for comparison in finding.comparisons)


def _either(*holds: Holds) -> Holds:
    if "yes" in holds:
        return "yes"
    return "no" if all(hold == "no" for hold in holds) else "unknown"


def _both(*holds: Holds) -> Holds:
    if "no" in holds:
        return "no"
    return "yes" if all(hold == "yes" for hold in holds) else "unknown"


def _not(holds: Holds) -> Holds:
    turned: dict[Holds, Holds] = {"yes": "no", "no": "yes", "unknown": "unknown"}
    return turned[holds]


def _background(said: Said) -> CauseFlag:
    signal = _either(said.verdict("R2"), said.verdict("R3"))
    return _flag(
        said,
        "background-shortcut",
        _both(signal, said.verdict("C4")),
        yes="without the region the label is still told, also where one and the same area is "
        "hidden in all images, so that no outline can tell it",
        no="with the region, or the population's region, hidden nothing is told",
        checks=("R2", "R3", "C4"),
    )


def _mask_leak(said: Said) -> CauseFlag:
    mask = _either(said.verdict("C1", "geometry"), said.verdict("C1", "pixels"))
    falls: Holds = "unknown"
    if finding := next(iter(said.of("C3")), None):
        falls = _falls(finding)
    return _flag(
        said,
        "mask-leak",
        _both(mask, falls),
        yes="the mask's size or shape alone tells the label, and what the model tells without the "
        "region falls when another patient's region is hidden besides",
        no="the mask's size and shape tell nothing, or the model does not read them in the hole",
        checks=("C1", "C3"),
    )


def _falls(finding: Finding) -> Holds:
    """Whether, under some fill, a signal without the region falls when the shape is randomised."""
    own = {e.at.get("masking"): e for e in finding.observations if "fall" not in e.at}
    falls = [e for e in finding.observations if "fall" in e.at]
    if not falls:
        return "unknown"
    for fall in falls:
        signal = own.get(fall.at.get("masking"))
        if signal is not None and _tells(signal) and fall.low > 0:
            return "yes"
    return "no" if all(fall.high < _TELLS for fall in falls) else "unknown"


def _framing(said: Said) -> CauseFlag:
    return _flag(
        said,
        "framing",
        _both(said.verdict("C1", "position"), said.verdict("C11")),
        yes="where the region lies in the frame tells the label, and the model's skill changes "
        "when all regions are moved to one place",
        no="the place of the region tells nothing, or moving it changes nothing",
        checks=("C1", "C11"),
    )


def _roi_incomplete(said: Said) -> CauseFlag:
    return _flag(
        said,
        "roi-incomplete",
        _both(said.verdict("R2"), _not(said.verdict("C12"))),
        yes="what is told without the region is gone once its declared margin is hidden too: the "
        "masks may miss diseased parts",
        no="nothing is told without the region, or its margin makes no difference",
        checks=("R2", "C12"),
    )


def _co_label(said: Said) -> CauseFlag:
    return _vanishing(said, "co-label", "another finding", lambda f: _at(f, "kind") == "target")


def _metadata(said: Said) -> CauseFlag:
    associated = {
        str(f.observations[0].at["property"])
        for f in said.of("M3")
        if f.observations and _differs(f.observations[0])
    }
    return _vanishing(
        said, "explained-by-metadata", "a tag", lambda f: _at(f, "stratum") in associated
    )


def _vanishing(said: Said, cause: str, what: str, relevant: Callable[[Finding], bool]) -> CauseFlag:
    """What is told without the region vanishes among patients equal in something."""
    strata = [f for f in said.of("C10") if f.comparisons and relevant(f)]
    gone = [_at(f, "stratum") for f in strata if _drawn(f) is Verdict.PASS]
    stays = bool(strata) and all(_drawn(f) is Verdict.FAIL for f in strata)
    vanishes: Holds = "yes" if gone else "no" if stays or not strata else "unknown"
    return _flag(
        said,
        cause,
        _both(_either(said.verdict("R2"), said.verdict("R3")), vanishes),
        yes=f"among patients equal in {', '.join(gone) or what} nothing is told without the region",
        no=f"nothing is told without the region, or it is told among patients equal in {what} too",
        checks=("R2", "C10"),
    )


def _artefact(said: Said) -> CauseFlag:
    upset = _both(said.verdict("C5"), _not(said.verdict("R2")))
    return _flag(
        said,
        "masking-artefact",
        _either(said.verdict("C6"), upset),
        yes="what is put in the region's place changes the result, or a hole elsewhere costs as "
        "much skill as one in the region",
        no="fills make no difference, and holes elsewhere cost less",
        checks=("C6", "C5"),
    )


_RULES: tuple[Callable[[Said], CauseFlag], ...] = (
    _background,
    _mask_leak,
    _framing,
    _roi_incomplete,
    _co_label,
    _metadata,
    _artefact,
)


def _undetermined(said: Said, flags: Sequence[CauseFlag]) -> CauseFlag:
    """A signal without a cause that holds, or a property that is encoded and used everywhere."""
    signal = _either(said.verdict("R2"), said.verdict("R3"))
    if signal == "yes":
        named = any(flag.holds == "yes" for flag in flags)
        open_ = [f"{flag.cause} ({flag.settles})" for flag in flags if flag.holds == "unknown"]
        return CauseFlag(
            cause=UNDETERMINED,
            holds="no" if named else "yes",
            because="a cause is named"
            if named
            else "the label is told without the region, and "
            "none of the causes above is shown to hold",
            settles="" if named else "; ".join(open_) or "a reader who looks at the masked images",
            estimates=[] if named else said.estimates("R2", "R3"),
        )
    used = sorted(_used(said))
    return CauseFlag(
        cause=UNDETERMINED,
        holds="yes" if used else "no",
        because=f"{', '.join(used)} tell the label all over the image, and the model's score "
        f"follows them among patients with and without the finding: hiding a region cannot "
        f"remove what reaches every pixel"
        if used
        else "no tag or image property tells the label and moves the score among equals",
        settles="images of one scanner and protocol, or the same patients taken both ways"
        if used
        else "",
        estimates=[
            e for f in said.of("M3") for e in f.observations if str(e.at.get("property")) in used
        ],
    )


def _used(said: Said) -> Iterable[str]:
    """Properties and tags that tell the label and that the score follows within both classes."""
    for finding in said.of("M3"):
        told = [e for e in finding.observations if "among" not in e.at]
        follow = [e for e in finding.observations if "among" in e.at]
        if not told or len(follow) < 2 or not _tells(told[0]):
            continue
        if all(e.low > _FOLLOWS for e in follow) or all(e.high < -_FOLLOWS for e in follow):
            yield str(told[0].at["property"])


def _tells(estimate: EstimateRecord) -> bool:
    return estimate.low > 0.5 + _TELLS or estimate.high < 0.5 - _TELLS


def _differs(estimate: EstimateRecord) -> bool:
    return estimate.low > 0.5 or estimate.high < 0.5


def _at(finding: Finding, axis: str) -> str:
    """Where the first compared estimate of a finding stands on an axis."""
    return str(finding.comparisons[0].estimate.at.get(axis, ""))


def _flag(
    said: Said, cause: str, holds: Holds, *, yes: str, no: str, checks: Sequence[str]
) -> CauseFlag:
    missing = said.missing(*checks)
    because = {"yes": yes, "no": no, "unknown": missing or "the checks do not agree"}[holds]
    return CauseFlag(
        cause=cause,
        holds=holds,
        because=because,
        settles=missing if holds == "unknown" else "",
        estimates=said.estimates(*checks),
    )


def _sentence(target: str, said: Said, flags: Sequence[CauseFlag]) -> str:
    """One sentence for a clinician."""
    words = [_WORDS[flag.cause] for flag in flags if flag.holds == "yes"]
    if words:
        return f"On {target}: {'; and '.join(words)}."
    signal = _either(said.verdict("R2"), said.verdict("R3"))
    if signal == "no":
        return (
            f"On {target}: with the region of interest hidden the model tells nothing, and nothing "
            f"found here speaks for another cue."
        )
    return f"On {target}: these data are too few to say what the model reads outside the region."


_WORDS = {
    "background-shortcut": "the model recognises it from parts of the image outside the region "
    "where a reader would look",
    "mask-leak": "the outline of the region differs between sick and healthy, and the model reads "
    "the outline of what was hidden",
    "framing": "sick and healthy are framed differently, and the model reads where the region lies "
    "in the picture",
    "roi-incomplete": "the region as drawn may leave out diseased parts just beyond its edge",
    "co-label": "the model reads another finding that often comes with it",
    "explained-by-metadata": "the cue travels with how or where the image was taken or who the "
    "patient is",
    "masking-artefact": "covering parts of the image disturbs the model, so that results on "
    "covered images are to be read with care",
    UNDETERMINED: "the model follows something that covering a region cannot find or tell apart",
}

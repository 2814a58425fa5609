"""From what the controls found to named causes: independent flags, several may hold (checks.md).

A cause is an association that the data support, not a proof. Each flag is a rule on verdicts that
were drawn with an error level of their own; where a verdict is missing or inconclusive the flag is
unknown, and says what would settle it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from audit_suite.causes.said import Holds, Said, both, drawn, either, negated, silent, tells
from audit_suite.causes.undetermined import TELLS, tells_label, undetermined
from audit_suite.causes.words import sentence
from audit_suite.record import CauseFlag, CausesRecord, EstimateRecord, Finding
from audit_suite.verdict import Verdict

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
        if said.verdict("C13", "quality") == "yes":
            flags = [_doubted(flag) for flag in flags]
        signal = _signal(said)
        flags.append(undetermined(said, signal, flags))
        found.append(
            CausesRecord(
                model=model,
                dataset=dataset,
                target=target,
                causes=[flag.cause for flag in flags if flag.holds == "yes"],
                flags=flags,
                sentence=sentence(target, signal, flags),
            )
        )
    return found


def _signal(said: Said) -> Holds:
    """Whether the label is told without the region or without its box, under some fill."""
    return said.told("R2", "R3")


def _background(said: Said) -> CauseFlag:
    spills = said.verdict("C12") == "no"  # all of it lies just beyond the mask
    return _flag(
        said,
        "background-shortcut",
        "no" if spills else both(_signal(said), said.told("C4")),
        yes="without the region the label is still told, also where one and the same area is "
        "hidden in all images, so that no outline can tell it",
        no="with the region, or the population's region, hidden nothing is told",
        checks=("R2", "R3", "C4"),
    )


def _mask_leak(said: Said) -> CauseFlag:
    # Pixels see the place too, which is framing.
    shape = both(said.verdict("C1", "pixels"), negated(said.verdict("C1", "position")))
    mask = either(said.verdict("C1", "geometry"), shape)
    falls: Holds = "unknown"
    if finding := next(iter(said.of("C3")), None):
        falls = _falls(finding)
    # Another patient's region covers what spills over the own one too, and ends it as well.
    spills = _roi_incomplete(said).holds == "yes"
    holds = both(mask, falls)
    return _flag(
        said,
        "mask-leak",
        "unknown" if spills and holds == "yes" else holds,
        yes="the mask's size or shape alone tells the label, and what the model tells without the "
        "region falls when another patient's region is hidden besides",
        no="the mask's size and shape tell nothing, or the model does not read them in the hole",
        checks=("C1", "C3"),
        cases=("geometry", "pixels"),
        lacks="a reader who compares the masks with the images" if spills else "",
    )


def _falls(finding: Finding) -> Holds:
    """Whether, under some fill, a signal without the region falls when the shape is randomised.

    A little of any signal goes with what is hidden besides: a fall shown to be small is none.
    """
    own = {e.at.get("masking"): e for e in finding.observations if "fall" not in e.at}
    falls = [e for e in finding.observations if "fall" in e.at]
    if not falls:
        return "unknown"
    for fall in falls:
        signal = own.get(fall.at.get("masking"))
        if signal is not None and tells_label(signal) and fall.low > 0 and fall.high >= TELLS:
            return "yes"
    return "no" if all(fall.high < TELLS for fall in falls) else "unknown"


def _framing(said: Said) -> CauseFlag:
    return _flag(
        said,
        "framing",
        both(said.verdict("C1", "position"), said.verdict("C11")),
        yes="where the region lies in the frame tells the label, and the model's skill changes "
        "when all regions are moved to one place",
        no="the place of the region tells nothing, or moving it changes nothing",
        checks=("C1", "C11"),
        cases=("position",),
    )


def _roi_incomplete(said: Said) -> CauseFlag:
    return _flag(
        said,
        "roi-incomplete",
        both(said.told("R2"), negated(said.verdict("C12"))),
        yes="what is told without the region is gone once its declared margin is hidden too: the "
        "masks may miss diseased parts",
        no="nothing is told without the region, or its margin makes no difference",
        checks=("R2", "C12"),
    )


def _co_label(said: Said) -> CauseFlag:
    tags = [f.case for f in said.of("M3")]
    strata = {
        name: f
        for name, f in _strata(said).items()
        if (_at(f, "kind") == "target" if f.comparisons else name not in tags)
    }
    lacks = "" if strata else "labels of other findings"
    return _vanishing(said, "co-label", "another finding", strata, lacks)


def _metadata(said: Said) -> CauseFlag:
    tags = {f.case: f for f in said.of("M3") if f.case in _strata(said)}
    told = [name for name, f in tags.items() if f.observations and _differs(f.observations[0])]
    strata = {name: f for name, f in _strata(said).items() if name in told}
    lacks = "tags declared as metadata" if said.of("M3") else "M3 was not run"
    return _vanishing(said, "explained-by-metadata", "a tag", strata, "" if tags else lacks)


def _strata(said: Said) -> dict[str, Finding]:
    """The findings of C10 by what patients are equal in, also where nothing could be compared."""
    found = {
        _at(f, "stratum") if f.comparisons else f.case.removesuffix("-without-roi"): f
        for f in said.of("C10")
    }
    return {name: f for name, f in found.items() if name not in ("nothing", f.target)}


def _vanishing(
    said: Said, cause: str, what: str, strata: Mapping[str, Finding], lacks: str
) -> CauseFlag:
    """What is told without the region vanishes among patients equal in something.

    Where a tag and the label are one there are no equals to compare, and the flag stays unknown;
    so it does where data are lacking that would have to be compared.
    """
    gone = [name for name, f in strata.items() if _gone(said, f) == "yes"]
    stays = not lacks and all(_gone(said, f) == "no" for f in strata.values())
    vanishes: Holds = "yes" if gone else "no" if stays else "unknown"
    return _flag(
        said,
        cause,
        both(_signal(said), vanishes),
        yes=f"among patients equal in {', '.join(gone)} nothing is told without the region",
        no=f"nothing is told without the region, or {what} does not explain it",
        checks=("R2", "R3", "C10"),
        cases=[f.case for f in strata.values()] or [""],
        lacks=lacks,
    )


def _gone(said: Said, among: Finding) -> Holds:
    """Whether what is told under some fill is shown to be nothing among equals, and told nowhere.

    Fills under which the model tells nothing anyway have nothing that could vanish.
    """
    told = {
        c.estimate.at.get("masking")
        for check in ("R2", "R3")
        for f in said.of(check)
        for c in f.comparisons
        if tells(c)
    }
    if any(tells(c) for c in among.comparisons):
        return "no"
    asked = [c for c in among.comparisons if c.estimate.at.get("masking") in told]
    return "yes" if any(silent(c) for c in asked) else "unknown"


def _artefact(said: Said) -> CauseFlag:
    # What is left of the region, or its outline, is read differently under each fill.
    leaks = "yes" in (_mask_leak(said).holds, _roi_incomplete(said).holds)
    upset = both(_upset(said), negated(said.told("R2")))
    return _flag(
        said,
        "masking-artefact",
        "no" if leaks else either(said.verdict("C6"), upset),
        yes="what is put in the region's place changes the result, or a hole elsewhere costs as "
        "much skill as one in the region",
        no="what the fills differ in is what a leaking mask, or one drawn too small, leaves to read"
        if leaks
        else "fills make no difference, and holes elsewhere cost less",
        checks=("C6", "C5", "R2"),
    )


def _upset(said: Said) -> Holds:
    """Whether a hole elsewhere costs skill, and as much as one in the region.

    Where either takes all skill neither costs more, and C5 itself cannot fail.
    """
    finding = next((f for f in said.of("C5") if f.comparisons and f.observations), None)
    if finding is None:
        return "unknown"
    ahead, lost = finding.comparisons[0].estimate, finding.observations[0]
    if lost.low > TELLS and ahead.high < TELLS:
        return "yes"
    return "no" if drawn(finding) is Verdict.PASS or lost.high < TELLS else "unknown"


_RULES: tuple[Callable[[Said], CauseFlag], ...] = (
    _background,
    _mask_leak,
    _framing,
    _roi_incomplete,
    _co_label,
    _metadata,
    _artefact,
)


def _doubted(flag: CauseFlag) -> CauseFlag:
    """A flag that would be drawn from masks whose quality differs between sick and healthy."""
    if flag.holds != "yes":
        return flag
    because = "the quality of the masks is tied to the label (C13), and so is what they hide"
    settles = "masks of equal quality for sick and healthy"
    return flag.model_copy(update={"holds": "unknown", "because": because, "settles": settles})


def _differs(estimate: EstimateRecord) -> bool:
    return estimate.low > 0.5 or estimate.high < 0.5


def _at(finding: Finding, axis: str) -> str:
    """Where the first compared estimate of a finding stands on an axis."""
    return str(finding.comparisons[0].estimate.at.get(axis, ""))


def _flag(
    said: Said,
    cause: str,
    holds: Holds,
    *,
    yes: str,
    no: str,
    checks: Sequence[str],
    cases: Sequence[str] = (),
    lacks: str = "",
) -> CauseFlag:
    needed = [lacks, said.missing(*checks, cases=cases)]
    missing = "; ".join(filter(None, needed)) or f"{', '.join(checks)} on more patients"
    because = {"yes": yes, "no": no, "unknown": missing}[holds]
    return CauseFlag(
        cause=cause,
        holds=holds,
        because=because,
        settles=missing if holds == "unknown" else "",
        estimates=said.estimates(*checks),
    )

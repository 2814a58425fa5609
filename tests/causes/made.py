"""Findings that tests make up: a clean audit, and what changes in it."""

from __future__ import annotations

import itertools

from audit_suite.causes import UNDETERMINED, name_causes
from audit_suite.record import Basis, ComparisonRecord, EstimateRecord, Finding, PairBasis

CAUSES = (
    "background-shortcut",
    "mask-leak",
    "framing",
    "roi-incomplete",
    "co-label",
    "explained-by-metadata",
    "acquisition",
    "masking-artefact",
    UNDETERMINED,
)
FILL = "without-roi"  # the masking whose fall C3 shows
AUROC = {"pass": 0.5, "inconclusive": 0.55, "fail": 0.9}  # give or take .01, against .5 and .05


def estimate(value, half=0.01, **at):
    return EstimateRecord(
        label="x",
        value=value,
        low=value - half,
        high=value + half,
        n_patients=400,
        n_images=400,
        n_positives=200,
        at=at,
    )


SURE, UNSURE = 1e-6, 0.5  # p values of a fail
PAIR = Basis(
    se=0.01,
    df=100,
    bounds=None,
    edge=0,
    fewest=100,
    alpha=0.05,
    cases=1,
    chances=1,
    pair=PairBasis(form="ratio", first=0, second=1, edge=0, strata=[]),
)
"""What a share is judged by."""


def comparison(verdict, shown):
    return ComparisonRecord(
        estimate=shown,
        basis=None,
        group=0,
        jointly="most",
        bound=None,
        bound_words="",
        alone=verdict,
        rule="|x - 0.5| < 0.05",
        relation="<",
        centre=0.5,
        margin=0.05,
        margin_source="a test",
        verdict=verdict,
        pass_low=shown.low,
        pass_high=shown.high,
        fail_level=0.05,
        p_raw=SURE if verdict == "fail" else UNSURE,
        p_holm=None,
        smallest_effect=0.05,
        message="x",
    )


def finding(
    check,
    verdict,
    case="",
    shown=None,
    observations=(),
    target="sick",
    model="m",
    compared=True,
):
    """A finding; ``verdict`` is one, or ``na: reason``, or ``inconclusive: positives needed``."""
    word, _, more = verdict.partition(": ")
    shown = shown or estimate(AUROC.get(word, 0.5), masking=FILL)
    compared = compared and word not in ("na", "error")
    compared = [comparison(word, shown)] if compared else []
    verdicts = {"na": "not_applicable"}
    return Finding(
        check=check,
        id=f"{check}/{model}/d/{target}/{case}",
        title=check,
        model=model,
        dataset="d",
        target=target,
        case=case,
        role="guard",
        verdict=verdicts.get(word, word),
        question="?",
        claim="",
        estimate=shown if compared else None,
        margin=0.05,
        margin_source="a test",
        comparisons=compared,
        observations=list(observations),
        reason=more if not compared else "",
        would_pass="",
        command="",
    )


def c3(verdict="pass", own=0.5, fall=(0.0, 0.01), fills=1):
    """C3 with what it observes: the signal with the own region hidden, and its fall."""
    shown = []
    for number in range(fills):
        masking = FILL + number * "-mean"
        shown.append(estimate(own, masking=masking, visible=0.7))
        value, half = (sum(fall) / 2, (fall[1] - fall[0]) / 2)
        shown.append(estimate(value, half, masking=masking, fall="by another's region"))
    return [finding("C3", verdict, observations=shown)]


def c5(verdict="pass", ahead=(0.3, 0.4), lost=(0.0, 0.02)):
    """C5: how far skill is ahead with a hole elsewhere, and how much is lost there."""
    shown, other = (estimate(sum(ends) / 2, (ends[1] - ends[0]) / 2) for ends in (ahead, lost))
    return [finding("C5", verdict, shown=shown, observations=[other])]


def c10(**strata):
    """C10 by stratum; another finding if its name is ``other``, else a tag."""
    within_each = []
    for name, verdict in strata.items():
        kind = "target" if name == "other" else "tag"
        value = AUROC.get(verdict.partition(":")[0], 0.5)
        at = estimate(value, masking=FILL, stratum=name, kind=kind)
        within_each.append(finding("C10", verdict, f"{name}-without-roi", at))
    return within_each


def share(value, half=0.05, p_raw=None, margin=0.25, centre=None, **at):
    """A share's comparison with a quarter, as its interval decides."""
    shown = estimate(value, half, **at)
    size = abs(value)
    verdict = "fail" if size - half > margin else "pass" if size + half < margin else "inconclusive"
    made = comparison(verdict, shown)
    made.basis, made.margin, made.centre = PAIR, margin, centre
    made.p_raw = made.p_raw if p_raw is None else p_raw
    return made


def cue(name, value=0.0, half=0.05, check="M7", inside=None, p_raw=None, inside_half=0.02):
    """M6 of a tag, or M7 of an image property, with the share where the box alone is shown."""
    judged = share(value, half, p_raw, cue=name, kind="tag", masking="full")
    alone = (
        [] if inside is None else [estimate(inside, inside_half, cue=name, masking="only-roi-box")]
    )
    made = finding(check, judged.verdict, name, shown=judged.estimate, observations=alone)
    made.comparisons = [judged]
    return made


def inside(name, value, half=0.05):
    """M7 of a property that the finding itself may move: shown, not judged."""
    shown = estimate(value, half, cue=name, kind="property", only_shown="inside", masking="full")
    return finding("M7", "na: reported only: inside", name, observations=[shown])


def kept(*values, half=0.05):
    """R8-box: the share of the skill kept with the box hidden, under each fill."""
    shares = [share(value, half, centre=0.0, masking=f"fill {i}") for i, value in enumerate(values)]
    alone = [each.verdict for each in shares]
    joint = alone[0] if len(set(alone)) == 1 else "inconclusive"
    if alone.count("fail") * 2 > len(alone):
        joint = "fail"
    made = finding("R8-box", joint, shown=shares[0].estimate)
    made.comparisons = [
        each.model_copy(update={"verdict": joint, "alone": each.verdict}) for each in shares
    ]
    return [made]


def m3(predicts=0.5, follow=(0.0, 0.0), name="site", among=2):
    """M3: how well a property predicts the label, and how the score follows it in each class."""
    shown = [estimate(predicts, property=name)]
    for value, side in zip(follow[:among], ("positive", "negative"), strict=False):
        shown.append(estimate(value, 0.03, property=name, among=side))
    return [finding("M3", "na: reported only", name, observations=shown)]


def r2(verdict, *values):
    """R2 under several fills, which share its verdict."""
    return [filled("R2", verdict, values)]


def within(*values):
    """C10 within another finding, under several fills."""
    return [
        filled("C10", "inconclusive", values, "other-without-roi", stratum="other", kind="target")
    ]


def filled(check, verdict, values, case="", **at):
    """A finding with one comparison per fill."""
    shown = [
        estimate(value, masking=FILL + number * "-mean", **at)
        for number, value in enumerate(values)
    ]
    made = finding(check, verdict, case, shown=shown[0])
    made.comparisons = [comparison(verdict, each) for each in shown]
    return made


def c1(geometry="pass", pixels="pass", position="pass"):
    named = {"geometry": geometry, "pixels": pixels, "position": position}
    return [finding("C1", verdict, case) for case, verdict in named.items()]


def c6(*verdicts):
    pairs = ("black-mean", "black-blur", "mean-blur", "black-inpaint", "black-noise")
    given = itertools.chain(verdicts, itertools.repeat("pass"))
    return [finding("C6", verdict, pair) for pair, verdict in zip(pairs, given, strict=False)]


CLEAN = {
    "R2": "pass",
    "R3": "pass",
    "C1": c1(),
    "C3": c3(),
    "C4": "pass",
    "C5": c5(),
    "C6": c6(),
    "C10": c10(site="pass", other="pass"),
    "C11": "pass",
    "C12": "pass",
    "M3": m3(),
    "M6": [cue("site", check="M6")],
    "M7": [cue("grain"), cue("acquisition")],
}
"""An honest model, on data in which nothing but the finding predicts the label."""

SIGNAL = {
    "R2": "fail",
    "R3": "fail",
    "C4": "fail",
    "C10": c10(site="fail", other="fail"),
    "C12": "fail",
}
"""A model that scores without the region, for a reason that no control explains away."""


def findings(changes=None, base=None):
    """The findings of one place: a clean audit, or ``base``, with changes; None: not run."""
    made = []
    for check, content in {**CLEAN, **(base or {}), **(changes or {})}.items():
        if isinstance(content, str):
            made.append(finding(check, content))
        elif content is not None:
            made += [each.model_copy() for each in content]  # tests may change what they got
    return made


def named(changes=None, base=None):
    (record,) = name_causes(findings(changes, base))
    return record


def flag(record, cause):
    (only,) = [flag for flag in record.flags if flag.cause == cause]
    return only


LEAK = {"C1": c1(geometry="fail"), "C3": c3("fail", own=0.9, fall=(0.1, 0.4))}

"""Numbers, verdicts and maskings in words."""

from __future__ import annotations

import textwrap

from audit_suite.errors import AuditError
from audit_suite.maskings import Masking
from audit_suite.record import ComparisonRecord, EstimateRecord, Finding, Record, TargetDecision
from audit_suite.regions import NO_REGION
from audit_suite.verdict import Verdict

_TINY = 0.001

VERDICTS: dict[Verdict, tuple[str, str, str]] = {
    Verdict.ERROR: ("!", "error", "could not be judged because of an error"),
    Verdict.FAIL: ("✕", "fail", "the data show that the claim does not hold"),
    Verdict.NONE: ("○", "not run", "planned, but not run"),
    Verdict.INCONCLUSIVE: ("?", "inconclusive", "the data show neither: mostly they are too few"),
    Verdict.WAIVED: ("~", "waived", "did not pass; somebody has taken responsibility"),
    Verdict.PASS: ("✓", "pass", "the data show that the claim holds"),
    Verdict.NOT_APPLICABLE: ("–", "not applicable", "the check does not apply here"),
}

WITHOUT_MASKS = (
    "checks that need no mask can show cues at the edge of the picture and in how it was made, but "
    "not a cue on or inside the body, so a pass is no acquittal"
)
"""What an audit without a region can and cannot show."""

RATES = {
    "honest_blocked": "An honest model failed a check of region sensitivity",
    "plain_blocked": "... the same, among models that were never trained on masked images",
    "outside_blocked": "A model with a strong shortcut outside the region failed one",
    "framing_blocked": "A model that uses the region's place in the frame failed one",
    "cause_right": "The planted cause was among those named",
    "naive_honest_blocked": "For comparison: an honest model would fail the rule “AUROC without "
    "the region is significantly above 0.5”",
    "naive_outside_blocked": "For comparison: a model with a shortcut outside would fail that rule",
}


def wrapped(text: str, width: int, lines: int | None = None) -> list[str]:
    """A paragraph in lines of a terminal; what follows the first is indented by two more.

    Args:
        text: The paragraph.
        width: Columns.
        lines: Most lines; what is left out becomes dots. None for all of it.
    """
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    return textwrap.wrap(text, width, subsequent_indent=indent, max_lines=lines, placeholder=" ...")


def number(value: float, digits: int = 3) -> str:
    """A number with fixed digits and a true minus sign."""
    text = f"{value:.{digits}f}"
    return f"−{text[1:]}" if text.startswith("-") and float(text) else text.lstrip("-")


def interval(estimate: EstimateRecord) -> str:
    """The 95 % interval, for example ``[0.48, 0.52]``."""
    return f"[{number(estimate.low)}, {number(estimate.high)}]"


def p_value(p: float) -> str:
    """A p value, for example ``< .001`` or ``= .034``."""
    return "< .001" if p < _TINY else f"= {p:.3f}".replace("0.", ".")


def counts(estimate: EstimateRecord) -> str:
    """The patients and images behind an estimate."""
    text = f"{estimate.n_patients:,} patients, {estimate.n_images:,} images"
    if estimate.n_positives is not None:
        text += f", {estimate.n_positives:,} patients with the finding"
    return text


def word(finding: Finding) -> str:
    """The verdict's word; "reported" for an estimate without a rule."""
    reported = finding.observations or finding.reason.startswith("reported only")
    if finding.verdict is Verdict.NOT_APPLICABLE and reported:
        return "reported"
    return VERDICTS[finding.verdict][1]


def symbol(finding: Finding) -> str:
    """The verdict's sign."""
    return "•" if word(finding) == "reported" else VERDICTS[finding.verdict][0]


def kind(finding: Finding) -> str:
    """The verdict as a CSS class."""
    return "reported" if word(finding) == "reported" else finding.verdict.value


def sentence(text: str) -> str:
    """Text that begins with a capital letter."""
    return f"{text[:1].upper()}{text[1:]}"


def full_sentence(text: str) -> str:
    """Text in one line that begins with a capital letter and ends with a full stop."""
    text = sentence(" ".join(text.split()))
    return text if text.endswith(".") else f"{text}."


def masking_in_words(id: str) -> str:
    """A masking's label, ``full image`` for the full one; its id if its fill is not installed."""
    try:
        return Masking.parse(id).label or "full image"
    except AuditError:
        return id


def acceptance(comparison: ComparisonRecord) -> tuple[float | None, float | None]:
    """The range of values the claim allows; None for an open end."""
    if comparison.centre is not None:
        return comparison.centre - comparison.margin, comparison.centre + comparison.margin
    if comparison.relation != ">":
        return None, comparison.margin
    return comparison.margin, None


def allowed(comparison: ComparisonRecord) -> str:
    """The range of values the claim allows, in words: ``0.45 to 0.55``, ``below 0.25``."""
    low, high = acceptance(comparison)
    if low is None:
        return f"{'at most' if comparison.relation == '<=' else 'below'} {_short(high)}"
    return f"above {_short(low)}" if high is None else f"{_short(low)} to {_short(high)}"


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}".replace("-", "−")


def decided(target: TargetDecision) -> str:
    """The decision on one target, and what is left of the skill, in one line."""
    words = f"{target.decision}: {target.reason}"
    if not target.primary:
        words = f"{words} (the release does not rest on this target)"
    return "; ".join(filter(None, (words, target.kept, target.needed)))


def lacks_region(record: Record) -> bool:
    """Whether a check does not apply because its target has no region."""
    return any(finding.reason.startswith(NO_REGION) for finding in record.findings)


def attention(record: Record) -> list[str]:
    """What a reader must know besides the decision: waivers first, then what is missing.

    Waivers that cover nothing come before those in use, because they may be removed.
    """
    policy = record.policy
    states = {"expired": 0, "needless": 1, "used": 2}
    lines = []
    for waiver in sorted(policy.waivers, key=lambda waiver: states[waiver.state]):
        scope = (waiver.model, waiver.dataset, waiver.target)
        where = ", ".join(part for part in scope if part) or "everything"
        lines.append(
            f"{waiver.state} waiver: {waiver.check} on {where}, by {waiver.owner} until "
            f"{waiver.expires}: {waiver.reason}"
        )
    for check in policy.missing:
        suite = f" ({check.suite})" if check.suite else ""
        lines.append(
            f"required, but missing: {check.check}{suite} on {check.model}, {check.dataset}, "
            f"{check.target} {check.reason}; to do: {check.remedy}"
        )
    if lacks_region(record):
        lines.append(f"{NO_REGION}: {WITHOUT_MASKS}")
    lines += [f"deviation: {deviation.what}" for deviation in policy.deviations]
    known = {deviation.what for deviation in policy.deviations}
    lines += [note for note in policy.beforehand if note not in known]
    return lines

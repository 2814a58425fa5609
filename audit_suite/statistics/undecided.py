"""Why a finding is undecided: too little data, estimates that disagree, or the check's own word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from audit_suite.record import ComparisonRecord, Finding
from audit_suite.statistics.decision import FEWEST_PATIENTS
from audit_suite.verdict import Verdict

TOO_LITTLE = "too little data"


def why_undecided(finding: Finding) -> str:
    """Why a finding is inconclusive, as a part of a sentence.

    Args:
        finding: One that is inconclusive, or was before it was waived.
    """
    if says_so_itself(finding):
        return finding.reason
    if split := next(_split(finding.comparisons), None):
        upset = sum(member.alone is Verdict.FAIL for member in split)
        return (
            f"the fills disagree: {upset} of {len(split)} {'upsets' if upset == 1 else 'upset'} "
            f"the model, so hiding by {'it' if upset == 1 else 'them'} cannot be trusted"
        )
    open_ones = (c for c in finding.comparisons if c.verdict is Verdict.INCONCLUSIVE)
    fewest = min((c.basis.fewest for c in open_ones if c.basis is not None), default=None)
    if fewest is not None and fewest < FEWEST_PATIENTS:
        return (
            f"{TOO_LITTLE}: {fewest} patients of the rarer class, counted by their shares of the "
            f"images; no verdict is drawn on fewer than {FEWEST_PATIENTS}"
        )
    return TOO_LITTLE


def says_so_itself(finding: Finding) -> bool:
    """Whether a check is inconclusive for a reason of its own, and not by what it compared.

    Ties are one, or a cue that cannot be told from the label: what estimates ask for does not
    remove it.
    """
    return all(c.verdict is not Verdict.INCONCLUSIVE for c in finding.comparisons)


def _split(comparisons: Iterable[ComparisonRecord]) -> Iterator[list[ComparisonRecord]]:
    """Groups of jointly judged comparisons that are undecided because they disagree."""
    for _, each in groupby(comparisons, lambda comparison: comparison.group):
        group = list(each)
        alone = {member.alone for member in group}
        if group[0].verdict is Verdict.INCONCLUSIVE and {Verdict.FAIL, Verdict.PASS} <= alone:
            yield group

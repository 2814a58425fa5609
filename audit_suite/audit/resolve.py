"""Give a case its arguments: estimates from stored evidence, computed now if it is missing."""

from __future__ import annotations

from audit_suite.audit.opening import Audit
from audit_suite.audit.plan import AnyNeed, Argument, CheckCase
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.needs import NeedAnswer, answer_in, estimate_in, requests_in
from audit_suite.needs.scores.spread import REMEDY, constant
from audit_suite.planning.forecast import SKILL
from audit_suite.statistics import DecisionRule, Estimate, Family, Margin
from audit_suite.statistics.needed import images_to_explain
from audit_suite.verdict import NO_SKILL, NotApplicable


class OnDemand:
    """The argument ``audit`` of a check: gives estimates beyond those that the check declared.

    Attributes:
        cell: The model, data set and target of this case.
        source: The stored evidence, for values that are measured rather than estimated.
    """

    def __init__(self, cell: Cell, audit: Audit) -> None:
        self.cell = cell
        self.source = audit.source

    def __call__(self, need: AnyNeed) -> NeedAnswer:
        """The answer of a need; its evidence is computed now if it is not stored.

        Raises:
            NotApplicable: If the need has no meaning in this cell.
            AuditError: If the evidence is missing and cannot be computed.
        """
        if requests_in(need, self.cell) and (sentence := constant(self.cell, self.source)):
            raise NotApplicable(f"{NO_SKILL}: {sentence}")
        return answer_in(need, self.cell, self.source)

    def more_to_explain(self, estimate: Estimate, limit: float) -> str:
        """How many explained images would decide an estimate over them, in words.

        Args:
            estimate: Of the images explained so far.
            limit: What it is compared with.
        """
        at_hand = len(self.source.dataset(self.cell.dataset).cases)
        images = images_to_explain(estimate, limit, at_hand)
        if images is None:
            return f"not even all {at_hand} images would probably decide it"
        return (
            f"about {images} of the {at_hand} images explained would decide it "
            f"(--audit-max-explained={images})"
        )


def rule_for(case: CheckCase, audit: Audit) -> DecisionRule:
    """The rule that the comparisons of a case are judged by."""
    settings = audit.settings
    shares = case.shares if settings.multiplicity == "bonferroni" else 1
    return DecisionRule(alpha=1 - settings.confidence, cases=shares, chances=audit.policy.looks)


def admit(case: CheckCase, audit: Audit) -> None:
    """Refuse to judge a model by evidence that cannot tell anything; before `resolve`.

    Raises:
        AssertionError: If the model's scores hardly differ and the case is the check of its skill,
            which it fails.
        NotApplicable: If they hardly differ and any other case on the model reads them: there is
            nothing that could be lost, and falling to chance would be no merit.
        AuditError: If the scores cannot be had.
    """
    if case.role == "data" or not any(True for _ in case.requests()):
        return  # what is wrong with the data shows whatever the model says
    if sentence := constant(case.cell, audit.source):
        if case.check.id == SKILL:
            raise AssertionError(f"{sentence}, {REMEDY}")
        raise NotApplicable(f"{NO_SKILL}: {sentence}")


def resolve(case: CheckCase, audit: Audit) -> dict[str, object]:
    """The value of each declared argument of a case.

    Raises:
        NotApplicable: If a need has no meaning in the case's cell.
        AuditError: If evidence is missing and cannot be computed.
    """
    source = audit.source
    return {name: _value(arg, case.cell, source) for name, arg in case.arguments.items()}


def _value(argument: Argument, cell: Cell, source: EvidenceSource) -> object:
    if isinstance(argument, Margin):
        return argument
    for need in argument if isinstance(argument, tuple) else (argument,):
        requests_in(need, cell)  # an error here was skipped when the audit was planned
    if not isinstance(argument, tuple):
        return answer_in(argument, cell, source)
    return Family([estimate_in(need, cell, source) for need in argument])

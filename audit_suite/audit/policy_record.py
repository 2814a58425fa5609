"""What the policy required of an audit, and what is missing: the record's part on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audit_suite.audit.beforehand import Beforehand
from audit_suite.audit.gate import missing_checks
from audit_suite.audit.opening import Audit
from audit_suite.audit.policy import load_policy
from audit_suite.audit.settings import FIRST_LOOK
from audit_suite.audit.suites import suite_of, suites_of_audits
from audit_suite.audit.waivers import expired_waivers, waiver_states
from audit_suite.record import Deviation, Finding, PolicyRecord


def policy_record(
    audit: Audit, findings: Sequence[Finding], before: Beforehand, problems: Sequence[str]
) -> PolicyRecord:
    """The policy, what it required in this audit, and what became of it.

    Args:
        audit: Settings, policy and cells.
        findings: One per planned case.
        before: What was fixed beforehand, and how often the patients were looked at.
        problems: What closes the gate apart from findings.
    """
    policy = audit.policy
    places = [(cell.model_name, cell.dataset.name, cell.target) for cell in audit.cells]
    required, must_be_asked = policy.required_checks(places), policy.asked_checks(places)
    roles = {finding.check: finding.role for finding in findings}
    waivers = waiver_states(audit.waivers, findings)
    asked = dict.fromkeys(finding.check for finding in findings)
    suites = sorted({suite for check in asked if (suite := suite_of(check))})
    return PolicyRecord(
        name=policy.name,
        digest=policy.digest(),
        content=policy.content(),
        required=required,
        asked=must_be_asked,
        guards=[check for check in asked if roles[check] == "guard"],
        primary=sorted({target for _, _, target in places if policy.kind(target).primary}),
        suites_asked=suites,
        suites_not_asked=sorted({*suites_of_audits()} - {*suites}),
        missing=missing_checks(findings, required, must_be_asked),
        deviations=[*_deviations(audit, findings), *before.deviations],
        beforehand=before.notes,
        problems=[*problems, *expired_waivers(waivers)],
        waivers=waivers,
    )


def _deviations(audit: Audit, findings: Sequence[Finding]) -> Iterator[Deviation]:
    """In what the audit departs from its policy or from the defaults."""
    settings, policy = audit.settings, audit.policy
    if settings.max_cases is not None:
        yield Deviation(
            what=f"a smoke run on about {settings.max_cases} images of each data set "
            "(--audit-max-cases)",
            never_opens=True,
        )
    if settings.profile == "first-look":
        yield Deviation(
            what=f"a first look: only what the policy needs, on at most {FIRST_LOOK} images of "
            "each data set (--audit-profile=first-look)",
            never_opens=True,
        )
    if settings.confidence < policy.confidence:
        yield Deviation(
            what=f"verdicts at confidence {settings.confidence:g}, but the policy asks for "
            f"{policy.confidence:g} (--audit-confidence)",
            never_opens=True,
        )
    if settings.executor == "inline":
        yield Deviation(
            what="models ran in the process that judges (--audit-executor=inline)",
            never_opens=False,
        )
    if settings.executor == "ray":
        yield Deviation(
            what="models ran in processes that were not confined (--audit-executor=ray)",
            never_opens=False,
        )
    if policy.looks > 1:
        yield Deviation(
            what=f"{policy.looks} audits of the same test set are planned: each pass holds at "
            f"{1 - policy.confidence:.2g} / {policy.looks}",
            never_opens=False,
        )
    if policy != load_policy():
        yield Deviation(what=f"policy '{policy.name}', not the default", never_opens=False)
    for model, target in _unaudited_targets(audit):
        yield Deviation(
            what=f"target '{target}' of model '{model}' is in none of the data sets",
            never_opens=False,
        )
    yield from _card_margins(findings)


def _unaudited_targets(audit: Audit) -> list[tuple[str, str]]:
    audited = {(cell.model.name, cell.target) for cell in audit.cells}
    every = [(model.name, target) for model in audit.models for target in model.targets]
    return [pair for pair in every if pair not in audited]


def _card_margins(findings: Sequence[Finding]) -> Iterator[Deviation]:
    """Margins that a card sets, once for each check, value and source."""
    margins = dict.fromkeys(
        (finding.check, comparison.margin, comparison.margin_source)
        for finding in findings
        for comparison in finding.comparisons
        if comparison.margin_source.startswith(("data set card '", "model card '"))
    )
    for check, margin, source in margins:
        yield Deviation(what=f"margin {margin:g} of {check}, set by {source}", never_opens=False)

"""Run a case: pass its estimates to the test, and turn the result into a finding and an outcome."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from audit_suite.audit.judge import judge
from audit_suite.audit.keeping import keep
from audit_suite.audit.opening import Audit
from audit_suite.audit.plan import CheckCase
from audit_suite.audit.resolve import OnDemand, admit, resolve, rule_for
from audit_suite.errors import AuditError
from audit_suite.record import Finding
from audit_suite.record.policy import MUST_PASS
from audit_suite.statistics import DecisionRule, Recorded, explain_comparison, recording
from audit_suite.verdict import Inconclusive, NotApplicable, Verdict
from pytest_audit.collecting import CASE
from pytest_audit.trying import each_try

_RECORDED = pytest.StashKey[Recorded]()
_FINDING = pytest.StashKey[Finding]()

_WORDS = {
    Verdict.INCONCLUSIVE: ("inconclusive", "I", ("INCONCLUSIVE", {"yellow": True})),
    Verdict.NOT_APPLICABLE: ("not applicable", "n", ("NOT APPLICABLE", {"cyan": True})),
    Verdict.WAIVED: ("waived", "w", ("WAIVED", {"yellow": True})),
}


class Judging:
    """Passes estimates to tests and derives verdicts from what they do."""

    def __init__(self, config: pytest.Config, audit: Audit) -> None:
        self._config = config
        self._audit = audit
        self._errors: dict[str, str] = {}  # what stopped checks so far: the first that it stopped

    @pytest.fixture
    def audit(self, request: pytest.FixtureRequest) -> OnDemand:
        """Estimates on demand: ``audit(auroc(WithoutROI(dilation=5)))``; ``audit.cell``."""
        case: CheckCase = getattr(request, "param", None) or request.node.stash[CASE]
        return OnDemand(case.cell, self._audit)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
        """Replace declared needs by their estimates, and record every comparison."""
        case = pyfuncitem.stash.get(CASE, None)
        if case is None:
            return (yield)
        with recording(rule_for(case, self._audit)) as recorded:
            pyfuncitem.stash[_RECORDED] = recorded
            admit(case, self._audit)
            pyfuncitem.funcargs |= resolve(case, self._audit)
            with each_try(pyfuncitem, recorded, self._audit.settings.seed):
                return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Derive the verdict, put it on the report as JSON, and set the outcome to match."""
        case = item.stash.get(CASE, None)
        if case is None:
            return (yield)
        raised = call.excinfo.value if call.excinfo is not None else None
        if call.when == "call":
            recorded = item.stash.get(_RECORDED, None) or Recorded(DecisionRule())
            finding = judge(case, raised, recorded, self._audit.waivers)
            keep(case.cell, finding, recorded, self._audit)
        elif raised is not None:  # a fixture failed, or a test was skipped
            finding = item.stash.get(_FINDING, case.planned())
            finding.verdict = Verdict.ERROR
            finding.reason = f"{call.when}: {type(raised).__name__}: {raised}"
        else:
            return (yield)
        item.stash[_FINDING] = finding
        item.user_properties[:] = _properties(finding)
        if call.excinfo is not None and not _has_text(raised):  # pytest would read its sources
            call.excinfo.traceback = call.excinfo.traceback[:0]
        report = yield
        report.audit_finding = finding.model_dump_json()  # type: ignore[attr-defined]
        report.audit_verdict = finding.verdict.value  # type: ignore[attr-defined]
        self._set_outcome(item, report, finding, raised)
        return report

    def _set_outcome(
        self,
        item: pytest.Item,
        report: pytest.TestReport,
        finding: Finding,
        raised: BaseException | None,
    ) -> None:
        verdict = finding.verdict
        undecided = verdict is Verdict.INCONCLUSIVE and finding.role not in MUST_PASS
        idle = verdict is Verdict.FAIL and finding.role == "context"
        location = (str(item.path), (item.location[1] or 0) + 1)
        if hasattr(report, "wasxfail"):
            del report.wasxfail
        first = finding.id
        if verdict is Verdict.ERROR and isinstance(raised, AuditError):
            first = self._errors.setdefault(finding.reason, finding.id)
        if verdict is Verdict.PASS:
            report.outcome, report.longrepr = "passed", None
        elif verdict is Verdict.WAIVED and finding.waiver is not None:
            report.outcome = "skipped"
            report.longrepr = (*location, f"waived by {finding.waiver.owner}: {finding.reason}")
            report.wasxfail = f"waived by {finding.waiver.owner}: {finding.waiver.reason}"
        elif verdict is Verdict.NOT_APPLICABLE or undecided or idle:
            report.outcome = "skipped"
            word = "fail (never decides)" if idle else verdict.value.replace("_", " ")
            report.longrepr = (*location, f"{word}: {finding.reason}")
        elif first != finding.id:
            report.outcome = "skipped"
            report.longrepr = (*location, f"the same error as {first}")
        else:
            report.outcome = "failed"
            if not _has_text(raised) or report.longrepr is None:
                report.longrepr = f"{finding.id}\n{finding.verdict}: {finding.reason}"

    def pytest_report_teststatus(
        self, report: pytest.TestReport
    ) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
        """Name the verdicts for which pytest has no word."""
        verdict = getattr(report, "audit_verdict", None)
        if verdict is None or report.when != "call":
            return None
        if verdict == Verdict.ERROR and report.skipped:
            return "same error", "e", ("SAME ERROR", {"red": True})
        return _WORDS.get(verdict)

    def pytest_assertrepr_compare(self, op: str, left: object, right: object) -> list[str] | None:
        """Explain a failed comparison in the estimate's own words."""
        return explain_comparison(left, op, right)


def _has_text(raised: BaseException | None) -> bool:
    """Whether a traceback says more than the finding."""
    return isinstance(raised, AssertionError) or not isinstance(
        raised, AuditError | Inconclusive | NotApplicable | None
    )


def _properties(finding: Finding) -> list[tuple[str, object]]:
    """JUnit properties; only builtin types, because xdist cannot send others."""
    properties: list[tuple[str, object]] = [
        ("audit_id", finding.id),
        ("audit_check", finding.check),
        ("audit_verdict", str(finding.verdict.value)),
    ]
    if finding.estimate is not None:
        estimate = finding.estimate
        properties += [
            ("audit_estimate", float(estimate.value)),
            ("audit_low", float(estimate.low)),
            ("audit_high", float(estimate.high)),
            ("audit_n_patients", int(estimate.n_patients)),
        ]
    if finding.margin is not None:
        properties.append(("audit_margin", float(finding.margin)))
    return properties

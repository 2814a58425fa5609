"""Run a case: hand its estimates in, and turn what happens into a finding and an outcome."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from audit_suite.errors import AuditError
from audit_suite.evidence import Cell
from audit_suite.needs import Need, estimate_in
from audit_suite.record import Finding
from audit_suite.statistics import DecisionRule, Estimate, Family, Recorded, explain, recording
from audit_suite.verdict import Inconclusive, NotApplicable, Verdict
from pytest_audit.collecting import CASE, Argument, Asked
from pytest_audit.findings import judge

if TYPE_CHECKING:
    from pytest_audit.session import Audit

_RECORDED = pytest.StashKey[Recorded]()
_FINDING = pytest.StashKey[Finding]()

_WORDS = {
    Verdict.INCONCLUSIVE: ("inconclusive", "I", ("INCONCLUSIVE", {"yellow": True})),
    Verdict.NOT_APPLICABLE: ("not applicable", "n", ("NOT APPLICABLE", {"cyan": True})),
    Verdict.WAIVED: ("waived", "w", ("WAIVED", {"yellow": True})),
}


class OnDemand:
    """The fixture ``audit``: estimates a check asks for beyond what it declared.

    Attributes:
        cell: The model, data set and target of this case.
        source: The stored evidence, for what is measured and not estimated.
    """

    def __init__(self, cell: Cell, audit: Audit) -> None:
        self.cell = cell
        self.source = audit.source

    def __call__(self, need: Need) -> Estimate:
        """The estimate of a need; its evidence is computed now if it is not stored.

        Raises:
            NotApplicable: If the need has no meaning in this cell.
            AuditError: If the evidence cannot be had.
        """
        return estimate_in(need, self.cell, self.source)


class Judging:
    """Hands estimates to tests and draws verdicts from what they do."""

    def __init__(self, config: pytest.Config, audit: Audit) -> None:
        self._config = config
        self._audit = audit

    @pytest.fixture
    def audit(self, request: pytest.FixtureRequest) -> OnDemand:
        """Estimates on demand: ``audit(auroc(WithoutROI(dilation=5)))``; ``audit.cell``."""
        asked: Asked | None = getattr(request, "param", None)
        cell = asked.cell if asked is not None else request.node.stash[CASE].cell
        return OnDemand(cell, self._audit)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
        """Replace declared needs by their estimates, and record every comparison."""
        case = pyfuncitem.stash.get(CASE, None)
        if case is None:
            return (yield)
        settings = self._audit.settings
        rule = DecisionRule(
            alpha=1 - settings.confidence,
            cases=case.cases if settings.multiplicity == "holm" else 1,
        )
        with recording(rule) as recorded:
            pyfuncitem.stash[_RECORDED] = recorded
            for name, argument in case.arguments.items():
                pyfuncitem.funcargs[name] = self._resolve(case.cell, argument)
            return (yield)

    def _resolve(self, cell: Cell, argument: Argument) -> object:
        if isinstance(argument, tuple):
            return Family([estimate_in(need, cell, self._audit.source) for need in argument])
        if isinstance(argument, Need):
            return estimate_in(argument, cell, self._audit.source)
        return argument

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Draw the verdict, put it on the report as JSON, and set the outcome to match."""
        case = item.stash.get(CASE, None)
        if case is None:
            return (yield)
        raised = call.excinfo.value if call.excinfo is not None else None
        if call.when == "call":
            recorded = item.stash.get(_RECORDED, None) or Recorded(DecisionRule())
            finding = judge(case, raised, recorded, self._audit.waivers)
        elif raised is not None:  # a fixture failed, or a test was skipped
            finding = item.stash.get(_FINDING, case.planned().finding)
            finding.verdict = Verdict.ERROR
            finding.reason = f"{call.when}: {type(raised).__name__}: {raised}"
        else:
            return (yield)
        item.stash[_FINDING] = finding
        item.user_properties[:] = _properties(finding)
        report = yield
        report.audit_finding = finding.model_dump_json()  # type: ignore[attr-defined]
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
        warn = self._audit.settings.inconclusive == "warn" and verdict is Verdict.INCONCLUSIVE
        location = (str(item.path), (item.location[1] or 0) + 1)
        if hasattr(report, "wasxfail"):
            del report.wasxfail
        if verdict is Verdict.PASS:
            report.outcome, report.longrepr = "passed", None
        elif verdict is Verdict.WAIVED and finding.waiver is not None:
            report.outcome = "skipped"
            report.longrepr = (*location, f"waived by {finding.waiver.owner}: {finding.reason}")
            report.wasxfail = f"waived by {finding.waiver.owner}: {finding.waiver.reason}"
        elif verdict is Verdict.NOT_APPLICABLE or warn:
            report.outcome = "skipped"
            word = "inconclusive" if warn else "not applicable"
            report.longrepr = (*location, f"{word}: {finding.reason}")
        else:
            report.outcome = "failed"
            speaks = isinstance(raised, AssertionError) or not isinstance(
                raised, AuditError | Inconclusive | NotApplicable | None
            )
            if not speaks or report.longrepr is None:
                report.longrepr = f"{finding.id}\n{finding.verdict}: {finding.reason}"

    def pytest_report_teststatus(
        self, report: pytest.TestReport
    ) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
        """Name the verdicts pytest has no word for."""
        found = getattr(report, "audit_finding", None)
        if found is None or report.when != "call":
            return None
        return _WORDS.get(Finding.model_validate_json(found).verdict)

    def pytest_assertrepr_compare(self, op: str, left: object, right: object) -> list[str] | None:
        """Say a failed comparison in the estimate's own words."""
        return explain(left, op, right)


def _properties(finding: Finding) -> list[tuple[str, object]]:
    """JUnit properties; builtin types only, or xdist cannot send them."""
    found: list[tuple[str, object]] = [
        ("audit_id", finding.id),
        ("audit_check", finding.check),
        ("audit_verdict", str(finding.verdict.value)),
    ]
    if finding.estimate is not None:
        estimate = finding.estimate
        found += [
            ("audit_estimate", float(estimate.value)),
            ("audit_low", float(estimate.low)),
            ("audit_high", float(estimate.high)),
            ("audit_n_patients", int(estimate.n_patients)),
        ]
    if finding.margin is not None:
        found.append(("audit_margin", float(finding.margin)))
    return found

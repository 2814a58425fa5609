"""Between collection and the first test: show the plan, or compute the evidence it lacks."""

from __future__ import annotations

from collections.abc import Generator
from itertools import groupby
from typing import TYPE_CHECKING

import pytest

from audit_suite.errors import AuditError
from audit_suite.evidence import Request
from audit_suite.evidence.request import Explanation
from pytest_audit.collecting import planned_explanations, planned_requests
from pytest_audit.exchange import Exchange

if TYPE_CHECKING:
    from pytest_audit.session import Audit


class Computing:
    """Computes the plan's evidence once, in the process or shared among workers."""

    def __init__(self, config: pytest.Config, audit: Audit) -> None:
        self._config = config
        self._audit = audit
        workers = getattr(config.option, "numprocesses", None) or getattr(config.option, "tx", None)
        self._is_controller = bool(workers) and not hasattr(config, "workerinput")
        if self._is_controller and audit.settings.plan:
            raise pytest.UsageError("--audit-plan shows the plan of one process: add -n0")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Compute what the selected checks declared, before the first of them runs."""
        if self._is_controller:
            self._say("audit: the workers share the evidence among them")
        elif not session.testsfailed and not self._config.option.collectonly:
            requests = planned_requests(session.items)
            explanations = planned_explanations(session.items)
            if self._audit.settings.plan:
                self._show(requests)
                for one in explanations:
                    self._say(
                        f"  {one.model.name} on {one.dataset.name}: {one.method} of {one.target} "
                        f"on up to {self._audit.settings.max_explained} images"
                    )
                session.items.clear()
            elif not self._audit.settings.offline:
                self._compute(requests, explanations)
        return (yield)

    def _compute(
        self, requests: tuple[Request, ...], explanations: tuple[Explanation, ...]
    ) -> None:
        source = self._audit.source
        if requests:
            from audit_suite.evidence.executor import compute

            compute(requests, source, lambda line: self._say(f"evidence: {line}"))
        if explanations:
            from audit_suite.evidence.explaining import compute_explanations

            compute_explanations(explanations, source, lambda line: self._say(f"evidence: {line}"))

    def _show(self, requests: tuple[Request, ...]) -> None:
        source = self._audit.source
        self._say("audit plan: evidence to compute, by data set and model")
        for (dataset, model, fold), group in groupby(
            requests, key=lambda r: (r.dataset, r.model, r.fold)
        ):
            wanted = list(group)
            name = model.name if fold is None else f"{model.name}.fold{fold}"
            try:
                from audit_suite.evidence.executor import missing_shards

                images = len(source.dataset(dataset).cases)
                shards = len(source.shards(dataset)) * len(wanted)
                missing = sum(len(missing_shards(request, source)) for request in wanted)
            except AuditError as error:
                self._say(f"  {name} on {dataset.name}: {error}")
                continue
            self._say(
                f"  {name} on {dataset.name}: {images} images x {len(wanted)} maskings = "
                f"{images * len(wanted)} forward passes; "
                f"{shards - missing} of {shards} shards stored"
            )
            self._say(f"    {', '.join(request.masking.id for request in wanted)}")

    def _say(self, line: str) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and not self._config.stash[Exchange.KEY].is_worker:
            reporter.ensure_newline()
            reporter.write_line(line)

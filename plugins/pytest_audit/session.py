"""Start an audit: settings, cards, cells and evidence, then the plugins that do the work."""

from __future__ import annotations

import os

import pytest

from audit_suite.audit.opening import open_audit
from audit_suite.audit.suites import suite_files
from audit_suite.errors import AuditError
from audit_suite.evidence.graphics import pin_card
from audit_suite.phantoms import register_shortcut
from audit_suite.report.folder import PAGE
from pytest_audit.collecting import Collecting
from pytest_audit.computing import Computing
from pytest_audit.exchange import Exchange
from pytest_audit.judging import Judging
from pytest_audit.options import Options, read_options
from pytest_audit.recording import Recording


def start(config: pytest.Config) -> None:
    """Open the audit, and register the plugins that collect, judge and record it.

    Raises:
        pytest.UsageError: If an option or a card is wrong.
    """
    if config.getoption("reruns", default=None):
        raise pytest.UsageError(
            "--reruns cannot be used with --audit: a verdict that is drawn again until it passes "
            "does not count; remove --reruns (also from addopts and PYTEST_ADDOPTS)"
        )
    options = read_options(config)
    if not hasattr(config, "workerinput"):
        _remove_old_outputs(options)
    _pin_card()
    config.pluginmanager.hook.pytest_audit_register_shortcuts(register=register_shortcut)
    try:
        workers = getattr(config, "workerinput", {}).get("workercount", 1)
        audit = open_audit(options.settings, workers=workers)
        _choose_paths(config, options.settings.suites)
    except AuditError as error:
        raise pytest.UsageError(str(error)) from None
    config.add_cleanup(audit.source.close)
    config.stash[Exchange.KEY] = Exchange(config)
    collecting = Collecting(config, audit)
    for name, plugin in (
        ("collecting", collecting),
        ("judging", Judging(config, audit)),
        ("recording", Recording(config, audit, options)),
        # Last, so that what it says of a full audit comes after the record's section.
        ("computing", Computing(config, audit, collecting, options.plan)),
    ):
        config.pluginmanager.register(plugin, f"audit-{name}")


def _choose_paths(config: pytest.Config, suites: tuple[str, ...]) -> None:
    """Without a named path, run the shipped suites and the project's own ``audits/``."""
    if config.args_source == config.ArgsSource.ARGS:
        config.args.extend(str(file) for file in suite_files(suites) if suites)
        return
    config.args = [str(file) for file in suite_files(suites)]
    own = config.rootpath / "audits"
    if own.is_dir():
        config.args.append(str(own))


def _remove_old_outputs(options: Options) -> None:
    """Remove the record and report of an earlier run: this one may end before it writes its own.

    Also before a run that only shows something: nobody may take an old record for its result.

    Raises:
        pytest.UsageError: If one of them cannot be removed, or its folder is a file.
    """
    folder = options.report_folder
    for option, path, old in (
        ("--audit-json", options.json, options.json),
        ("--audit-report", options.report, options.report),
        ("--audit-report-folder", folder, folder and folder / PAGE),
    ):
        try:
            if old is not None and not old.is_dir():
                old.unlink(missing_ok=True)
        except (OSError, ValueError) as error:
            raise pytest.UsageError(
                f"{option}={path}: nothing can be written there: {error}; name another path"
            ) from None


def _pin_card() -> None:
    """Give each worker of xdist a card of its own."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker.startswith("gw"):
        pin_card(int(worker[2:]), os.environ)

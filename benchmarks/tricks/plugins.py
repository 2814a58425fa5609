"""conftest files, plugins and own checks, which run inside the process that judges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tricks.world import Attempt, Call

_KEEP = "[item for item in items if 'skill' in item.name or 'sane' in item.name]"
_CONFTESTS: dict[str, str] = {
    "collect_ignore_glob": "collect_ignore_glob = ['*']",
    "ignores the suite": (
        "def pytest_ignore_collect(collection_path):\n"
        "    return True if 'region' in collection_path.name else None"
    ),
    "collects nothing of the file": (
        "def pytest_collect_file(file_path, parent):\n"
        "    if 'region' in file_path.name:\n        import pytest; pytest.skip('no')"
    ),
    "makes no items": (
        "def pytest_pycollect_makeitem(name):\n"
        "    return [] if name.startswith('test_') and 'skill' not in name else None"
    ),
    "drops items first": (
        "import pytest\n@pytest.hookimpl(tryfirst=True)\n"
        f"def pytest_collection_modifyitems(items):\n    items[:] = {_KEEP}"
    ),
    "drops items last": (
        "import pytest\n@pytest.hookimpl(trylast=True)\n"
        f"def pytest_collection_modifyitems(items):\n    items[:] = {_KEEP}"
    ),
    "drops items in a wrapper": (
        "import pytest\n@pytest.hookimpl(wrapper=True, tryfirst=True)\n"
        f"def pytest_collection_modifyitems(items):\n    items[:] = {_KEEP}\n    return (yield)"
    ),
    "drops items when collection ends": (
        f"def pytest_collection_finish(session):\n    items = session.items\n    items[:] = {_KEEP}"
    ),
    "marks all as expected failures": (
        "import pytest\ndef pytest_collection_modifyitems(items):\n"
        "    for item in items:\n        item.add_marker(pytest.mark.xfail)"
    ),
    "marks all to be skipped": (
        "import pytest\ndef pytest_collection_modifyitems(items):\n"
        "    for item in items:\n        item.add_marker(pytest.mark.skip)"
    ),
    "skips in the set-up": (
        "import pytest\ndef pytest_runtest_setup(item):\n    pytest.skip('no')"
    ),
    "replaces the tests' bodies": (
        "def pytest_collection_modifyitems(items):\n"
        "    for item in items:\n        item.obj = lambda **given: None"
    ),
    "runs no test": "def pytest_runtest_protocol(item):\n    return True",
    "runs no call": "def pytest_pyfunc_call(pyfuncitem):\n    return True",
    "swallows the failures of calls": (
        "import pytest\n@pytest.hookimpl(wrapper=True, trylast=True)\n"
        "def pytest_pyfunc_call(pyfuncitem):\n"
        "    try:\n        yield\n    except BaseException:\n        pass\n    return True"
    ),
    "stops after the first test": (
        "def pytest_runtest_logreport(report):\n"
        "    if report.when == 'teardown':\n        import pytest; pytest.exit('done', 0)"
    ),
    "says that all passed": (
        "import pytest\n@pytest.hookimpl(wrapper=True, trylast=True)\n"
        "def pytest_runtest_makereport(item, call):\n"
        "    report = yield\n    report.outcome = 'passed'\n    return report"
    ),
    "turns failed reports round": (
        "def pytest_runtest_logreport(report):\n    report.outcome = 'passed'"
    ),
    "hides findings of failed reports": (
        "import pytest\n@pytest.hookimpl(tryfirst=True)\n"
        "def pytest_runtest_logreport(report):\n"
        "    text = getattr(report, 'audit_finding', '')\n"
        '    if \'"verdict":"fail"\' in text:\n        del report.audit_finding'
    ),
    "sends a better finding afterwards": (
        "import copy\ndef pytest_runtest_logreport(report):\n"
        "    text = getattr(report, 'audit_finding', '')\n"
        "    if '\"verdict\":\"fail\"' in text and not hasattr(report, 'again'):\n"
        "        again = copy.copy(report); again.again = True\n"
        "        again.audit_finding = text.replace('\"fail\"', '\"pass\"')\n"
        "        CONFIG.hook.pytest_runtest_logreport(report=again)\n"
        "def pytest_configure(config):\n    global CONFIG\n    CONFIG = config"
    ),
    "rewrites findings in the hook": (
        "def pytest_audit_finding(finding):\n"
        "    from audit_suite import Verdict\n    finding.verdict = Verdict.PASS"
    ),
    "empties findings in the hook": (
        "def pytest_audit_finding(finding):\n    finding.comparisons.clear(); finding.check = 'R1'"
    ),
    "raises in the hook": "def pytest_audit_finding(finding):\n    raise RuntimeError('no')",
    "sets the exit code": (
        "import pytest\n@pytest.hookimpl(trylast=True)\n"
        "def pytest_sessionfinish(session):\n    session.exitstatus = 0"
    ),
    "sets the exit code in a wrapper": (
        "import pytest\n@pytest.hookimpl(wrapper=True, tryfirst=True)\n"
        "def pytest_sessionfinish(session):\n    yield\n    session.exitstatus = 0"
    ),
    "exits with 0 at the end": "import atexit, os\natexit.register(lambda: os._exit(0))",
    "exits with 0 at once": "import os\ndef pytest_collection():\n    os._exit(0)",
    "exits with 0 in a test": "import os\ndef pytest_runtest_call(item):\n    os._exit(0)",
    "writes the decision at the end": (
        "import atexit, pathlib\ndef forge():\n"
        "    file = pathlib.Path('audit.json'); text = file.read_text()\n"
        "    file.write_text(text.replace('\"closed\"', '\"open\"'))\natexit.register(forge)"
    ),
    "writes the verdicts at the end": (
        "import atexit, pathlib\ndef forge():\n"
        "    file = pathlib.Path('audit.json'); text = file.read_text()\n"
        "    text = text.replace('\"closed\"', '\"open\"').replace('\"fail\"', '\"pass\"')\n"
        "    file.write_text(text)\natexit.register(forge)"
    ),
    "keeps the old record": (
        "import atexit, pathlib\nfile = pathlib.Path('audit.json')\n"
        "old = file.read_text() if file.exists() else ''\n"
        "def pytest_audit_register_shortcuts(register):\n    file.unlink(missing_ok=True)\n"
    ),
    "patches the verdict of comparisons": (
        "import audit_suite.statistics.decision as d\nfrom audit_suite import Verdict\n"
        "from dataclasses import replace\nold = d._judge\n"
        "d._judge = lambda *a, **k: replace(old(*a, **k), verdict=Verdict.PASS, alone=Verdict.PASS)"
    ),
    "patches the decision": (
        "import audit_suite.audit.assemble as a\nfrom audit_suite.audit.gate import Gate\n"
        "a.decide = lambda *given, **more: Gate('open', 'all is well')"
    ),
    "patches the policy": (
        "import audit_suite.audit.policy as p\n"
        "p.Policy.required_checks = lambda self, places: []\n"
        "p.Policy.asked_checks = lambda self, places: []"
    ),
    "patches the margin of R3 and R2": (
        "import audit_suite.checks as c\nfrom audit_suite import Margin\n"
        "import audit_suite.audit.plan as p\n"
        "p.margin_for = lambda cell, id, default: Margin(0.499, source='mine')"
    ),
}
_OWN: dict[str, str] = {
    "an own check with a shipped id": (
        "from audit_suite import auroc, check\n"
        '@check("R8-box", full=auroc())\ndef test_mine(full):\n    assert full > 0.5\n'
    ),
    "an own suite that passes": (
        "from audit_suite import auroc, check\n"
        '@check("mine", full=auroc())\ndef test_mine(full):\n    assert full > 0.5\n'
    ),
    "a module that skips itself": (
        "import pytest\npytest.skip('no', allow_module_level=True)\n"
        "from audit_suite.suites.test_region_sensitivity import *\n"
    ),
    "a module that needs a package": (
        "import pytest\npytest.importorskip('nothing_of_that_name')\n"
        "from audit_suite.suites.test_region_sensitivity import *\n"
    ),
    "a module that cannot be imported": "import nothing_of_that_name\n",
}


def attempts() -> Iterator[Attempt]:
    """All of them."""
    for name, text in _CONFTESTS.items():
        yield Attempt("conftest and plugins", name, _file("conftest.py", text, ("--confcutdir=.",)))
    for name, text in _OWN.items():
        alone = _file("audits/test_own.py", text, ("audits/test_own.py",))
        yield Attempt("conftest and plugins", name, alone)


def _file(name: str, text: str, args: tuple[str, ...]):
    def prepare(folder: Path) -> Call:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text + "\n", encoding="utf-8")
        if name == "conftest.py":  # loaded as a plugin, wherever the suites are
            (folder / "conftest.py").rename(folder / "evil_plugin.py")
            return Call(("-p", "evil_plugin"), env={"PYTHONPATH": str(folder)})
        return Call(args)

    return prepare

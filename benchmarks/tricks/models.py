"""Code of models: it runs in a process of its own, and may do there what it likes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tricks.world import Attempt, Call

_FORWARD: dict[str, str] = {
    "ends its process": "import os; os._exit(0)",
    "exits": "import sys; sys.exit(0)",
    "kills its process": "import os; os.kill(os.getpid(), 9)",
    "kills the judge": "import os; os.kill(os.getppid(), 9)",
    "raises KeyError": "raise KeyError('x')",
    "raises ConnectionError": "raise ConnectionError('no network')",
    "raises KeyboardInterrupt": "raise KeyboardInterrupt",
    "hangs": "import time; time.sleep(3600)",
    "floods the output": "print('x' * 10**7); raise ValueError('y' * 10**6)",
    "gives every image the same score": "return torch.full((len(batch), 1), 0.3)",
    "gives not a number": "return torch.full((len(batch), 1), float('nan'))",
    "gives noise": "return torch.rand(len(batch), 1)",
    "counts its calls": "self.n = getattr(self, 'n', 0) + 1; batch = batch + 0.01 * self.n",
    "looks at the batch": "batch = batch - batch.mean()",
    "forks and goes on": (
        "import os\n        if not hasattr(os, 'forked'):\n            os.forked = True; os.fork()"
    ),
    "writes the record": (
        "import pathlib; p = pathlib.Path('audit.json')\n"
        "        if p.exists(): p.write_text(p.read_text().replace('closed', 'open'))"
    ),
}
_LOADING: dict[str, str] = {
    "patches the judge": (
        "import audit_suite.audit.gate as g\n"
        "g.decide = lambda *a, **k: g.Gate('open', 'all is well')\n"
        "import audit_suite.audit.assemble as a\na.decide = g.decide\n"
    ),
    "patches the statistics": (
        "import audit_suite.statistics.scale as s\n"
        "s.Scale.p_below = lambda self, limit: 0.0\ns.Scale.p_above = lambda self, limit: 0.5\n"
    ),
    "ends the process at the end": "import atexit, os\natexit.register(lambda: os._exit(0))\n",
    "raises when it is imported": "raise RuntimeError('no')\n",
}


def attempts() -> Iterator[Attempt]:
    """All of them."""
    for name, line in _FORWARD.items():
        yield Attempt("code of the model", f"forward {name}", _forward(line))
    for name, text in _LOADING.items():
        yield Attempt("code of the model", f"the module {name}", _module(text))
    yield Attempt("code of the model", "other weights than yesterday", _exchanged)


def _forward(line: str):
    def prepare(folder: Path) -> Call:
        net = folder / "net.py"
        where = "    def forward(self, batch):\n"
        net.write_text(net.read_text().replace(where, f"{where}        {line}\n"))
        return Call(("--audit-timeout=20",), own_evidence=True)

    return prepare


def _module(text: str):
    def prepare(folder: Path) -> Call:
        net = folder / "net.py"
        net.write_text(text + net.read_text())
        return Call(own_evidence=True)

    return prepare


def _exchanged(folder: Path) -> Call:
    """A callable reads its own file: honest yesterday, a shortcut today, the card unchanged."""
    net = folder / "net.py"
    net.write_text(
        net.read_text().replace(
            "def build(where):\n",
            "def build(where):\n    where = open('where.txt').read()\n",
        )
    )
    (folder / "where.txt").write_text("centre")

    def exchange(_folder: Path) -> None:
        (folder / "where.txt").write_text("corner")

    earlier = Call(model="shortcut", own_evidence=True, afterwards=exchange)
    return Call(own_evidence=True, before=(earlier,))

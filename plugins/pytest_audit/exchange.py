"""How the processes of one run agree on what was planned."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from audit_suite.record import Finding

_INPUT = "audit_exchange"


class Planned(BaseModel):
    """A collected case: its finding before it runs, and the maskings that it declared."""

    finding: Finding
    maskings: list[str]


class Computed(BaseModel):
    """How far a worker's computing is.

    Attributes:
        expected: Forward passes that were missing when it started.
        done: Those that it made.
        seconds: How long it has been at it.
        over: Whether it has ended.
        full: Passes of the full audit; 0 if not known.
    """

    expected: int
    done: int
    seconds: float
    over: bool = False
    full: int = 0


class Exchange:
    """The plan of a run: in memory if there is one process, else in a folder that workers share.

    A worker writes the plan before it runs anything, so that no planned case is lost if the worker
    crashes later.
    """

    KEY = pytest.StashKey["Exchange"]()

    def __init__(self, config: pytest.Config) -> None:
        worker_input: dict[str, Any] | None = getattr(config, "workerinput", None)
        self.is_worker = worker_input is not None
        self._plan: dict[str, Planned] = {}
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._folder: Path | None = None
        if worker_input is not None:
            self._folder = Path(worker_input[_INPUT])

    def share(self, node: Any) -> None:
        """Pass the shared folder of the plan to a new worker."""
        if self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="audit-")
            self._folder = Path(self._temporary.name)
        node.workerinput[_INPUT] = str(self._folder)

    def note_plan(self, plan: Mapping[str, Planned]) -> None:
        """Note the planned cases by node id, before any deselection."""
        self._plan = dict(plan)
        if self.is_worker and self._folder is not None:
            content = {node: planned.model_dump(mode="json") for node, planned in plan.items()}
            _write(self._folder / "plan.json", json.dumps(content))

    def plan(self) -> dict[str, Planned]:
        """Planned cases by node id, their findings with verdict ``none``."""
        if not self._plan and self._folder is not None and not self.is_worker:
            file = self._folder / "plan.json"
            if file.exists():
                content = json.loads(file.read_text(encoding="utf-8"))
                self._plan = {
                    node: Planned.model_validate(planned) for node, planned in content.items()
                }
        return self._plan

    def note_computed(self, computed: Computed) -> None:
        """Note how far this worker is, for `computed`."""
        if self._folder is not None:
            _write(self._folder / f"computed-{os.getpid()}.json", computed.model_dump_json())

    def computed(self) -> Computed:
        """How far the workers are together: they share the passes that the first found missing."""
        files = [] if self._folder is None else sorted(self._folder.glob("computed-*.json"))
        each = [Computed.model_validate_json(file.read_text(encoding="utf-8")) for file in files]
        return Computed(
            expected=max((one.expected for one in each), default=0),
            done=sum(one.done for one in each),
            seconds=max((one.seconds for one in each), default=0),
            over=all(one.over for one in each),
            full=max((one.full for one in each), default=0),
        )

    def close(self) -> None:
        """Remove the shared folder."""
        if self._temporary is not None:
            self._temporary.cleanup()


def _write(file: Path, text: str) -> None:
    """Write a file at once: who reads it sees all or nothing."""
    aside = file.with_suffix(f".{os.getpid()}.tmp")
    aside.write_text(text, encoding="utf-8")
    aside.replace(file)

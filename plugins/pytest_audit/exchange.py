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
            aside = self._folder / f"plan-{os.getpid()}.tmp"
            aside.write_text(json.dumps(content), encoding="utf-8")
            aside.replace(self._folder / "plan.json")

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

    def close(self) -> None:
        """Remove the shared folder."""
        if self._temporary is not None:
            self._temporary.cleanup()

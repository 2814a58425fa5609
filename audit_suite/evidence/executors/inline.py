"""In the judge's own process, for debugging: there a model's code can do what it likes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from audit_suite.evidence.executor import Executor, Say, Source, register_executor

if TYPE_CHECKING:
    from audit_suite.cards import ModelCard


class Inline(Executor):
    """One place for everything: this process. Nothing is watched."""

    def __init__(self, timeout: float = 0.0, address: str | None = None) -> None:
        del timeout, address  # nothing can interrupt work of one's own

    def place(self, card: ModelCard) -> Hashable:
        """The same for all."""
        del card
        return None

    def call(
        self,
        models: Sequence[ModelCard],
        function: str,
        arguments: tuple[Any, ...],
        source: Source,
        say: Say,
    ) -> Any:
        """Call the function here; exceptions pass unchanged."""
        del models
        return resolve_name(function)(source, say, *arguments)

    def summary(self) -> dict[str, Any]:
        """Its name."""
        return {"executor": "inline"}


register_executor("inline", Inline)

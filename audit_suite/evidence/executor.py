"""What an executor is: a way to call a function elsewhere, with a source of evidence at hand."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

from audit_suite.registry import EXECUTORS

if TYPE_CHECKING:
    from audit_suite.cards import ModelCard
    from audit_suite.evidence.part import Part
    from audit_suite.evidence.profile import EvidenceProfile
    from audit_suite.evidence.twin import Twin

Say = Callable[[str], None]


class Raised(Exception):
    """What a function raised elsewhere, if it was no `AuditError`: its type and first line."""


def described(error: BaseException) -> str:
    """An exception's type and the first line of what it says, in a line of text."""
    try:
        first_line = str(error).partition("\n")[0]
    except Exception:  # a model's own exception may raise here too
        first_line = ""
    return f"{type(error).__name__}: {first_line}".removesuffix(": ")


class Source(Protocol):
    """What an executor needs of a source of evidence, to make the same one elsewhere."""

    profile: EvidenceProfile
    workers: int

    def twin(self, part: Part | None = None, among: Part | None = None) -> Twin:
        """What makes it, with another part of the work, or among several that share it."""
        ...


class Executor(Protocol):
    """A place where functions run; made once per audit.

    Registered by `register_executor`; ``--audit-executor`` names it.
    """

    def place(self, card: ModelCard) -> Hashable:
        """Where a model runs. Models of one place share their work; those of others cannot harm it.

        Args:
            card: The model's card.
        """
        ...

    @abstractmethod
    def call(
        self,
        models: Sequence[ModelCard],
        function: str,
        arguments: tuple[Any, ...],
        source: Source,
        say: Say,
    ) -> Any:
        """Call ``function(source, say, *arguments)`` elsewhere, and wait for what it returns.

        Args:
            models: The models whose code it runs, all of one place; none for pictures, say.
            function: ``package.module:function``; it returns what JSON can hold.
            arguments: Plain values, cards and requests.
            source: The judge's; the function is given one that reads and writes the same store.
            say: Called with a line of progress now and then.

        Raises:
            AuditError: If the function raised it, or the place broke down: the process died, hung,
                or answered nonsense.
            Raised: If the function raised anything else.
        """
        ...

    def spread(
        self,
        models: Sequence[ModelCard],
        function: str,
        arguments: tuple[Any, ...],
        source: Source,
        say: Say,
    ) -> list[Any]:
        """Call a function that claims its work in the store, wherever there is room for it.

        Takes and raises what `call` does. Unless overridden, it is called once, with all the work.

        Returns:
            What each call returned.
        """
        return [self.call(models, function, arguments, source, say)]

    def helping(
        self, function: str, arguments: tuple[Any, ...], count: int, source: Source
    ) -> AbstractContextManager[None]:
        """Have processes that run no model's code call a function meanwhile.

        Nothing waits for them or hears of them; what they do is done by others too, if they do not.
        Unless overridden, there are none.

        Args:
            function: As of `call`.
            arguments: As of `call`.
            count: How many processes call it.
            source: As of `call`.
        """
        del function, arguments, count, source
        return nullcontext()

    def start(self, *models: ModelCard) -> None:
        """Prepare the place of some models, or of work without a model; do not wait for it."""
        del models

    def expect(
        self, models: Sequence[ModelCard], arguments: tuple[Any, ...], source: Source
    ) -> None:
        """Prepare for a call of `spread` with these arguments; do not wait for it."""
        del models, arguments, source

    def stop(self) -> None:
        """End at once what another thread called; what is called later runs as usual."""
        self.close()

    def close(self) -> None:
        """End what still runs."""
        return

    def summary(self) -> dict[str, Any]:
        """What a record says of it: its name, and how it was confined."""
        ...


Make = Callable[[float, str | None], Executor]


def register_executor(name: str, make: Make) -> Make:
    """Make an executor known to ``--audit-executor``.

    Args:
        name: Its name.
        make: Makes one from the seconds after which work without a sign of life has hung, and the
            address of a cluster (``--audit-ray-address``; None without one).

    Raises:
        AuditError: If the name is taken.
    """
    EXECUTORS.register(name, make)
    return make

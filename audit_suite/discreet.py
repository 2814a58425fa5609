"""What holds patients' ids prints as its class, whoever prints it."""

from __future__ import annotations

from typing import Any


class Discreet:
    """Base of a class with patients' ids in its fields; make it a ``@dataclass(repr=False)``.

    A ``__repr__`` alone does not keep them in: hypothesis passes it over and opens the fields of a
    dataclass, in the terminal and in the JUnit file.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: not printed, it holds patients>"

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        """Print as `repr` does; IPython and hypothesis call this."""
        printer.text(repr(self))

"""What is known, asked or assumed while cards are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from audit_suite.errors import AuditError

Prompt = Callable[[str, str], str]
"""Asks a person: a question and the answer that is assumed; returns the answer."""


class Answers:
    """Answers to questions: a person's, or the one that is assumed; the assumed ones are noted.

    Args:
        prompt: Asks a person; None assumes all (``--yes``).

    Attributes:
        assumed: One line per answer that nobody gave.
    """

    def __init__(self, prompt: Prompt | None) -> None:
        self._prompt = prompt
        self.assumed: list[str] = []

    def ask(self, question: str, likely: str, why: str = "") -> str:
        """The answer to a question.

        Args:
            question: What is asked, without a question mark at its end.
            likely: The answer that is assumed.
            why: What speaks for it.
        """
        if self._prompt is not None:
            return self._prompt(question, likely).strip() or likely
        self.assume(f"{question}: {likely}" + (f" ({why})" if why else ""))
        return likely

    def assume(self, line: str) -> None:
        """Note something that nobody was asked."""
        self.assumed.append(line)

    def need(self, question: str, option: str, known: Sequence[str] = ()) -> str:
        """The answer to a question that nothing speaks for.

        Raises:
            AuditError: If nobody can be asked; names the option.
        """
        there = f" (there are: {', '.join(known)})" if known else ""
        if self._prompt is None:
            raise AuditError(f"{question}?{there}", f"say so with {option}")
        answer = self._prompt(f"{question}{there}", "").strip()
        if not answer:
            raise AuditError(f"{question}?{there}", f"say so with {option}")
        return answer

"""A part of the work: which of its units one of several machines computes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from audit_suite.errors import AuditError

_WRITTEN = re.compile(r"(\d{1,9})/(\d{1,9})")


@dataclass(frozen=True)
class Part:
    """One of several parts, as ``2/8`` is the second of eight; all of the work by default.

    Attributes:
        number: From 1.
        of: How many there are.
    """

    number: int = 1
    of: int = 1

    def has(self, unit: str, number: int = 0) -> bool:
        """Whether a unit of work belongs to this part; each belongs to exactly one.

        Args:
            unit: Its name.
            number: Units of one name go to the parts in turn.
        """
        first = int.from_bytes(hashlib.sha256(unit.encode()).digest()[:8])
        return (first + number) % self.of == self.number - 1

    def split(self, pieces: int) -> list[Part]:
        """This part in smaller ones, which have the same units together."""
        return [Part(self.number + self.of * piece, self.of * pieces) for piece in range(pieces)]

    @classmethod
    def parse(cls, text: str) -> Part:
        """The part that is written as ``I/N``.

        Raises:
            AuditError: If it is written in another way, or there is no such part.
        """
        if written := _WRITTEN.fullmatch(text.strip()):
            number, of = int(written[1]), int(written[2])
            if 1 <= number <= of:
                return cls(number, of)
        raise AuditError(
            f"--shard={text}: there is no such part",
            "write I/N with I from 1 to N: four machines take 1/4, 2/4, 3/4 and 4/4",
        )

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def scheduled_part(environment: Mapping[str, str]) -> Part:
    """The part that a scheduler gave to this process; all of the work if there is none.

    Slurm counts the tasks of an array and those of a step, torchrun its ranks. Where an array has
    steps of several tasks, every task of every step has a part of its own.

    Args:
        environment: The variables of the process.

    Raises:
        AuditError: If the variables contradict each other.
    """

    def number(name: str, default: int = 0) -> int:
        text = environment.get(name, "")
        return int(text) if text.isdecimal() else default

    if "RANK" in environment and "WORLD_SIZE" in environment:
        place, places = number("RANK"), number("WORLD_SIZE", 1)
    else:
        place, places = number("SLURM_PROCID"), number("SLURM_NTASKS", 1)
        if "SLURM_PROCID" not in environment:
            place, places = 0, 1
        first, step = number("SLURM_ARRAY_TASK_MIN"), number("SLURM_ARRAY_TASK_STEP", 1)
        row = (number("SLURM_ARRAY_TASK_ID", first) - first) // max(1, step)
        rows = number("SLURM_ARRAY_TASK_COUNT", 1)
        place, places = row * places + place, rows * places
    if not place < places:
        raise AuditError(
            f"the scheduler's variables name task {place + 1} of {places}",
            "name the part yourself with --shard I/N",
        )
    return Part(place + 1, places)

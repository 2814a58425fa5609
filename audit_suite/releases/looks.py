"""How often patients were looked at: which model this is, and whether margins moved meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from audit_suite.releases.ledger import Judged, Line
from audit_suite.releases.patients import share_known

SHARED = 0.1
"""An earlier audit counts as a look at the same patients from this share of them on."""


@dataclass(frozen=True)
class Looks:
    """What a ledger says of one model on one data set.

    Attributes:
        number: Which model it is that is judged on these patients, from 1.
        changes: How often policy, margins or claims changed since the first.
        declared: How many looks the policy of the first audit declared; None if none was before, or
            it is not noted.
    """

    number: int
    changes: int
    declared: int | None = None

    def allowed(self, now: int) -> int:
        """The looks that count: those declared before the first, or fewer.

        Args:
            now: How many the policy declares now.
        """
        return now if self.declared is None else min(now, self.declared)

    def sentence(self, model: str, dataset: str) -> str:
        """The same in words.

        Args:
            model: The model's name.
            dataset: The data set's name.
        """
        said = f"{model} is the {ordinal(self.number)} model judged on the patients of {dataset}"
        if self.number == 1 and not self.changes:
            return said
        times = {0: "unchanged", 1: "changed once", 2: "changed twice"}
        changed = times.get(self.changes, f"changed {self.changes} times")
        return f"{said}; margins {changed} since the first"


def count_looks(entries: Sequence[Line], model: str, dataset: Judged, margins: str) -> Looks:
    """Count the models judged on the same patients, this one included.

    An audit that is repeated counts as when it was first made, so its record stays the same: what
    came after the first entry of the same model, data and margins does not count.

    Args:
        entries: Of the ledger.
        model: Digest of the model.
        dataset: What it is judged on.
        margins: Digest of policy, margins and claims.
    """
    models: list[str] = []
    fixed: list[str] = []
    declared: int | None = None
    for entry in entries:
        if not any(_is_same_patients(dataset, each) for each in entry.datasets):
            continue
        digests = [each.digest for each in entry.models]
        if model in digests and entry.margins == margins:
            models += digests[: digests.index(model)]
            break
        declared = entry.looks if not fixed else declared
        models += digests
        fixed.append(entry.margins)
    fixed.append(margins)
    known = list(dict.fromkeys([*models, model]))
    changes = sum(a != b for a, b in pairwise(fixed))
    return Looks(known.index(model) + 1, changes, declared)


def _is_same_patients(now: Judged, before: Judged) -> bool:
    if now.digest == before.digest:
        return True
    if now.patients is None or before.patients is None:
        return False
    return share_known(now.patients, before.patients) >= SHARED


def ordinal(number: int) -> str:
    """``1st``, ``2nd``, ``12th``."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10)
    return f"{number}{ending or 'th'}"

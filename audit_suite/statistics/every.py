"""Several claims of one check, each of which must hold: the groups of patients of one question."""

from __future__ import annotations

from collections.abc import Sequence

from audit_suite.errors import AuditError
from audit_suite.statistics.estimate import Distance, Estimate
from audit_suite.statistics.family import Family, FamilyDistance
from audit_suite.statistics.recording import shares
from audit_suite.verdict import Inconclusive

Claim = Estimate | Distance | Family | FamilyDistance


class Every:
    """Claims that must all hold, where one that is shown to be false fails the check.

    A fail of one must hold at its share of the level (Bonferroni, which for the verdict of the
    check is Holm); a pass needs no correction, as all must pass. In `Family` most must fail.
    """

    def __init__(self, claims: Sequence[Claim]) -> None:
        """Join claims.

        Args:
            claims: Estimates, distances or families; one at least.

        Raises:
            AuditError: If there is none.
        """
        if not claims:
            raise AuditError("Every([]) holds no claim to judge", "give one estimate or more")
        self.claims = tuple(claims)

    def __repr__(self) -> str:
        return f"Every of {len(self.claims)} claims"

    def __lt__(self, limit: float) -> bool:
        """Judge every claim, so that the record holds all of them, then conclude."""
        __tracebackhide__ = True
        holds, undecided = True, []
        with shares(cases=len(self.claims)):
            for claim in self.claims:
                try:
                    holds = (claim < limit) and holds
                except Inconclusive as why:
                    undecided.append(str(why))
        if undecided and holds:
            raise Inconclusive(
                f"{len(undecided)} of {len(self.claims)} are undecided; the first: {undecided[0]}"
            )
        return holds

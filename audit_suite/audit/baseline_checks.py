"""The checks on a release against the one before: their ids, for policies, waivers and verify."""

from __future__ import annotations

SKILL, REST = "B1", "B2"

TITLES = {
    SKILL: ("skill against the baseline", "Is the model as good as the one that it replaces?"),
    REST: (
        "everything else against the baseline",
        "Is nothing else worse than in the release before?",
    ),
}
"""Title and question of each."""

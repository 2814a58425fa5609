"""Which rules were measured, on which seeds: rules are frozen at a commit, then seeds are fresh."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Any

from detection.grid import SEEN
from detection.packs import ROOT

RULES = (
    "audit_suite/suites",
    "audit_suite/statistics",
    "audit_suite/causes",
    "audit_suite/audit",
    "audit_suite/needs",
)
"""What decides verdicts, causes and the gate."""


def frozen_rules(first_seed: int, figures: Mapping[str, Any]) -> dict[str, Any]:
    """The commit of the rules, its date, and whether the seeds are fresh.

    A run on seeds from 1,000 on that was made after that commit could not be tuned on: whoever
    edits a rule afterwards gets another commit, and must take other seeds.

    Args:
        first_seed: What was added to every seed.
        figures: The figures of the run.
    """
    commit, _, date = _git("log", "-1", "--format=%H %cI", "--", *RULES).partition(" ")
    fresh = first_seed >= SEEN
    return {
        "rules_commit": commit or None,
        "rules_date": date or None,
        "rules_edited": int(bool(_git("status", "--porcelain", "--", *RULES))),
        "seeds_tuned": 0,
        "seeds_fresh": first_seed if fresh else None,
        "cause_right_fresh": figures["cause_right"] if fresh else None,
    }


def _git(*words: str) -> str:
    """What git says; empty where the checkout is none."""
    try:
        done = subprocess.run(
            ["git", *words], cwd=ROOT, capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""

"""Estimates with patient-clustered intervals, and the rule that turns them into verdicts."""

from audit_suite.statistics.agreement import estimate_ac1, estimate_fleiss, estimate_kappa
from audit_suite.statistics.auroc import estimate_auroc, estimate_auroc_within
from audit_suite.statistics.combined import from_chance, mean_of_folds, ratio, share_kept
from audit_suite.statistics.decision import (
    FEWEST_PATIENTS,
    Comparison,
    DecisionRule,
    Margin,
    judge_again,
)
from audit_suite.statistics.estimate import Distance, Estimate
from audit_suite.statistics.every import Every
from audit_suite.statistics.exact import Exact
from audit_suite.statistics.family import (
    Family,
    deciding,
    explain_comparison,
    joint_verdict,
    majority,
)
from audit_suite.statistics.holm import holm
from audit_suite.statistics.means import estimate_mean, estimate_proportion
from audit_suite.statistics.readers import (
    mean_over_random_readers,
    mean_over_readers,
    planned_cases,
)
from audit_suite.statistics.recording import Recorded, observe, recording
from audit_suite.statistics.searched import Confirmed, Searched
from audit_suite.statistics.undecided import TOO_LITTLE, says_so_itself, why_undecided

__all__ = [
    "FEWEST_PATIENTS",
    "TOO_LITTLE",
    "Comparison",
    "Confirmed",
    "DecisionRule",
    "Distance",
    "Estimate",
    "Every",
    "Exact",
    "Family",
    "Margin",
    "Recorded",
    "Searched",
    "deciding",
    "estimate_ac1",
    "estimate_auroc",
    "estimate_auroc_within",
    "estimate_fleiss",
    "estimate_kappa",
    "estimate_mean",
    "estimate_proportion",
    "explain_comparison",
    "from_chance",
    "holm",
    "joint_verdict",
    "judge_again",
    "majority",
    "mean_of_folds",
    "mean_over_random_readers",
    "mean_over_readers",
    "observe",
    "planned_cases",
    "ratio",
    "recording",
    "says_so_itself",
    "share_kept",
    "why_undecided",
]

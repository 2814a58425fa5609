"""Findings and requirements of one model on one data set, as small as they can be."""

from __future__ import annotations

import contextlib

import numpy as np
from scipy.special import ndtri

from audit_suite.record import Finding, RequiredCheck
from audit_suite.statistics import DecisionRule, Family, estimate_auroc, recording, share_kept
from audit_suite.verdict import Inconclusive

PLACE = {"model": "m", "dataset": "d", "target": "t"}


def finding(check, verdict, number=0, **more):
    """A finding without a comparison."""
    content = {
        "check": check,
        "id": f"{check}/m/d/t/{number}",
        "title": check.lower(),
        **PLACE,
        "case": str(number),
        "role": "guard",
        "verdict": verdict,
        "question": "?",
        "claim": "",
        "estimate": None,
        "margin": None,
        "margin_source": None,
        "comparisons": [],
        "observations": [],
        "reason": "because",
        "would_pass": "",
        "command": "",
    }
    return Finding(**content | more)


def required(*checks, **place):
    """Required checks at the place of `finding`, or at another."""
    return [RequiredCheck(**PLACE | place, check=check) for check in checks]


def judged(kept, patients=1500, full=0.9, seed=0, inverted=False):
    """R8-box and R3 of a model that keeps a share of its skill under three fills.

    ``kept`` is one share for all fills, or one for each.
    """
    kept = kept if isinstance(kept, tuple) else (kept,) * 3
    rng = np.random.default_rng(seed)
    labels = (np.arange(patients) < patients * 0.3).astype(int)
    noise = rng.normal(size=patients)
    whole = estimate_auroc(labels, noise + 2**0.5 * ndtri(full) * labels, range(patients), "d")
    hidden = []
    for share, side in zip(kept, (-1 if inverted else 1, 1, 1), strict=True):
        own = 0.6 * noise + 0.8 * rng.normal(size=patients)
        shift = 2**0.5 * ndtri(0.5 + side * share * (full - 0.5)) * labels
        hidden.append(estimate_auroc(labels, own + shift, range(patients), "d"))
    comparisons = []
    for compare in (
        lambda: Family([share_kept(h, whole) for h in hidden]).distance_to(0) < 0.25,
        lambda: Family(hidden).distance_to(0.5) < 0.05,
    ):
        with contextlib.suppress(Inconclusive), recording(DecisionRule(cases=4)) as recorded:
            compare()
        comparisons.append([c.to_record() for c in recorded.comparisons])
    return [
        finding("R8-box", comparisons[0][0].verdict, role="required", comparisons=comparisons[0]),
        finding("R3", comparisons[1][0].verdict, 1, comparisons=comparisons[1]),
    ]

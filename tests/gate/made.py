"""Findings and requirements of one model on one data set, as small as they can be."""

from __future__ import annotations

from audit_suite.record import Finding, RequiredCheck

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

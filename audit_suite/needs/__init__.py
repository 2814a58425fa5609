"""What a check can ask for: evidence in, estimates out."""

from audit_suite.needs.need import (
    Expanding,
    Listing,
    Need,
    NeedAnswer,
    answer_in,
    estimate_in,
    requests_in,
)

__all__ = [
    "Expanding",
    "Listing",
    "Need",
    "NeedAnswer",
    "answer_in",
    "estimate_in",
    "requests_in",
]

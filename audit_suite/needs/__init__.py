"""What a check can ask for: evidence in, an estimate out."""

from audit_suite.needs.need import (
    Answer,
    Expanding,
    Listing,
    Need,
    answer_in,
    estimate_in,
    requests_in,
)

__all__ = [
    "Answer",
    "Expanding",
    "Listing",
    "Need",
    "answer_in",
    "estimate_in",
    "requests_in",
]

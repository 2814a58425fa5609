"""Maskings: value objects that describe what a model is shown; `maskings.show` applies them."""

from audit_suite.maskings.masking import PAPER, Full, Masking, OnlyROI, Shuffled, WithoutROI

__all__ = ["PAPER", "Full", "Masking", "OnlyROI", "Shuffled", "WithoutROI"]

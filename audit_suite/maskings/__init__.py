"""Maskings: value objects that say what a model is shown; `maskings.show` carries them out."""

from audit_suite.maskings.masking import PAPER, Full, Masking, OnlyROI, WithoutROI

__all__ = ["PAPER", "Full", "Masking", "OnlyROI", "WithoutROI"]

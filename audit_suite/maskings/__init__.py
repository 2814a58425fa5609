"""Maskings: value objects that say what a model is shown; `maskings.apply` carries them out."""

from audit_suite.maskings.masking import Full, Masking, OnlyROI, WithoutROI

__all__ = ["Full", "Masking", "OnlyROI", "WithoutROI"]

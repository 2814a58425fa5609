"""Data sets by card: images, labels, patients, metadata and named regions."""

from audit_suite.datasets.dataset import BadImage, Case, Dataset, Sample
from audit_suite.datasets.load import load_dataset
from audit_suite.datasets.reader import Reader, register_reader
from audit_suite.datasets.summary import describe

__all__ = [
    "BadImage",
    "Case",
    "Dataset",
    "Reader",
    "Sample",
    "describe",
    "load_dataset",
    "register_reader",
]

"""Data sets by card: images, labels, patients, metadata and named regions."""

from audit_suite.datasets.dataset import BadImage, Case, Dataset, Sample
from audit_suite.datasets.load import describe, load_dataset

__all__ = ["BadImage", "Case", "Dataset", "Sample", "describe", "load_dataset"]

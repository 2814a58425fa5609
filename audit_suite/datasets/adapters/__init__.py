"""Readers of public data sets as their owners publish them, and of folders of DICOM files."""

from audit_suite.datasets.adapters.airogs import read_airogs
from audit_suite.datasets.adapters.chaksu import read_chaksu
from audit_suite.datasets.adapters.chestxray14 import read_chestxray14
from audit_suite.datasets.adapters.dicom_folder import read_dicom_folder
from audit_suite.datasets.adapters.padchest import read_padchest

ADAPTERS = {
    "airogs": read_airogs,
    "chaksu": read_chaksu,
    "chestxray14": read_chestxray14,
    "dicom": read_dicom_folder,
    "padchest": read_padchest,
}
"""Readers by the card's key ``reader``."""

__all__ = ["ADAPTERS"]

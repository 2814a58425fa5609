"""Models by card: preprocessing as declared, one forward pass to scores and embedding."""

from audit_suite.models.digest import model_digest
from audit_suite.models.load import AuditedModel, build_module, load_model
from audit_suite.models.preprocessing import fit_geometry, normalise

__all__ = [
    "AuditedModel",
    "build_module",
    "fit_geometry",
    "load_model",
    "model_digest",
    "normalise",
]

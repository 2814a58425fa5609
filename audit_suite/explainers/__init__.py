"""Explainers: which pixels, or which regions, a model's output came from."""

from audit_suite.explainers.deep import DeepLift
from audit_suite.explainers.explainer import Explained, Explainer
from audit_suite.explainers.grad_cam import GradCam
from audit_suite.explainers.gradient import ExpectedGradients
from audit_suite.explainers.occlusion import Occlusion
from audit_suite.explainers.partition import Partition

PIXEL_EXPLAINERS: tuple[Explainer, ...] = (
    ExpectedGradients(),
    DeepLift(),
    Partition(),
    Occlusion(),
    GradCam(),
)
"""Those of pixels, with their usual settings."""

__all__ = [
    "PIXEL_EXPLAINERS",
    "DeepLift",
    "ExpectedGradients",
    "Explained",
    "Explainer",
    "GradCam",
    "Occlusion",
    "Partition",
]

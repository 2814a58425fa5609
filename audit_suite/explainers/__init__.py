"""Explainers: which pixels, or which regions, a model's output came from."""

from audit_suite.explainers.explainer import Explained, Explainer, explain, register_explainer

__all__ = ["Explained", "Explainer", "explain", "register_explainer"]

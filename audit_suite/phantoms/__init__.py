"""Synthetic patients with known truth: what an audit of them must detect is known beforehand."""

from audit_suite.phantoms.cohort import CO_LABELS, REGIONS, TARGETS, PhantomCase, cohort
from audit_suite.phantoms.render import GENERATOR_VERSION, render
from audit_suite.phantoms.shortcut import Shortcut, get_shortcut, register_shortcut

__all__ = [
    "CO_LABELS",
    "GENERATOR_VERSION",
    "REGIONS",
    "TARGETS",
    "PhantomCase",
    "Shortcut",
    "cohort",
    "get_shortcut",
    "register_shortcut",
    "render",
]

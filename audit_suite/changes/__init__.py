"""Changes of the picture itself, as they happen outside the laboratory: one file per group."""

from audit_suite.changes.change import Change, Scene, changed, register_change

__all__ = ["Change", "Scene", "changed", "register_change"]

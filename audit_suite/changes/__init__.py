"""Changes of the picture itself, as they happen outside the laboratory: one file per group."""

from audit_suite.changes.change import Change, Scene, changed, register_change
from audit_suite.changes.editor import Editor, register_editor

__all__ = ["Change", "Editor", "Scene", "changed", "register_change", "register_editor"]

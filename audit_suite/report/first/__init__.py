"""The first screen: what a reviewer with three minutes reads, on the page and in text."""

from audit_suite.report.first.screen import FirstScreen, first_screen

__all__ = ["FirstScreen", "first_screen"]

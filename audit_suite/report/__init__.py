"""Reports: pure functions of the record."""

from audit_suite.report.folder import write_folder
from audit_suite.report.html import render_html, write_report
from audit_suite.report.markdown import render_markdown

__all__ = ["render_html", "render_markdown", "write_folder", "write_report"]

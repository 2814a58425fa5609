"""Pytest in a process of its own, which costs seconds: without what no test of this project asks."""

from __future__ import annotations

import sys

LIGHT = ("-p", "no:hypothesispytest")
"""Options of a run that holds no property: else the plugin imports all of hypothesis at its end."""
PYTEST = (sys.executable, "-m", "pytest", *LIGHT)
"""How a command line begins that starts pytest."""

"""Named causes: rules on what the controls found."""

from audit_suite.causes.rules import name_causes
from audit_suite.causes.words import UNDETERMINED

__all__ = ["UNDETERMINED", "name_causes"]

"""Named causes: rules on what the controls found."""

from audit_suite.causes.rules import UNDETERMINED, name_causes

__all__ = ["UNDETERMINED", "name_causes"]

"""Named causes: rules on the findings of the controls. A cause is one file in ``rules/``."""

from audit_suite.causes.cause import Cause, register_cause
from audit_suite.causes.findings_at import FindingsAt
from audit_suite.causes.logic import all_of, any_of, not_
from audit_suite.causes.naming import name_causes
from audit_suite.causes.undetermined import UNDETERMINED

__all__ = [
    "UNDETERMINED",
    "Cause",
    "FindingsAt",
    "all_of",
    "any_of",
    "name_causes",
    "not_",
    "register_cause",
]

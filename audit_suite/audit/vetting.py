"""Before anything is computed: which models cannot be audited at all?"""

from __future__ import annotations

from audit_suite.audit.opening import Audit
from audit_suite.errors import AuditError
from audit_suite.models.vetting import vet


def unusable_models(audit: Audit) -> list[str]:
    """Why models cannot be audited, as far as can be told without running anything of them.

    Their checks will be errors for the same reason; other models' audit goes on.
    """
    problems: list[str] = []
    for model, folds in dict.fromkeys((cell.model, cell.folds) for cell in audit.cells):
        for fold in folds:
            try:
                vet(model, fold)
            except AuditError as error:
                problems.append(str(error))
    return list(dict.fromkeys(problems))

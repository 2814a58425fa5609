"""The key ``legitimate`` of data set cards: tags that a model may follow, each with its reason."""

from __future__ import annotations

import pytest
from cards import dataset_card

from audit_suite.errors import AuditError


def card(folder, legitimate):
    return dataset_card(folder, top=f'metadata = ["age", "severity"]\nlegitimate = {legitimate}')


def test_a_tag_that_reports_the_disease_is_named_with_its_reason(tmp_path):
    named = card(tmp_path, '{ severity = "the grade of the finding itself" }')
    assert named.legitimate == {"severity": "the grade of the finding itself"}
    assert dataset_card(tmp_path).legitimate == {}


@pytest.mark.parametrize(
    ("legitimate", "message"),
    [
        ('{ grade = "x" }', "'legitimate' names ['grade'], which 'metadata' does not"),
        ('{ severity = "" }', "legitimate.severity"),
        ('["severity"]', "legitimate"),
    ],
)
def test_a_tag_that_is_not_declared_or_has_no_reason_is_refused(tmp_path, legitimate, message):
    with pytest.raises(AuditError) as refused:
        card(tmp_path, legitimate)
    assert message in str(refused.value)

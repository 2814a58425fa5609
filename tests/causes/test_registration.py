"""Causes are registered: the shipped ones and those of extensions, one file and one object each."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import replace

import pytest
from causes.made import CAUSES, LEAK, SIGNAL, finding, findings, flag

import audit_suite.suites
from audit_suite.causes import UNDETERMINED, Cause, FindingsAt, name_causes, register_cause, rules
from audit_suite.checks import ATTRIBUTE
from audit_suite.errors import AuditError
from audit_suite.record import CauseFlag
from audit_suite.registry import CAUSES as REGISTRY
from audit_suite.registry import SHIPPED
from audit_suite.verdict import Inconclusive

SHIPPED_CAUSES = CAUSES[:-1]


@pytest.fixture
def registry():
    """The registry, with the shipped causes in it."""
    len(REGISTRY)
    return REGISTRY


def pacemaker(name="pacemaker", **changes):
    """A cause as an extension writes one: R2 fails, and so does a check of its own."""

    def rule(here):
        return made.flag(
            here, here.fails("PM1"), yes="pacemakers predict the label", no="they do not"
        )

    made = Cause(name, checks=("R2", "PM1"), words="the model reads a pacemaker", rule=rule)
    return replace(made, **changes)


def shipped_checks():
    """Ids of all checks that the shipped suites declare."""
    modules = [
        importlib.import_module(f"audit_suite.suites.{module.name}")
        for module in pkgutil.iter_modules(audit_suite.suites.__path__)
    ]
    return {
        getattr(function, ATTRIBUTE).id
        for module in modules
        for _, function in inspect.getmembers(module, inspect.isfunction)
        if hasattr(function, ATTRIBUTE)
    }


# The shipped ones


def test_each_shipped_cause_is_one_file_with_its_name():
    files = {module.name.replace("_", "-") for module in pkgutil.iter_modules(rules.__path__)}
    assert files == {name for name in REGISTRY if REGISTRY.origin(name) == SHIPPED}
    assert files == set(SHIPPED_CAUSES)


def test_the_order_in_the_record_is_that_of_the_ranks():
    ranks = [REGISTRY[name].rank for name in SHIPPED_CAUSES]
    assert ranks == sorted(set(ranks))
    (record,) = name_causes(findings())
    assert [flag.cause for flag in record.flags] == list(CAUSES)


def test_a_renamed_check_cannot_lose_a_cause():
    """Every id that a shipped cause declares is one of a shipped check."""
    known = shipped_checks()
    for name in SHIPPED_CAUSES:
        cause = REGISTRY[name]
        assert {*cause.checks, *cause.also_reads} <= known, name


@pytest.mark.parametrize("changes", [{}, SIGNAL, {**SIGNAL, **LEAK}, {"R2": "fail", "C12": "pass"}])
def test_a_cause_reads_what_it_declares_and_nothing_else(monkeypatch, changes):
    read = set()
    look = FindingsAt.of
    monkeypatch.setattr(FindingsAt, "of", lambda self, check: read.add(check) or look(self, check))
    here = FindingsAt(findings(changes))
    for name in SHIPPED_CAUSES:
        read.clear()
        REGISTRY[name].rule(here)
        assert read == {*REGISTRY[name].checks, *REGISTRY[name].also_reads}, name
    read.clear()
    name_causes(here.findings)
    assert read <= shipped_checks(), "nor does what is read besides the causes"


# Those of extensions


@pytest.mark.parametrize(
    ("verdict", "holds"), [("fail", "yes"), ("pass", "no"), ("inconclusive", "unknown")]
)
def test_a_cause_of_an_extension_stands_after_the_shipped_ones(registry, verdict, holds):
    assert register_cause(pacemaker(rank=-5)).name == "pacemaker"
    register_cause(pacemaker("another-device", rank=-9))
    (record,) = name_causes(findings({"PM1": verdict}))
    assert [each.cause for each in record.flags] == [
        *SHIPPED_CAUSES,
        "another-device",
        "pacemaker",
        UNDETERMINED,
    ]
    assert flag(record, "pacemaker").holds == holds
    assert ("pacemaker" in record.causes) == (holds == "yes")
    assert ("the model reads a pacemaker" in record.sentence) == (holds == "yes")
    if holds == "unknown":
        assert flag(record, "pacemaker").settles == "PM1: too little data"


def test_a_signal_that_an_extension_explains_is_not_undetermined(registry):
    register_cause(pacemaker())
    (record,) = name_causes(findings({**SIGNAL, "C4": "pass", "PM1": "fail"}))
    assert record.causes == ["pacemaker"]


def test_masks_of_unequal_quality_support_no_cause_of_an_extension(registry):
    register_cause(pacemaker())
    poor = [finding("C13", "fail", "quality")]
    (record,) = name_causes(findings({"PM1": "fail", "C13": poor}))
    assert flag(record, "pacemaker").holds == "unknown"


def test_a_name_that_is_taken_names_both(registry):
    with pytest.raises(AuditError) as error:
        register_cause(pacemaker("framing"))
    assert "registers the cause 'framing', but audit-suite already has one with that name" in str(
        error.value
    )
    assert __name__ in str(error.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda findings: None, "is not a cause"),
        (pacemaker("Pace maker"), "'Pace maker' cannot be a cause's name"),
        (pacemaker(3), "'3' cannot be a cause's name"),
        (pacemaker(UNDETERMINED), "'undetermined' is the flag of signals without a named cause"),
        (pacemaker(checks=()), "'pacemaker' names no checks"),
        (pacemaker(checks="PM1"), "'pacemaker' names no checks"),
        (pacemaker(words=""), "'pacemaker' has no clause for the sentence"),
        (pacemaker(words="It reads it."), "'pacemaker' has no clause for the sentence"),
        (pacemaker(rule=None), "'pacemaker' has no rule"),
    ],
)
def test_what_is_not_a_cause_cannot_be_registered(registry, wrong, message):
    before = list(registry)
    with pytest.raises(AuditError, match="register_cause: ") as error:
        register_cause(wrong)
    assert message in error.value.what
    assert error.value.remedy
    assert list(registry) == before


def raising(error):
    def rule(findings):
        raise error

    return rule


OTHER = CauseFlag(cause="framing", holds="no", because="", settles="", estimates=[])


@pytest.mark.parametrize(
    ("rule", "deed"),
    [
        (raising(KeyError("PM1")), "raised KeyError: 'PM1'"),
        (raising(Inconclusive("too few")), "raised Inconclusive: too few"),
        (lambda findings: "yes", "returned 'yes', not its own CauseFlag"),
        (lambda findings: OTHER, "not its own CauseFlag"),
    ],
)
def test_a_rule_that_misbehaves_is_an_error_that_names_its_extension(registry, rule, deed):
    register_cause(pacemaker(rule=rule))
    with pytest.raises(AuditError) as error:
        name_causes(findings())
    assert f"the cause 'pacemaker' of {__name__} " in error.value.what
    assert deed in error.value.what
    assert "audit without it" in error.value.remedy

"""No tool that prints an estimate prints a patient: not pytest, hypothesis, rich, nor pprint."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import pickle
import pkgutil
import pprint
import re

import numpy as np
import pytest
from hypothesis.vendor.pretty import pretty
from rich.console import Console
from rich.pretty import pretty_repr

import audit_suite
from audit_suite.datasets import Case
from audit_suite.discreet import Discreet
from audit_suite.statistics import Family, estimate_auroc, estimate_mean, mean_of_folds

PATIENTS = np.array([f"DOE^{number:03d}" for number in range(60)])
RNG = np.random.default_rng(2)
MEAN = estimate_mean(RNG.random(60), PATIENTS, "digest", "a mean", (0.0, 1.0))
AUROC = estimate_auroc(np.arange(60) % 2, RNG.random(60), PATIENTS, "digest", "an AUROC")
THINGS = {
    "mean": MEAN,
    "auroc": AUROC,
    "difference": AUROC - MEAN,
    "multiple": 2 * (1 - AUROC),
    "mean of folds": mean_of_folds([AUROC, AUROC * 0.9]),
    "distance": AUROC.distance_to(0.5),
    "family": Family([AUROC, MEAN]),
    "influence": AUROC.influence,
    "part": AUROC.influence.parts["digest"],
    "scale": AUROC.scale,
    "comparison": AUROC.compare("<", 0.6),
    "record": AUROC.to_record(),
    "case": Case("DOE^001", "DOE^001", {"sick": 1}, {"age": "60"}, 2),
}


def by_fields(thing) -> str:
    """As printers do that walk the fields of dataclasses and the slots of others."""
    if dataclasses.is_dataclass(thing):
        shown = [field.name for field in dataclasses.fields(thing) if field.repr]
        return " ".join(repr(getattr(thing, name)) for name in shown)
    return repr(thing)


def on_console(thing) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(thing)
    return captured.get()


PRINTERS = {
    "repr": repr,
    "str": str,
    "format": "{!r}".format,
    "pprint": pprint.pformat,
    "rich": pretty_repr,
    "console": on_console,
    "fields": by_fields,
    "hypothesis": pretty,
}


@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.parametrize("printer", PRINTERS)
@pytest.mark.parametrize("kept", [lambda one: one, lambda one: [one], lambda one: {"key": (one,)}])
def test_no_printer_names_a_patient(thing, printer, kept):
    assert "DOE" not in PRINTERS[printer](kept(THINGS[thing]))


def test_every_class_that_holds_patients_is_discreet():
    """By the names and types of its fields; in data sets also by those left out of its repr."""
    holding = re.compile(r"\b(Case|Influence|Entry|Identity|PhantomCase|CellScores)\b")
    seen = []
    for module in pkgutil.walk_packages(audit_suite.__path__, "audit_suite."):
        if ".suites." in module.name or module.name.endswith("__main__"):
            continue
        for name, thing in vars(importlib.import_module(module.name)).items():
            if not dataclasses.is_dataclass(thing) or thing.__module__ != module.name:
                continue
            for field in dataclasses.fields(thing):
                patients = field.name in ("patient", "patients") and "str" in str(field.type)
                hidden = not field.repr and ".datasets." in module.name  # files may name patients
                if patients or hidden or holding.search(str(field.type)):
                    seen.append(name)
                    if name != "DataOptions":  # of columns
                        assert issubclass(thing, Discreet), f"{thing} {field}"
                        assert not hasattr(thing.__repr__, "__wrapped__"), f"{thing}: repr=False"
    assert {"Case", "Dataset", "Sample", "Estimate", "Entry"} <= set(seen)


def test_estimates_are_copied_and_sent_to_workers_whole():
    for again in (copy.deepcopy(AUROC.influence), pickle.loads(pickle.dumps(AUROC.influence))):
        assert np.array_equal(again.values, AUROC.influence.values)
        assert again.variance == AUROC.influence.variance


FAILING = """
    import numpy as np
    from hypothesis import given, strategies as st
    from audit_suite.statistics import estimate_mean

    def made():
        patients = [f"DOE^{i:03d}" for i in range(200)]
        return estimate_mean(np.linspace(0, 1, 200), patients, "digest", "a mean")

    def test_plain():
        estimate = made()
        assert estimate.value > 2, estimate

    def test_members():
        estimate = made()
        assert estimate in (1, 2) or [estimate.influence] == [made().influence]

    @given(st.builds(made))
    def test_drawn(estimate):
        assert estimate < 0.1

    @given(st.just(made().influence))
    def test_influence(influence):
        assert influence.variance > 1
"""


def test_failing_tests_print_no_patient_in_the_terminal_or_junit(pytester):
    pytester.makepyfile(FAILING)
    result = pytester.runpytest_subprocess(
        "-vv", "--showlocals", "--junitxml=out.xml", "-p", "no:cacheprovider"
    )
    result.assert_outcomes(failed=4)
    for text in (result.stdout.str(), result.stderr.str(), (pytester.path / "out.xml").read_text()):
        shown = text.replace('f"DOE^{i:03d}"', "").replace("f&quot;DOE^{i:03d}&quot;", "")
        assert "DOE^" not in shown

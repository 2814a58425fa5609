"""Evidence that tests make up, and a run of a shipped check on it, without images or a plugin."""

from __future__ import annotations

import importlib
import itertools
import pkgutil
from types import SimpleNamespace

import numpy as np
from scipy import stats

from audit_suite import Family, Margin, suites
from audit_suite.cards import load_dataset_card, load_model_card
from audit_suite.checks import ATTRIBUTE
from audit_suite.datasets import Case
from audit_suite.evidence import Cell, EvidenceProfile, ScoreTable
from audit_suite.needs import Need, estimate_in
from audit_suite.statistics import DecisionRule, recording
from audit_suite.verdict import Inconclusive, NotApplicable, Verdict, worst

MODEL = """
schema = 1
name = "m"
targets = ["sick"]
loader = "callable"
architecture = "x.py:y"
activation = "{activation}"
{top}
[input]
size = [{size}, {size}]
channels = 1
"""

DATASET = """
schema = 1
name = "{name}"
reader = "manifest"
manifest = "m.csv"
{top}
[targets.{target}]
column = "sick"
{roi}
[regions.lungs]
column = "mask"
"""


def dataset_card(folder, name="d", top="", roi='roi = ["lungs"]', target="sick"):
    """A data set's card with more lines at the top or in the target's table."""
    text = DATASET.format(name=name, top=top, roi=roi, target=target)
    (folder / f"{name}.toml").write_text(text)
    return load_dataset_card(folder / f"{name}.toml")


def cell(folder, *, size=32, activation="sigmoid", model="", folds=(None,), **dataset):
    """A cell of a model of one target and a data set of one region."""
    (folder / "m.toml").write_text(MODEL.format(activation=activation, size=size, top=model))
    card = dataset_card(folder, **dataset)
    return Cell(load_model_card(folder / "m.toml"), folds, card, "sick")


def case(number, label, patient=None, quality=None, **metadata):
    """One image; of its own patient if none is given."""
    name = f"p{number}" if patient is None else patient
    return Case(f"i{number}", name, {"sick": int(label)}, metadata, number + 2, quality)


def table(scores, hidden=0.3, used=None, outlines=None):
    """What a model of one target said; ``hidden`` for all images or for each."""
    column = np.array(scores, np.float32)[:, None]
    count = len(column)
    used = np.ones(count, bool) if used is None else used
    column[~used] = np.nan
    share = np.broadcast_to(np.asarray(hidden, np.float32), (count,))
    return ScoreTable(column, share, np.ones_like(share), used, None, outlines, None, ())


class Stored:
    """Evidence that a test made up: tables by masking, or a function that gives them."""

    profile = EvidenceProfile(device="cpu", threads=1)

    def __init__(self, cases, tables, digest="digest"):
        self.cases, self.tables, self.digest = tuple(cases), tables, digest

    @property
    def labels(self):
        return np.array([case.labels["sick"] for case in self.cases])

    @property
    def patients(self):
        return np.array([case.patient for case in self.cases])

    def dataset(self, card):
        return self

    def table(self, request):
        return self.tables(request) if callable(self.tables) else self.tables[request.masking.id]


def binormal(auc, count):
    """Labels and scores of ``count`` images a class whose AUROC is as close to ``auc`` as can be.

    Scores are quantiles, so nothing is left to chance.
    """
    shift = 2**0.5 * stats.norm.ppf(auc)
    quantiles = stats.norm.ppf((np.arange(count) + 0.5) / count)
    # Interleaved, and in an order that has nothing to do with that of another AUROC's quantiles.
    order = np.random.default_rng(round(auc * 1e6)).permutation(count)
    scores = np.stack([quantiles[order], quantiles[order[::-1]] + shift], axis=1)
    return np.tile([0, 1], count), scores.ravel()


def shipped(id):
    """The shipped check of an id, whichever suite it lies in."""
    found = [
        test
        for name in pkgutil.iter_modules(suites.__path__)
        for test in vars(importlib.import_module(f"{suites.__name__}.{name.name}")).values()
        if getattr(getattr(test, ATTRIBUTE, None), "id", None) == id
    ]
    (check,) = found
    return check


def judged(check, cell, source):
    """Run a check, or the shipped one of an id, on made-up evidence.

    Returns by case the verdict and what was recorded. Needs are resolved as the plugin does: a list gives one case each, a tuple a family.
    """
    check = shipped(check) if isinstance(check, str) else check
    needs = getattr(check, ATTRIBUTE).needs
    choices = [need if isinstance(need, list) else [need] for need in needs.values()]
    combinations = list(itertools.product(*choices))
    found = {}
    for chosen in combinations:
        name = "-".join(n.id for n, d in zip(chosen, needs.values(), strict=True) if n is not d)
        with recording(DecisionRule(cases=len(combinations))) as recorded:
            arguments = {}
            verdict = None
            try:
                for key, need in zip(needs, chosen, strict=True):
                    arguments[key] = _resolve(need, cell, source)
                if not needs:
                    arguments["audit"] = SimpleNamespace(cell=cell, source=source)
                check(**arguments)
            except NotApplicable:
                verdict = Verdict.NOT_APPLICABLE
            except Inconclusive:
                verdict = Verdict.INCONCLUSIVE
            except AssertionError:
                verdict = Verdict.FAIL
        found[name] = (
            verdict or worst(comparison.verdict for comparison in recorded.comparisons),
            recorded,
        )
    return found


def verdict(check, cell, source):
    """The verdict of a check of one case."""
    ((found, _),) = judged(check, cell, source).values()
    return found


def _resolve(need, cell, source):
    if isinstance(need, Margin):
        return need
    if isinstance(need, Need):
        return estimate_in(need, cell, source)
    return Family([estimate_in(one, cell, source) for one in need])

"""Evidence that tests make up, and a run of a shipped check on it: no images, no plugin."""

from __future__ import annotations

import importlib
import inspect
import itertools
import pkgutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from cards import dataset_card, model_card
from scipy import stats

from audit_suite import suites
from audit_suite.audit.judge import judge
from audit_suite.audit.levels import share_level
from audit_suite.audit.opening import Audit
from audit_suite.audit.plan import cases_of
from audit_suite.audit.policy import load_policy
from audit_suite.audit.resolve import OnDemand, resolve, rule_for
from audit_suite.audit.settings import Settings
from audit_suite.checks import ATTRIBUTE
from audit_suite.datasets import Case
from audit_suite.datasets.dataset import labels_of
from audit_suite.evidence import Cell, EvidenceProfile
from audit_suite.evidence.attributions.request import Attributions
from audit_suite.evidence.scores.request import ScoreTable
from audit_suite.statistics import recording
from audit_suite.verdict import Inconclusive, NotApplicable


def cell(
    folder,
    *,
    size=32,
    activation="sigmoid",
    targets=("sick",),
    model="",
    folds=(None,),
    average="estimates",
    **dataset,
):
    """A cell of a model of one target, unless more are named, and a data set of one region."""
    card = model_card(folder, model, targets=targets, activation=activation, size=size)
    return Cell(card, folds, dataset_card(folder, **dataset), "sick", average)


def case(number, label, patient=None, quality=None, **metadata):
    """One image; of its own patient if none is given."""
    name = f"p{number}" if patient is None else patient
    return Case(f"i{number}", name, {"sick": int(label)}, metadata, number + 2, quality)


def table(scores, hidden=0.3, used=None, outlines=None, targets=1):
    """Scores of a model; ``hidden`` for all images or for each.

    Of several ``targets`` the scores are the last one's, and those of the others are 0.
    """
    columns = np.zeros((len(scores), targets))
    columns[:, -1] = scores
    count = len(columns)
    used = np.ones(count, bool) if used is None else used
    columns[~used] = np.nan
    share = np.broadcast_to(np.asarray(hidden, np.float32), (count,))
    stored = {} if outlines is None else {"outlines": outlines}
    return ScoreTable(columns, share, np.ones_like(share), used, [stored])


def with_arrays(table, **arrays):
    """The same table with further stored arrays, such as embeddings; None takes one away."""
    stored = {**table.stored[0], **arrays}
    return replace(table, stored=[{name: one for name, one in stored.items() if one is not None}])


def attributions(count, index=None, outputs=None, expected=None, players=(), **arrays):
    """Attributions of ``count`` images, or of those of an index; f(x) is 1 and E f is 0."""
    index = np.arange(count) if index is None else np.asarray(index)
    outputs = np.ones(len(index)) if outputs is None else outputs
    expected = np.zeros(len(index)) if expected is None else expected
    return Attributions(index, outputs, expected, arrays, players)


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

    def labels_of(self, target):
        return labels_of(self.cases, target)

    def dataset(self, card):
        return self

    def read(self, request):
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


def concordance(labels, scores):
    """Pairs won, and pairs, of a sick and a well image each; ties count one half."""
    won = [
        (a > b) + (a == b) / 2
        for a, b in itertools.product(scores[labels == 1], scores[labels == 0])
    ]
    return sum(won), len(won)


def auc(labels, scores):
    """The area by brute force."""
    won, pairs = concordance(labels, scores)
    return won / pairs


def shipped(id):
    """The shipped check of an id, whichever suite it lies in."""
    (check,) = [
        test
        for name in pkgutil.iter_modules(suites.__path__)
        for test in vars(importlib.import_module(f"{suites.__name__}.{name.name}")).values()
        if getattr(getattr(test, ATTRIBUTE, None), "id", None) == id
    ]
    return check


def findings(check, cell, source):
    """Run a check, or the shipped one of an id, on made-up evidence.

    Yields for each case its suffix, its finding and what was recorded. Only what a check may raise
    is judged: anything else is a fault of the test or of the need.
    """
    function = shipped(check) if isinstance(check, str) else check
    cards = (cell.model,), (cell.dataset,)
    settings = Settings(models=(Path("m.toml"),), datasets=(Path("d.toml"),))
    audit = Audit(settings, load_policy(), *cards, (cell,), (), source, ())
    for one in share_level(cases_of(getattr(function, ATTRIBUTE), audit), audit.policy):
        raised = None
        with recording(rule_for(one, audit)) as recorded:
            try:
                arguments = resolve(one, audit)
                if "audit" in inspect.signature(function).parameters:
                    arguments["audit"] = OnDemand(cell, audit)
                function(**arguments)
            except (NotApplicable, Inconclusive, AssertionError) as error:
                raised = error
        yield one.suffix, judge(one, raised, recorded, ()), recorded


def judged(check, cell, source):
    """By case the verdict of a check, and what was recorded."""
    return {
        suffix: (finding.verdict, recorded)
        for suffix, finding, recorded in findings(check, cell, source)
    }


def verdict(check, cell, source):
    """The verdict of a check of one case."""
    ((_, finding, _),) = findings(check, cell, source)
    return finding.verdict

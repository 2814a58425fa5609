"""Which findings of two audits belong together, and what keeps others apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from audit_suite.record import Finding
from audit_suite.releases.side import Side

Key = tuple[str, str, str, str, str]


@dataclass(frozen=True)
class Matched:
    """Findings side by side.

    Attributes:
        models: The earlier model by the later one.
        pairs: The same check in the same place, before and now; None where it is not there.
        other_data: Later names of data sets that were other data before.
        notes: What differs, in sentences.
    """

    models: dict[str, str]
    pairs: list[tuple[Finding | None, Finding | None]]
    other_data: frozenset[str]
    notes: list[str]


def match(old: Side, new: Side) -> Matched:
    """Put the findings of two audits side by side.

    A model replaces the one of the same name; if one model is left over on each side, one replaces
    the other. Data sets go by name, and by digest where the name is new.
    """
    models = _models(old, new)
    datasets = _datasets(old, new)
    other = {
        now
        for now, before in datasets.items()
        if old.dataset(before) != new.dataset(now) or not new.dataset(now)
    }
    before = {_key(finding, {}, {}): finding for finding in old.findings}
    pairs: list[tuple[Finding | None, Finding | None]] = []
    for finding in new.findings:
        pairs.append((before.pop(_key(finding, models, datasets), None), finding))
    pairs += [(finding, None) for finding in before.values()]
    notes = list(_notes(old, new, models, datasets, other))
    return Matched(models, pairs, frozenset(other), notes)


def _key(finding: Finding, models: dict[str, str], datasets: dict[str, str]) -> Key:
    model = models.get(finding.model, finding.model if not models else f"new {finding.model}")
    dataset = datasets.get(finding.dataset, finding.dataset)
    return finding.check, model, dataset, finding.target, finding.case


def _models(old: Side, new: Side) -> dict[str, str]:
    before, now = _names(old), _names(new)
    pairs = {name: name for name in now if name in before}
    left, right = [n for n in before if n not in pairs], [n for n in now if n not in pairs]
    if len(left) == len(right) == 1:
        pairs[right[0]] = left[0]
    return pairs


def _names(side: Side) -> list[str]:
    return list(dict.fromkeys([f.model for f in side.findings]))


def _datasets(old: Side, new: Side) -> dict[str, str]:
    before = {finding.dataset: old.dataset(finding.dataset) for finding in old.findings}
    now = {finding.dataset: new.dataset(finding.dataset) for finding in new.findings}
    by_digest = {digest: name for name, digest in before.items() if digest and name not in now}
    return {
        name: name if name in before else by_digest[digest]
        for name, digest in now.items()
        if name in before or digest in by_digest
    }


def _notes(
    old: Side, new: Side, models: dict[str, str], datasets: dict[str, str], other: set[str]
) -> Iterator[str]:
    for now, before in models.items():
        if now != before:
            yield f"model '{now}' is compared with '{before}'"
        if new.model(now) == old.model(before) != "":
            yield f"model '{now}' is the same as before, byte for byte"
    alone = [name for name in _names(new) if name not in models]
    if alone and set(_names(old)) - set(models.values()):
        yield (
            f"no model of the baseline has the name of {', '.join(alone)}, and several are left: "
            f"audit one model at a time, or give it the name of the one that it replaces"
        )
    for name in sorted(other):
        yield (
            f"data set '{name}' is not the one that the baseline was audited on: nothing on it is "
            f"compared; audit the baseline's model on these data, and compare with that record"
        )
    if missing := sorted({f.dataset for f in old.findings} - set(datasets.values())):
        yield f"audited before, but not now: data set {', '.join(missing)}"
    if old.policy != new.policy:
        yield (
            f"the policies differ ('{old.policy[0]}' before, '{new.policy[0]}' now): a check whose "
            f"margin changed is compared by its estimates alone"
        )
    for key in ("profile", "max_cases", "seed", "folds"):
        earlier, later = (getattr(side.provenance.settings, key) for side in (old, new))
        if earlier != later:
            yield f"the setting {key} was {earlier}, and is {later}"
    made_by = old.provenance.audit_suite, new.provenance.audit_suite
    if made_by[0] != made_by[1]:
        yield f"audit-suite {made_by[0]} made the baseline, {made_by[1]} this record"

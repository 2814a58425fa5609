"""Try a model on a few images of each class, and say what looks wrong."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence

import numpy as np

from audit_suite.cards import InputSpec, ModelCard
from audit_suite.datasets import Dataset
from audit_suite.doctor.diagnosis import Interval, Symptom
from audit_suite.doctor.looked import Looked, Tried
from audit_suite.doctor.sheet import Shown
from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceSource
from audit_suite.evidence.source import Progress
from audit_suite.statistics import Estimate, estimate_auroc

EACH, MORE = 16, 64  # images of each class: to look at, and to confirm what was noticed
PICTURED = 4  # images of each class on the sheet
_LOOK = "audit_suite.doctor.looking:look"
_FEW_BITS = 0.5  # share of a file type's range below which data may have fewer bits
_GAIN = 0.02  # AUROC that another reading must gain to be looked at again
_ALIKE = 0.02  # AUROC within which other readings are named as well
_SAME = 1e-6
_COMMONEST = ("stored_range", "mean", "resize", "resize_to", "order", "antialias")


class Preflight:
    """A model on some images of a data set.

    Attributes:
        looked: What the model made of them.
    """

    def __init__(
        self, card: ModelCard, dataset: Dataset, source: EvidenceSource, say: Progress
    ) -> None:
        """Look at `EACH` images of each class of every target.

        Raises:
            AuditError: If the model cannot be loaded or fails.
        """
        self.card, self.dataset = card, dataset
        self.targets = [target for target in card.targets if target in dataset.card.targets]
        self._source, self._say = source, say
        self._classes = {
            (target, label): _one_each(dataset, target, label)
            for target in self.targets
            for label in (1, 0)
        }
        indices = self._chosen(EACH, [])
        self.looked = self._look(indices, [], self._pictured())

    def auroc(self, target: str) -> Estimate:
        """AUROC by the card's own reading.

        Raises:
            AuditError: If a class has fewer than two patients among the images.
        """
        return self._auroc(self.looked, self.looked.readings[0], target)

    def symptoms(self) -> tuple[list[Symptom], list[Symptom]]:
        """What is wrong, and what a person should look at."""
        wrong = [Symptom(what=what, remedy=remedy) for what, remedy in self.looked.bad]
        look = [*self._ranges(), *self._without_region()]
        swapped = False
        for target in self.targets if self.looked.readings else ():
            try:
                estimate = self.auroc(target)
            except AuditError as error:
                look.append(Symptom.of(error))
                continue
            if self._is_constant(target):
                wrong.append(self._constant(target))
            elif interval(estimate).high < 0.5:
                swapped = True
                wrong.append(self._swapped(target, estimate))
            elif (short := self._short_of_claim(target, estimate)) is not None:
                look.append(short)
        if not swapped:
            better, perhaps = self._other_readings()
            wrong += better
            look += perhaps
        return wrong, look

    def rows(self) -> list[tuple[str, list[Shown]]]:
        """The pictured images by target and class, with a heading for each."""
        shown = {each.index: each for each in self.looked.shown}
        rows = []
        for target in self.targets:
            for label, word in ((1, "with"), (0, "without")):
                mine = [i for i in self._classes[target, label] if i in shown][:PICTURED]
                if mine:
                    rows.append((f"{word} {target}", [shown[index] for index in mine]))
        return rows

    def _ranges(self) -> Iterator[Symptom]:
        spec = self.card.input
        kinds = {kind for kind, _, _ in self.looked.raw if kind.startswith("uint")}
        for kind in sorted(kinds):
            top = max(high for each, _, high in self.looked.raw if each == kind)
            most = int(np.iinfo(kind).max)
            bits = max(1, int(top).bit_length())
            by_type = spec.scale == "unit" and not spec.stored_range and not spec.function
            if by_type and top / most < _FEW_BITS:
                yield Symptom(
                    what=f"{self.dataset.card.path}: the brightest pixel of "
                    f"{len(self.looked.raw)} images is {top:g}, which uses {top / most:.0%} of the "
                    f"range of {np.iinfo(kind).bits}-bit files: {bits}-bit data?",
                    remedy=f"if so, write stored_range = [0, {2**bits - 1}] under [input] of "
                    f"{self.card.path}; the model is given values from "
                    f"{self.looked.entering[0]:.3g} to {self.looked.entering[1]:.3g} now",
                )

    def _without_region(self) -> Iterator[Symptom]:
        card = self.dataset.card
        if bare := [f"'{target}'" for target in self.targets if not card.targets[target].roi]:
            yield Symptom(
                what=f"{card.path}: no region of interest is declared for {', '.join(bare)}: the "
                f"required check R8-box does not apply, so the audit stays partial",
                remedy="name masks under [regions] and in 'roi'; without masks draw a region with "
                "`audit-suite region draw`, or make masks with `audit-suite segment`",
            )

    def _is_constant(self, target: str) -> bool:
        return bool(np.ptp(self._scores(self.looked.readings[0], target)) < _SAME)

    def _constant(self, target: str) -> Symptom:
        return Symptom(
            what=f"{self.card.path}: the model gives all {len(self.looked.index)} images the same "
            f"score for '{target}'",
            remedy=f"check the weights, and the range of the input: it is given values from "
            f"{self.looked.entering[0]:.3g} to {self.looked.entering[1]:.3g}",
        )

    def _swapped(self, target: str, estimate: Estimate) -> Symptom:
        names = self.card.output_names
        order = f"'outputs' names {list(names)}" if len(names) > 1 else "the model has one output"
        return Symptom(
            what=f"{self.card.path}: AUROC {interval(estimate)} for '{target}' is below .5: "
            f"outputs swapped?",
            remedy=f"{order}: is that their order, and does a high score mean the finding? Are the "
            f"labels' values in {self.dataset.card.path} the right way round?",
        )

    def _short_of_claim(self, target: str, estimate: Estimate) -> Symptom | None:
        claim = self.card.claims.get(target)
        if claim is None or interval(estimate).high >= claim.auroc:
            return None
        return Symptom(
            what=f"{self.card.path}: AUROC {interval(estimate)} for '{target}' on "
            f"{len(self.looked.index)} images is below the claim of {claim.auroc:g}",
            remedy="check the key 'input' against the code that the model was trained with, and "
            "whether these data are like those of the claim",
        )

    def _other_readings(self) -> tuple[list[Symptom], list[Symptom]]:
        """Whether another reading of the card gives more skill: clearly so, or perhaps."""
        gains = [
            (self._gain(self.looked, reading), reading) for reading in self.looked.readings[1:]
        ]
        known = [(gain.value, reading) for gain, reading in gains if gain is not None]
        best = max((gain for gain, _ in known), default=0.0)
        if best < _GAIN:
            return [], []
        alike = [reading for gain, reading in known if gain > best - _ALIKE]
        fresh = self._chosen(MORE, self.looked.index)
        specs = [InputSpec.model_validate(reading.spec) for reading in alike]
        for spec in specs:
            spec.placed(self.card.path.parent)
        again = self._look(fresh, specs, []) if len(fresh) >= 2 * EACH else self.looked
        tried = again.readings[1:] if again is not self.looked else alike
        confirmed = [
            (gain, first)
            for reading, first in zip(tried, alike, strict=False)
            if (gain := self._gain(again, reading)) is not None
        ]
        clear = [(gain, first) for gain, first in confirmed if interval(gain).low > 0]
        if again is not self.looked and clear:
            return [self._says(again, clear)], []
        if confirmed and max(gain.value for gain, _ in confirmed) >= _GAIN:
            return [], [self._says(again, confirmed)]
        return [], []

    def _says(self, looked: Looked, gains: Sequence[tuple[Estimate, Tried]]) -> Symptom:
        gain, reading = _likeliest(gains)
        also = [f"`{_lines(each)}`" for _, each in gains if each is not reading][:3]
        return Symptom(
            what=f"{self.card.path}: with `{_lines(reading)}` under [input] the AUROC of "
            f"{len(looked.index)} images is higher by {interval(gain)}"
            + (f" (about as much with {', '.join(also)})" if also else ""),
            remedy="compare the card with the code that the model was trained with; `audit-suite "
            "parity record` makes files that check O3 compares",
        )

    def _gain(self, looked: Looked, reading: Tried) -> Estimate | None:
        """What a reading gains in AUROC, for the target that gains most; None if undefined."""
        gains = []
        for target in self.targets:
            try:
                own = self._auroc(looked, looked.readings[0], target)
                gains.append(self._auroc(looked, reading, target) - own)
            except AuditError:
                continue
        return max(gains, key=lambda gain: gain.value, default=None)

    def _auroc(self, looked: Looked, reading: Tried, target: str) -> Estimate:
        cases = [self.dataset.cases[index] for index in looked.index]
        there = [row for row, case in enumerate(cases) if target in case.labels]
        return estimate_auroc(
            [cases[row].labels[target] for row in there],
            self._scores(reading, target)[there],
            [cases[row].patient for row in there],
            self.dataset.digest,
            f"AUROC for '{target}'",
        )

    def _scores(self, reading: Tried, target: str) -> np.ndarray:
        return np.array(reading.scores)[:, self.card.targets.index(target)]

    def _pictured(self) -> list[int]:
        """`PICTURED` images of each class of each target, of those that people may see."""
        shown = [[i for i in own if self.dataset.cases[i].shown] for own in self._classes.values()]
        return [index for own in shown for index in own[:PICTURED]]

    def _chosen(self, each: int, without: Sequence[int]) -> list[int]:
        """So many images of each class of each target, none of those ``without``."""
        left = set(without)
        others = [[i for i in own if i not in left] for own in self._classes.values()]
        return sorted({index for own in others for index in own[:each]})

    def _look(
        self, indices: Sequence[int], specs: Sequence[InputSpec], pictured: Sequence[int]
    ) -> Looked:
        answer = self._source.call(
            _LOOK,
            self.card,
            self.dataset.card,
            list(indices),
            list(specs),
            list(pictured),
            of=[self.card],
            say=self._say,
        )
        return Looked.model_validate(answer)


def _likeliest(gains: Sequence[tuple[Estimate, Tried]]) -> tuple[Estimate, Tried]:
    """Of readings that gain about as much as the best, the one that is the commonest slip."""
    best = max(gain.value for gain, _ in gains)

    def rank(one: tuple[Estimate, Tried]) -> tuple[int, float]:
        key = one[1].words.split(" ")[0]
        return (_COMMONEST.index(key) if key in _COMMONEST else len(_COMMONEST), -one[0].value)

    return min((one for one in gains if one[0].value > best - _ALIKE), key=rank)


def _lines(reading: Tried) -> str:
    """Lines of the card; whole numbers without a point."""
    return re.sub(r"\.0(?=[,\] ]|$)", "", reading.words)


def interval(estimate: Estimate) -> Interval:
    """An estimate's value and 95 % interval."""
    low, high = estimate.interval()
    return Interval(value=estimate.value, low=low, high=high)


def _one_each(dataset: Dataset, target: str, label: int) -> list[int]:
    """One image of each patient of a class, in the order of a hash."""

    def drawn(index: int) -> bytes:
        return hashlib.sha256(f"{dataset.digest}/looked at/{index}".encode()).digest()

    mine = [i for i, case in enumerate(dataset.cases) if case.labels.get(target) == label]
    patients: dict[str, int] = {}
    for index in sorted(mine, key=drawn):
        patients.setdefault(dataset.cases[index].patient, index)
    return list(patients.values())

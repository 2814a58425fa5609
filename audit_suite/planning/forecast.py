"""What the data of one target could decide about a model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from audit_suite.planning.by_patients import Chances, by_patients
from audit_suite.statistics.at_hand import AtHand
from audit_suite.statistics.design import Cohort, Levels, Spread
from audit_suite.statistics.needed import patients_to_decide
from audit_suite.statistics.opening_chance import FILLS, chance_to_close, chance_to_open
from audit_suite.statistics.patients import MOST, patients_needed, times_needed

PLANNED = SKILL, LEFT = "R1", "R8-box"
"""The checks whose chances are known beforehand."""

KEPT = (25, 50, 100)
"""Percentages of the skill that a shortcut keeps with the box hidden."""

_BEST = 0.99  # AUROC beyond which few patients tell no more

Origin = Literal["given", "measured", "claimed", "tried", "assumed"]


class Measured(BaseModel):
    """What stored scores say in place of assumptions.

    Attributes:
        hidden: AUROC with the box hidden, by fill.
        variance_full: Variance of the AUROC on full images, as a multiple of the assumed one.
        variance_hidden: The same with the box hidden.
        between_fills: Correlation of the AUROCs under two fills.
        full_hidden: Correlation of the AUROCs on full and masked images, for an honest model.
        decided: Whether R1 and R8-box are decided by these scores, as an audit says.
        patients_to_decide: Patients with which R1 and R8-box would open or close the gate with a
            chance of 80 %, by these estimates; null if no realistic number would, or if they are
            decided.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    hidden: tuple[float, ...]
    variance_full: float
    variance_hidden: float
    between_fills: float
    full_hidden: float
    decided: bool
    patients_to_decide: int | None


class Forecast(BaseModel):
    """The chances of one model on one data set for one target.

    Attributes:
        model: Name of the model; empty without a model card.
        dataset: Name of the data set.
        target: The target.
        patients: Patients with a label of the target.
        positives: Patients among them with the finding.
        images_per_patient: Their images, on average.
        auroc: The AUROC on full images that the chances are for.
        skill: Where it is from: ``given``, ``measured`` on stored scores, ``claimed`` by the model
            card, ``tried`` by doctor on a few images, or ``assumed``.
        floor: What R1 requires the AUROC to exceed.
        open_if_honest: Chance that R1 and R8-box pass, if the model uses the region alone.
        closed_if_shortcut: Chance that R8-box or R3 fails, by the percentage of the skill that is
            left with the box hidden.
        patients_for_80: Patients with which ``open_if_honest`` is .8; null if no realistic number
            gives that.
        patients_for_90: The same for .9.
        by_patients: The chances to open and to close against the number of patients; empty in
            records that were written before they were.
        measured: What stored scores say; null without.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    dataset: str
    target: str
    patients: int
    positives: int
    images_per_patient: float
    auroc: float
    skill: Origin
    floor: float
    open_if_honest: float
    closed_if_shortcut: dict[int, float]
    patients_for_80: int | None
    patients_for_90: int | None
    by_patients: tuple[Chances, ...] = ()
    measured: Measured | None

    @property
    def cohort(self) -> Cohort:
        """The patients."""
        return Cohort(self.positives, self.patients - self.positives, self.images_per_patient)

    @property
    def spread(self) -> Spread:
        """How the AUROCs vary."""
        if (measured := self.measured) is None:
            return Spread()
        return Spread(
            measured.variance_full,
            measured.variance_hidden,
            measured.between_fills,
            measured.full_hidden,
        )

    def open_with(self, cohort: Cohort, levels: Levels) -> float:
        """The chance to open if honest, with other patients."""
        return chance_to_open(self.auroc, cohort, self.floor, spread=self.spread, levels=levels)


def forecast(
    place: tuple[str, str, str],
    cohort: Cohort,
    auroc: float,
    skill: Origin,
    floor: float,
    levels: Levels,
    at_hand: AtHand | None = None,
    decided: bool = False,
) -> Forecast:
    """What the data of one target could decide.

    Args:
        place: Model, data set and target.
        cohort: The patients.
        auroc: AUROC on full images that the chances are for.
        skill: Where it is from.
        floor: What R1 requires the AUROC to exceed.
        levels: Error levels.
        at_hand: Estimates on stored scores, which say how AUROCs vary.
        decided: Whether R1 and R8-box are decided by these estimates.
    """
    auroc = min(auroc, _BEST)
    spread = Spread() if at_hand is None else at_hand.spread

    def opened(patients: Cohort) -> float:
        return chance_to_open(auroc, patients, floor, spread=spread, levels=levels)

    def closed(kept: int) -> float:
        shares = (kept / 100,) * FILLS
        return chance_to_close(auroc, cohort, shares, spread=spread, levels=levels)

    model, dataset, target = place
    return Forecast(
        model=model,
        dataset=dataset,
        target=target,
        patients=round(cohort.patients),
        positives=round(cohort.positives),
        images_per_patient=cohort.images,
        auroc=auroc,
        skill=skill,
        floor=floor,
        open_if_honest=opened(cohort),
        closed_if_shortcut={kept: closed(kept) for kept in KEPT},
        patients_for_80=patients_needed(opened, cohort, 0.8),
        patients_for_90=patients_needed(opened, cohort, 0.9),
        by_patients=by_patients(auroc, cohort, floor, spread, levels),
        measured=None
        if at_hand is None
        else Measured(
            hidden=at_hand.hidden,
            variance_full=spread.full,
            variance_hidden=spread.hidden,
            between_fills=spread.between_fills,
            full_hidden=spread.honest,
            decided=decided,
            patients_to_decide=None
            if decided
            else patients_to_decide(at_hand, floor, levels=levels),
        ),
    )


class Together(BaseModel):
    """The chances of a model that is to be released for several targets at once.

    Attributes:
        model: Name of the model; empty without a model card.
        targets: How many targets, over all data sets.
        auroc: The AUROC of all of them; null where they differ.
        open_if_honest: Chance that the gate opens for all of them, as if they were independent.
        patients_for_80: By data set the patients with which that chance is .8; null if no realistic
            number gives that.
        patients_for_90: The same for .9.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    targets: int
    auroc: float | None
    open_if_honest: float
    patients_for_80: dict[str, int] | None
    patients_for_90: dict[str, int] | None


def together(forecasts: Sequence[Forecast], levels: Levels) -> Together:
    """Several targets of one model at once.

    Args:
        forecasts: One per target and data set; at least one.
        levels: Error levels.
    """
    most = max(each.patients for each in forecasts)
    sizes: dict[str, int] = {}
    for each in forecasts:
        sizes[each.dataset] = max(each.patients, sizes.get(each.dataset, 0))

    def opened(times: float) -> float:
        return math.prod(each.open_with(each.cohort.times(times), levels) for each in forecasts)

    def needed(wanted: float) -> dict[str, int] | None:
        times = times_needed(opened, wanted, MOST / most)
        if times is None:
            return None
        return {name: math.ceil(times * patients) for name, patients in sizes.items()}

    return Together(
        model=forecasts[0].model,
        targets=len(forecasts),
        auroc=forecasts[0].auroc if len({each.auroc for each in forecasts}) == 1 else None,
        open_if_honest=opened(1),
        patients_for_80=needed(0.8),
        patients_for_90=needed(0.9),
    )

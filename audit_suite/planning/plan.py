"""The plan: what some data sets could decide about some models, or about models of four skills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from audit_suite.planning.forecast import Forecast, Origin, Together, forecast, together
from audit_suite.statistics.at_hand import AtHand
from audit_suite.statistics.design import Cohort, Levels

ASSUMED = (0.8, 0.85, 0.9, 0.95)
"""AUROCs that a plan is made for where neither claim nor evidence says one."""


class Plan(BaseModel):
    """All forecasts: what ``audit-suite plan --json`` writes.

    Attributes:
        policy: Name of the policy.
        alpha: Error level of a pass, before it is divided among looks.
        looks: Audits of these patients among which the level of a pass is divided.
        targets: The forecasts: one per model, data set, target and AUROC.
        all_targets: One per model and AUROC that is to be released for several primary targets.
        notes: What the forecasts leave out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    policy: str
    alpha: float
    looks: int
    targets: tuple[Forecast, ...]
    all_targets: tuple[Together, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """One target of a model on a data set.

    Attributes:
        place: Model (empty without a card), data set and target.
        cohort: The patients.
        floor: What R1 requires the AUROC to exceed.
        auroc: AUROC that the chances are for; None if nobody says one.
        skill: Where it is from.
        at_hand: Estimates on stored scores.
        primary: Whether the release as a whole rests on the target.
    """

    place: tuple[str, str, str]
    cohort: Cohort
    floor: float
    auroc: float | None
    skill: Origin
    at_hand: AtHand | None = None
    primary: bool = True


def forecasts(
    questions: Sequence[Question], levels: Levels
) -> tuple[list[Forecast], list[Together]]:
    """The forecasts of one model, and of all its targets together.

    Where nobody says an AUROC of a target, each of `ASSUMED` is assumed.

    Args:
        questions: All targets of one model; at least one.
        levels: Error levels of a release with so many questions.
    """

    def answer(question: Question, auroc: float) -> Forecast:
        return forecast(
            question.place,
            question.cohort,
            auroc,
            question.skill,
            question.floor,
            levels,
            question.at_hand,
        )

    known = {q.place: answer(q, q.auroc) for q in questions if q.auroc is not None}
    unknown = [question for question in questions if question.auroc is None]
    primary = {question.place for question in questions if question.primary}
    single, joint = list(known.values()), []
    for auroc in ASSUMED if unknown else (None,):
        assumed = {q.place: answer(q, auroc) for q in unknown if auroc is not None}
        single += assumed.values()
        if len(primary) > 1:
            both = known | assumed
            joint.append(together([both[place] for place in both if place in primary], levels))
    order = {question.place: number for number, question in enumerate(questions)}
    single.sort(key=lambda each: order[each.model, each.dataset, each.target])
    return single, joint

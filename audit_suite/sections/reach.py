"""What these data could decide: the chances by which open, closed and undecided are to be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit_suite.errors import AuditError
from audit_suite.planning.by_patients import TRUTHS, Chances
from audit_suite.planning.forecast import KEPT, PLANNED, Forecast, forecast
from audit_suite.planning.measuring import at_hand, cohort_of
from audit_suite.planning.words import based_on, beside, chance, number
from audit_suite.record import Finding, Record
from audit_suite.report.charts.chances import ChancesChart, chances_chart
from audit_suite.report.places import Place, by_place, place_of
from audit_suite.report.section import APPENDIX, Gathered, Section, register_section
from audit_suite.report.unfit import patients_decide
from audit_suite.statistics.design import Levels
from audit_suite.statistics.needed import needed_in_words
from audit_suite.statistics.opening_chance import FILLS
from audit_suite.verdict import Verdict

NAME = "reach"
_TRUTHS: Mapping[int, str] = {
    0: "A model that needs only the region",
    25: "A quarter of the skill lies elsewhere",
    50: "Half of the skill lies elsewhere",
}


@dataclass(frozen=True)
class ReachRow:
    """One place in words.

    Attributes:
        place: Model, data set and target.
        patients: Patients.
        positives: Patients with the finding.
        auroc: The AUROC that the chances are for.
        opens: Chance to open if honest.
        closes: Chance to close, by what is kept.
        needed: Patients for 80 and 90 %.
        deciding: What would decide it; empty where it is decided.
        chart: Open, undecided and closed against the number of patients; None in older records.
        numbers: What is drawn: patients, and by truth the three chances in words.
    """

    place: Place
    patients: int
    positives: int
    auroc: float
    opens: str
    closes: tuple[str, ...]
    needed: tuple[str, str]
    deciding: str
    chart: ChancesChart | None
    numbers: tuple[tuple[int, tuple[str, ...]], ...]


@dataclass(frozen=True)
class ReachView:
    """All places, and how they are to be read.

    Attributes:
        rows: One per place.
        kept: What is left of the skill at each chance to close, in percent.
        based_on: What was measured, and what was assumed.
        beside: What else the gate asks; empty if nothing.
        truths: What the chances by patients are for.
    """

    rows: tuple[ReachRow, ...]
    kept: tuple[int, ...]
    based_on: str
    beside: str
    truths: tuple[str, ...]


def collect(gathered: Gathered) -> list[dict[str, Any]] | None:
    """The forecast of each place where R1 and R8-box were asked and R1 was judged."""
    forecasts = list(_forecasts(gathered))
    return [each.model_dump(mode="json") for each in forecasts] or None


def _forecasts(gathered: Gathered) -> Iterator[Forecast]:
    asked = {(place_of(f), f.check): f for f in gathered.findings}
    targets = Counter(cell.model_name for cell in gathered.cells)
    for cell in gathered.cells:
        place = cell.model_name, cell.dataset.name, cell.target
        skill, kept = (asked.get((place, check)) for check in PLANNED)
        if skill is None or kept is None or not skill.comparisons:
            continue
        first = skill.comparisons[0]
        try:
            estimates = at_hand(cell, gathered.source)
            cohort = cohort_of(gathered.source.dataset(cell.dataset), cell.target)
        except AuditError:
            continue  # the findings say why
        yield forecast(
            place,
            cohort,
            first.estimate.value if estimates is None else estimates.auroc,
            "measured",
            first.margin,
            _levels(skill, kept, targets[cell.model_name]),
            estimates,
            decided=Verdict.INCONCLUSIVE not in (skill.verdict, kept.verdict),
        )


def _levels(skill: Finding, kept: Finding, places: int) -> Levels:
    """The levels at which these two were judged."""
    usual = Levels.shared(places=places)
    first = skill.comparisons[0]
    return Levels(
        passing=usual.passing if first.basis is None else first.basis.alpha / first.basis.chances,
        # A fail of two of three fills holds at half of the level of the check.
        failing=kept.comparisons[0].fail_level * (FILLS - 1) if kept.comparisons else usual.failing,
        floor=first.fail_level,
    )


def view(record: Record, _findings: Sequence[Finding]) -> ReachView | None:
    """A row per place; None where nothing was forecast."""
    forecasts = [Forecast.model_validate(each) for each in record.sections.get(NAME, [])]
    findings = by_place(record.findings)
    if not forecasts:
        return None
    return ReachView(
        tuple(_row(each, findings.get(_place(each), [])) for each in forecasts),
        KEPT,
        based_on(forecasts),
        beside(record.policy.content.get("targets", [])),
        tuple(_TRUTHS[truth] for truth in TRUTHS),
    )


def patients_needed_at(fields: Mapping[str, Any]) -> dict[Place, str]:
    """How many patients would decide each place that R1 and R8-box leave undecided, in words.

    Args:
        fields: What all sections put into the record.
    """
    forecasts = map(Forecast.model_validate, fields.get("sections", {}).get(NAME, []))
    return {_place(one): text for one in forecasts if (text := _deciding(one))}


def _place(one: Forecast) -> Place:
    return one.model, one.dataset, one.target


def _deciding(one: Forecast) -> str:
    if one.measured is None or one.measured.decided:
        return ""
    return needed_in_words(one.measured.patients_to_decide, one.cohort)


def _row(one: Forecast, findings: Sequence[Finding]) -> ReachRow:
    return ReachRow(
        place=_place(one),
        patients=one.patients,
        positives=one.positives,
        auroc=one.auroc,
        opens=chance(one.open_if_honest),
        closes=tuple(chance(one.closed_if_shortcut[kept]) for kept in KEPT),
        needed=(number(one.patients_for_80), number(one.patients_for_90)),
        deciding=_deciding(one) if patients_decide(findings) else "",
        chart=_chart(one),
        numbers=tuple((each.patients, _in_words(each)) for each in one.by_patients),
    )


def _chart(one: Forecast) -> ChancesChart | None:
    if not one.by_patients:
        return None
    steps = {t: [(c.patients, c.opens[t], c.closes[t]) for c in one.by_patients] for t in TRUTHS}
    return chances_chart([(_TRUTHS[t], steps[t]) for t in TRUTHS], one.patients)


def _in_words(chances: Chances) -> tuple[str, ...]:
    """Opens, undecided and closes for each truth."""
    return tuple(
        " / ".join(map(chance, (opens, max(0.0, 1 - opens - closes), closes)))
        for truth in TRUTHS
        for opens, closes in ((chances.opens[truth], chances.closes[truth]),)
    )


register_section(
    Section(
        name=NAME,
        title="What these data could decide",
        rank=APPENDIX + 5,
        collect=collect,
        view=view,
    )
)

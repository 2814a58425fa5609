"""A plan in words: a table for the terminal, and what was assumed or measured."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

from audit_suite.planning.forecast import KEPT, PLANNED, Forecast, Together
from audit_suite.planning.plan import Plan
from audit_suite.statistics.design import FEWEST
from audit_suite.statistics.needed import needed_in_words
from audit_suite.statistics.patients import two_digits

if TYPE_CHECKING:
    from rich.table import Table

SKILLS = {
    "given": "as given",
    "measured": "measured on stored scores",
    "claimed": "as the model card claims",
    "tried": "as seen on a few images",
}

_NARROWEST = 80  # columns of the table: below, a number would be cut

MEANING = (
    "opens, honest: chance that R1 and R8-box pass for a model that needs only the region",
    "closed at 25%: chance that R8-box or R3 fails if a quarter of the skill (AUROC - .5) is left "
    "with the region's box hidden; the rest stays undecided",
    "80% takes: patients in all, at this prevalence, with which the gate opens for an honest model "
    "in 8 of 10 audits",
)


def in_lines(plan: Plan, width: int) -> list[str]:
    """The plan as lines of a terminal.

    Args:
        plan: The plan.
        width: Columns of the terminal.
    """
    from rich.console import Console

    text = StringIO()
    console = Console(file=text, width=max(width, _NARROWEST), color_system=None)
    for title, rows, all_rows in _groups(plan):
        console.print(_table(title, rows, all_rows))
        console.print()
    said = [*filter(None, map(at_hand_in_words, plan.targets)), *_too_few(plan)]
    for line in [*MEANING, *said, based_on(plan.targets), _levels(plan), *plan.notes]:
        console.print(line, highlight=False, soft_wrap=True)
    return [line.rstrip() for line in text.getvalue().splitlines()]


def based_on(targets: Sequence[Forecast]) -> str:
    """One line on what was assumed, and what was measured."""
    said = [SKILLS[skill] for skill in dict.fromkeys(e.skill for e in targets) if skill in SKILLS]
    parts = [f"AUROC {', '.join(said)}"] if said else []
    measured = sum(each.measured is not None for each in targets)
    if measured:
        which = "" if measured == len(targets) else f" for {measured} of {len(targets)} targets"
        parts.append(f"variances and correlations measured on stored scores{which}")
    assumed = ["the AUROC"] if any(each.skill == "assumed" for each in targets) else []
    if measured < len(targets):
        assumed.append(
            "binormal scores, correlation .5 between images of a patient, .7 between fills, .3 "
            "between full and masked AUROC"
        )
    if assumed:
        parts.append(f"assumed: {', '.join(assumed)}")
    return "; ".join(parts)


def beside(kinds: Collection[Mapping[str, Any]]) -> str:
    """What else the gate asks, of which the chances say nothing; empty if nothing must be shown.

    Args:
        kinds: Kinds of targets as a policy holds them.
    """
    shown, asked, data = (
        dict.fromkeys(check for kind in kinds for check in kind.get(role, ()))
        for role in ("shown", "asked", "data")
    )
    if not shown:
        return ""
    guards = [check for check in asked if check not in data]
    also = f", and {', '.join(guards)} must not fail" if guards else ""
    unfit = f"; where a check of the data fails ({', '.join(data)}), no number of patients opens it"
    return (
        f"the gate's chance to open is that of {' and '.join(PLANNED)} alone: {', '.join(shown)} "
        f"must pass too where they apply{also}, which may cost some more{unfit if data else ''}"
    )


def at_hand_in_words(forecast: Forecast) -> str:
    """What the estimates at hand ask for; empty without evidence."""
    measured = forecast.measured
    if measured is None:
        return ""
    hidden = ", ".join(map(_auroc, measured.hidden))
    needed = needed_in_words(measured.patients_to_decide, forecast.cohort)
    return (
        f"{forecast.model} on {forecast.dataset}, {forecast.target}: stored scores give AUROC "
        f"{_auroc(forecast.auroc)}, and with the box hidden {hidden}: {needed}"
    )


def chance(value: float) -> str:
    """A chance in whole percent; never a promise where it is not one."""
    if 0 < value < 0.01:
        return "<1%"
    return ">99%" if value > 0.99 else f"{value:.0%}"


def number(patients: int | None) -> str:
    """A number of patients, with two digits."""
    return "–" if patients is None else f"{two_digits(patients):,}"


def _too_few(plan: Plan) -> list[str]:
    few = {(e.dataset, e.target): e.cohort for e in plan.targets if not e.cohort.is_judged}
    return [
        f"{dataset}, {target}: {cohort.positives:,.0f} patients with the finding and "
        f"{cohort.negatives:,.0f} without; with fewer than {FEWEST} of either no verdict is drawn"
        for (dataset, target), cohort in few.items()
    ]


def _auroc(value: float) -> str:
    return f"{value:.2f}".lstrip("0")


def _levels(plan: Plan) -> str:
    line = f"policy '{plan.policy}': each pass at {plan.alpha / plan.looks:.3g}"
    return line + (f" ({plan.looks} looks)" if plan.looks > 1 else "")


def _groups(plan: Plan) -> Iterator[tuple[str, list[Forecast], list[Together]]]:
    places = dict.fromkeys((each.model, each.dataset) for each in plan.targets)
    last = dict(list(places))  # the data set below which a model's sums stand
    for model, dataset in places:
        title = f"{model} on {dataset}" if model else f"any model on {dataset}"
        rows = [e for e in plan.targets if (e.model, e.dataset) == (model, dataset)]
        joint = [e for e in plan.all_targets if e.model == model] if last[model] == dataset else []
        yield title, rows, joint


def _table(title: str, rows: Sequence[Forecast], joint: Sequence[Together]) -> Table:
    from rich.table import Table

    table = Table(title=title, box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.title_justify, table.title_style, table.header_style = "left", "", ""
    table.add_column("\ntarget", overflow="fold")
    for name in (
        "\npatients",
        "\nwith it",
        "\nAUROC",
        "opens,\nhonest",
        *(f"closed\nat {kept}%" for kept in KEPT),
        "80%\ntakes",
        "90%\ntakes",
    ):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row.target,
            f"{row.patients:,}",
            f"{row.positives:,}",
            _auroc(row.auroc),
            chance(row.open_if_honest),
            *(chance(row.closed_if_shortcut[kept]) for kept in KEPT),
            number(row.patients_for_80),
            number(row.patients_for_90),
        )
    for each in joint:
        needed = [_largest(sizes) for sizes in (each.patients_for_80, each.patients_for_90)]
        skill = "" if each.auroc is None else _auroc(each.auroc)
        opens = chance(each.open_if_honest)
        table.add_row(f"all {each.targets}", "", "", skill, opens, *[""] * len(KEPT), *needed)
    return table


def _largest(sizes: dict[str, int] | None) -> str:
    """Patients of the largest data set; the others grow alike."""
    return number(None if sizes is None else max(sizes.values()))

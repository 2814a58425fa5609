"""What the data could decide: in the plan before, and in record and report after an audit."""

from __future__ import annotations

from audit_suite.planning.forecast import Forecast
from audit_suite.record import load_record

ASKED = ("--audit-suite=region-sensitivity", "-k", "skill_is_shown or stays_without_the_box")


def test_plan_record_and_report_say_what_the_data_could_decide(world):
    plan = world.run(*ASKED, "--audit-plan", "--audit-evidence=own", dataset="small")
    plan.stdout.fnmatch_lines(["what these data could decide:", "honest on small", "sick *60*"])

    world.run(*ASKED, "--audit-evidence=own", "--audit-report=audit.html", dataset="small")
    record = load_record(world.path / "audit.json")
    (found,) = map(Forecast.model_validate, record.sections["reach"])
    (skill,) = [f for f in record.findings if f.check == "R1"]
    assert (found.model, found.dataset, found.target) == ("honest", "small", "sick")
    assert found.floor == skill.comparisons[0].margin
    assert found.auroc == min(skill.comparisons[0].estimate.value, 0.99)
    assert found.measured is not None
    page = (world.path / "audit.html").read_text(encoding="utf-8")
    assert '<h2 id="h-reach">What these data could decide</h2>' in page
    if found.measured.patients_to_decide is not None:
        assert "honest on small, sick is undecided: " in page

    again = world.run(*ASKED, "--audit-plan", "--audit-evidence=own", dataset="small")
    again.stdout.fnmatch_lines(["*variances and correlations measured on stored scores*"])


def test_without_the_checks_that_open_the_gate_nothing_is_forecast(world):
    world.run("--audit-suite=region-sensitivity", "-k", "scores_shift", dataset="small")
    record = load_record(world.path / "audit.json")
    assert "reach" not in record.sections

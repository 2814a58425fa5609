"""Verdicts: what a check does decides its verdict, its outcome and the exit code."""

from __future__ import annotations

import json
import shlex

import pytest

from audit_suite.audit.verify import contradictions
from audit_suite.record import Record

HIDDEN = """
@check("own", hidden=auroc(WithoutROI()))
def test_background(hidden):
    '''Does the background tell?'''
    assert hidden.distance_to(0.5) < 0.1
"""


def findings(world):
    record = json.loads((world.path / "audit.json").read_text())
    return record, {found["id"]: found for found in record["findings"]}


def test_honest_model_passes_and_opens_the_gate(world):
    world.check(HIDDEN)
    result = world.run("test_checks.py")
    assert result.ret == 0
    record, found = findings(world)
    assert record["decision"] == "open"
    (finding,) = found.values()
    assert finding["verdict"] == "pass"
    assert finding["question"] == "Does the background tell?"
    assert finding["margin"] == 0.1
    assert finding["estimate"]["n_patients"] == 800
    assert finding["estimate"]["n_positives"] == 400


def test_shortcut_model_fails_and_closes_the_gate(world):
    world.check(HIDDEN)
    result = world.run("test_checks.py", model="shortcut")
    assert result.ret == 1
    record, found = findings(world)
    assert record["decision"] == "closed"
    assert [f["verdict"] for f in found.values()] == ["fail"]
    result.stdout.fnmatch_lines(["*AUROC*is not below 0.1*", "*audit: CLOSED*", "*FAIL*own*"])


def test_small_data_are_inconclusive_with_their_own_exit_code(world):
    world.check(HIDDEN)
    result = world.run("test_checks.py", dataset="small")
    assert result.ret == 10
    record, found = findings(world)
    assert record["decision"] == "undecided"
    (finding,) = found.values()
    assert finding["verdict"] == "inconclusive"
    assert finding["comparisons"][0]["smallest_effect"] > 0.1


def test_an_inconclusive_never_overrides_a_fail(world):
    world.check(HIDDEN)
    result = world.run("test_checks.py", model="shortcut", dataset="small,big")
    assert result.ret == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("    raise ValueError('odd')", "ValueError: odd"),
        ("    pass", "compared no estimate"),
        ("    import pytest; pytest.skip('not today')", "Skipped: not today"),
        ("    full == 0.5", "TypeError"),
        ("    float(full)", "TypeError"),
    ],
)
def test_anything_but_an_assertion_is_an_error(world, body, reason):
    world.check(f"@check('X', full=auroc())\ndef test_x(full):\n{body}\n")
    result = world.run("test_checks.py")
    assert result.ret == 1
    (finding,) = findings(world)[1].values()
    assert finding["verdict"] == "error"
    assert reason in finding["reason"]


def test_a_plain_assertion_fails(world):
    world.check("@check('X', full=auroc())\ndef test_x(full):\n    assert False, 'no'\n")
    assert world.run("test_checks.py").ret == 1
    (finding,) = findings(world)[1].values()
    assert (finding["verdict"], finding["reason"]) == ("fail", "no")


@pytest.mark.parametrize("words", ["", ", 'look at the marker'"])
def test_words_of_an_assertion_follow_its_comparison(world, words):
    world.check(
        "@check('X', hidden=auroc(WithoutROI()))\ndef test_x(hidden):\n"
        f"    assert hidden.distance_to(0.5) < 0.1{words}\n"
    )
    world.run("test_checks.py", model="shortcut")
    (finding,) = findings(world)[1].values()
    assert finding["verdict"] == "fail"
    assert finding["reason"].startswith("the distance of AUROC without ROI")
    assert finding["reason"].endswith("; look at the marker") == bool(words)


def test_a_failed_comparison_cannot_be_turned_round(world):
    world.check(
        "@check('X', hidden=auroc(WithoutROI()))\ndef test_x(hidden):\n"
        "    assert not hidden.distance_to(0.5) < 0.1\n"
    )
    result = world.run("test_checks.py", model="shortcut")
    assert result.ret == 1
    (finding,) = findings(world)[1].values()
    assert finding["verdict"] == "fail"


def test_xfail_does_not_open_the_gate(world):
    world.check("import pytest\n@pytest.mark.xfail\n" + HIDDEN.strip() + "\n")
    result = world.run("test_checks.py", model="shortcut")
    assert result.ret == 1


def test_reported_only_and_not_applicable_leave_the_order(world):
    world.check(
        HIDDEN
        + "@check('shift', full=auroc())\ndef test_report(full):\n"
        + "    report_only(full, because='it is only a number')\n"
        + "@check('N')\ndef test_nothing(audit):\n    raise NotApplicable('no reason to')\n"
    )
    world.policy("own")
    result = world.run("test_checks.py")
    assert result.ret == 0
    record, found = findings(world)
    assert record["counts"]["not_applicable"] == 2
    assert found["shift/honest/big/sick"]["observations"][0]["value"] > 0.8
    assert found["N/honest/big/sick"]["reason"] == "no reason to"


def test_nothing_but_not_applicable_never_opens_the_gate(world):
    world.check("@check('N')\ndef test_nothing(audit):\n    raise NotApplicable('no')\n")
    assert world.run("test_checks.py").ret == 11
    assert findings(world)[0]["decision"] == "partial"


def test_no_declared_roi_is_not_applicable(world, images):
    world.dataset("big", images(800), roi="[]")
    world.check(HIDDEN)
    assert world.run("test_checks.py").ret == 11
    (finding,) = findings(world)[1].values()
    assert "declares no ROI" in finding["reason"]


def test_lists_are_cases_and_tuples_are_families(world):
    world.check(
        "fills = [auroc(WithoutROI(fill=f)) for f in ('black', 'mean')]\n"
        "@check('L', hidden=fills)\ndef test_list(hidden):\n"
        "    assert hidden.distance_to(0.5) < 0.1\n"
        "@check('T', hidden=tuple(fills))\ndef test_tuple(hidden):\n"
        "    assert hidden.distance_to(0.5) < 0.1\n"
    )
    assert world.run("test_checks.py").ret == 0
    assert sorted(findings(world)[1]) == [
        "L/honest/big/sick/without-roi",
        "L/honest/big/sick/without-roi-mean",
        "T/honest/big/sick",
    ]


def test_evidence_on_demand(world):
    world.check(
        "@check('D')\ndef test_demand(audit):\n"
        "    assert audit(auroc(WithoutROI(dilation=1))).distance_to(0.5) < 0.1\n"
        "@check('E', full=auroc())\ndef test_both(full, audit):\n"
        "    assert full - audit(auroc(OnlyROI())) < 0.1\n"
    )
    assert world.run("test_checks.py").ret == 0


def test_a_card_overrides_a_margin(world, images):
    world.dataset("big", images(800), more='margins.M = { value = 0.9, source = "protocol 3.1" }')
    world.check(
        "@check('M', full=auroc(), margin=Margin(0.01, source='default'))\n"
        "def test_m(full, margin):\n    assert full.distance_to(0.5) < margin\n"
    )
    assert world.run("test_checks.py").ret == 0
    (finding,) = findings(world)[1].values()
    assert finding["margin"] == 0.9
    assert "protocol 3.1" in finding["margin_source"]
    assert "data set card 'big'" in finding["margin_source"]


def test_level_is_shared_among_the_cases_of_a_check(world):
    world.check(HIDDEN)
    world.run("test_checks.py", model="honest,shortcut")
    _record, found = findings(world)
    levels = [c["fail_level"] for f in found.values() for c in f["comparisons"]]
    assert levels == pytest.approx([0.0125, 0.0125]), "a quarter: each model is a release"
    assert all(c["p_holm"] >= c["p_raw"] for f in found.values() for c in f["comparisons"])
    world.run("test_checks.py", "--audit-multiplicity=none", model="honest,shortcut")
    levels = [c["fail_level"] for f in findings(world)[1].values() for c in f["comparisons"]]
    assert levels == pytest.approx([0.05, 0.05])


def test_each_fold_is_audited_as_a_model_of_its_own(world):
    (world.path / "fold.py").write_text(
        (world.path / "model.py").read_text()
        + "\nimport pathlib\ndef fold(weights):\n    return Window(pathlib.Path(weights).read_text())\n"
    )
    for where in ("roi", "corner"):
        (world.path / f"{where}.txt").write_text(where)
    world.model("folded", "roi")
    card = world.path / "folded.toml"
    text = card.read_text().replace("model.py:build", "fold.py:fold")
    text = text.replace('arguments = { where = "roi" }', 'folds = ["roi.txt", "corner.txt"]')
    card.write_text(text)
    world.check(HIDDEN)
    assert world.run("test_checks.py", "--audit-folds=each", model="folded").ret == 1
    record, found = findings(world)
    assert found["own/folded.fold0/big/sick"]["verdict"] == "pass"
    assert found["own/folded.fold1/big/sick"]["verdict"] == "fail"
    assert [m["name"] for m in record["provenance"]["models"]] == ["folded.fold0", "folded.fold1"]


def test_the_command_of_a_finding_repeats_it(world):
    (world.path / "pytest.toml").write_text(
        "[pytest]\n"
        'audit_executor = "inline"\n'
        'audit_device = "cpu"\n'
        'audit_cache = "off"\n'
        f'audit_evidence = "{world.evidence.as_posix()}"\n'
    )
    world.check(HIDDEN)
    world.run("test_checks.py", model="shortcut")
    (finding,) = findings(world)[1].values()
    words = shlex.split(finding["command"])
    assert words[0] == "pytest"
    again = world.pytester.runpytest_inprocess(*words[1:])
    assert again.ret == 1
    again.stdout.fnmatch_lines(["*FAIL*own*"])


def test_one_wrong_column_is_one_error_not_one_for_each_check(world):
    """In every way to run; pytest shows one failure, and the decision counts them all."""
    world.check(
        """
@check("A", full=auroc())
def test_a(full):
    assert full > 0.5

@check("B", hidden=auroc(WithoutROI()))
def test_b(hidden):
    assert hidden.distance_to(0.5) < 0.1

@check("C", only=auroc(OnlyROI()))
def test_c(only):
    assert only > 0.5
"""
    )
    card = world.path / "small.toml"
    card.write_text(card.read_text().replace('column = "sick"', 'column = "ill"'))
    records = []
    for more in ([], ["-n2"]):
        result = world.run("test_checks.py", *more, dataset="small")
        assert result.ret == 1
        records.append(world.record())
        (finding,) = records[-1]["findings"]
        assert (finding["id"], finding["verdict"]) == ("A/honest/small/sick", "error")
        assert finding["also"] == ["B/honest/small/sick", "C/honest/small/sick"]
        assert "targets.sick.column = 'ill': no such column in" in finding["reason"]
        assert records[-1]["counts"]["error"] == 1
        result.stdout.fnmatch_lines(
            [
                "an error left 3 of 3 checks without a verdict.",
                "  ERROR          A *, and 2 more checks",
            ]
        )
        if not more:  # with workers, each shows its own first
            result.stdout.fnmatch_lines(["*1 failed, 2 same error*"])
        assert not list(contradictions(Record.model_validate(records[-1])))
    assert records[0]["digest"] == records[1]["digest"]

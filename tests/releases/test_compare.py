"""Two records side by side: paired by patient, by overlap of intervals, or not at all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from releases.made import DATA, asked, estimates, record_of, scores_of
from sklearn.metrics import roc_auc_score

from audit_suite.audit.policy import load_policy
from audit_suite.evidence.store import EvidenceStore
from audit_suite.releases.compare import MARGIN, compare
from audit_suite.releases.influences import keep_influences, read_influences
from audit_suite.releases.losses import judge_loss
from audit_suite.releases.side import Side
from audit_suite.statistics import DecisionRule, Margin, estimate_auroc, share_kept
from audit_suite.statistics.scale import Scale


@pytest.fixture
def store(tmp_path):
    return EvidenceStore(tmp_path / "evidence")


def compared(old, new, *stores, margin=None):
    record, _ = compare(old, Side.of(old, stores), Side.of(new, stores), margin)
    return record


def kinds(record):
    return {change.check: change.kind for change in record.changes}


def test_a_record_against_itself_is_unchanged_to_the_last_digit(store):
    labels, scores = scores_of(1)
    record = record_of(labels, scores, store=store)
    found = compared(record, record, store)
    assert set(kinds(found).values()) == {"unchanged"}
    assert not found.regressions
    for change in found.changes:
        assert change.paired
        assert change.loss.value == change.loss.low == change.loss.high == 0
    assert found.notes == ["model 'm' is the same as before, byte for byte"]


@pytest.mark.parametrize("seed", [2, 3])
def test_a_paired_loss_is_the_difference_of_the_estimates_themselves(store, seed):
    labels, before = scores_of(seed)
    _, now = scores_of(seed + 50, 1.5, 0.3)
    old, new = (record_of(labels, s, n, store) for s, n in ((before, "a"), (now, "b")))
    (full0, hidden0), (full1, hidden1) = estimates(labels, before), estimates(labels, now)
    found = {change.check: change.loss for change in compared(old, new, store).changes}
    share, earlier = share_kept(hidden1, full1), share_kept(hidden0, full0)
    for check, exact in (("R1", full0 - full1), ("R8-box", share - earlier)):
        expected = exact.value, *exact.interval(0.95)
        assert (found[check].value, found[check].low, found[check].high) == pytest.approx(
            expected, abs=1e-6
        )


def test_paired_intervals_are_those_of_a_bootstrap_of_patients(store):
    labels, before = scores_of(4, 1.8, 0.6, patients=600)
    _, now = scores_of(54, 1.5, 1.0, patients=600)
    old, new = (record_of(labels, s, n, store) for s, n in ((before, "a"), (now, "b")))
    found = {change.check: change.loss for change in compared(old, new, store).changes}
    rng = np.random.default_rng(0)
    sick, well = np.flatnonzero(labels), np.flatnonzero(1 - labels)
    drawn = []
    for _ in range(400):
        chosen = np.concatenate([rng.choice(sick, len(sick)), rng.choice(well, len(well))])
        full0, hidden0, full1, hidden1 = (
            roc_auc_score(labels[chosen], scores[k][chosen])
            for scores in (before, now)
            for k in (0, 1)
        )
        distance = abs(hidden1 - 0.5) - abs(hidden0 - 0.5)
        share = (hidden1 - 0.5) / (full1 - 0.5) - (hidden0 - 0.5) / (full0 - 0.5)
        drawn.append((full0 - full1, distance, share))
    spread = np.std(drawn, axis=0)
    for check, sd in zip(("R1", "R3", "R8-box"), spread, strict=True):
        half = (found[check].high - found[check].low) / 2
        assert half == pytest.approx(1.96 * sd, rel=0.12), check


def test_without_evidence_intervals_must_not_overlap(store):
    labels, before = scores_of(5)
    _, now = scores_of(55, 1.6)
    old, new = (record_of(labels, s, n, store) for s, n in ((before, "a"), (now, "b")))
    paired, apart = compared(old, new, store), compared(old, new)
    assert any("overlap of intervals" in note for note in apart.notes)
    for one, other in zip(paired.changes, apart.changes, strict=True):
        assert one.paired
        assert not other.paired
        assert one.loss.value == pytest.approx(other.loss.value)
        assert other.loss.high - other.loss.low > one.loss.high - one.loss.low


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.6, 2.4), st.floats(0.6, 2.4))
def test_an_unpaired_loss_is_shown_only_where_the_intervals_are_apart(seed, first, second):
    labels, before = scores_of(seed, first)
    _, now = scores_of(seed + 1, second)
    old, new = (record_of(labels, s).findings[0].comparisons[0] for s in (before, now))
    rule = DecisionRule(0.05, 4)
    judged = judge_loss(old, new, (None, None), Margin(1e-9, "none"), rule)
    level = 1 - 2 * 0.05 / 4
    full = [estimates(labels, scores)[0] for scores in (before, now)]
    df = min(estimate.df for estimate in full)
    ends = [Scale(estimate.value, estimate.se, df, None, 0.0).interval(level) for estimate in full]
    assert (judged.verdict == "fail") == (ends[1][1] < ends[0][0] - 1e-9)


def test_a_shortcut_in_place_of_an_honest_model_is_a_regression_and_back_is_fixed(store):
    labels, honest = scores_of(6)
    _, shortcut = scores_of(56, 1.8, 1.8)
    old, new = (record_of(labels, s, n, store) for s, n in ((honest, "a"), (shortcut, "b")))
    there, back = compared(old, new, store), compared(new, old, store)
    assert kinds(there) == {"R1": "unchanged", "R3": "new", "R8-box": "new"}
    assert {change.check for change in there.regressions} == {"R3", "R8-box"}
    assert kinds(back) == {"R1": "unchanged", "R3": "fixed", "R8-box": "fixed"}
    assert not back.regressions
    assert there.models == {"b": "a"}


def test_what_passes_can_be_worse_and_the_margin_decides(store):
    labels, before = scores_of(7, 2.4, patients=1200, noise=0.1)
    _, now = scores_of(57, 1.6, patients=1200, noise=0.1)
    old, new = (record_of(labels, s, n, store) for s, n in ((before, "a"), (now, "b")))
    found = compared(old, new, store)
    (skill,) = [change for change in found.changes if change.check == "R1"]
    assert (skill.before, skill.now, skill.kind) == ("pass", "pass", "worse")
    assert skill.loss.low > MARGIN
    assert kinds(compared(old, new, store, margin=0.3))["R1"] == "unchanged"


def test_what_a_policy_allows_a_release_may_use_but_it_is_listed(store):
    labels, before = scores_of(16, 2.4, 0.0, patients=3000, noise=0.1)
    _, now = scores_of(66, 2.4, 0.42, patients=3000, noise=0.1)
    old, new = (
        record_of(labels, s, n, store, without=("R8-box",)) for s, n in ((before, "a"), (now, "b"))
    )
    record, losses = compare(old, Side.of(old, [store]), Side.of(new, [store]))
    found = {change.check: change for change in record.changes}
    assert (found["R3"].now, found["R3"].kind, found["R3"].regression) == ("pass", "worse", False)
    assert not record.regressions
    assert all(loss.verdict != "fail" for some in losses.others.values() for loss in some)


def test_a_check_that_was_left_out_is_lost_and_one_more_is_added():
    labels, scores = scores_of(8)
    whole, part = record_of(labels, scores), record_of(labels, scores, without=("R3",))
    lost, added = compared(whole, part), compared(part, whole)
    assert (kinds(lost)["R3"], [c.check for c in lost.regressions]) == ("lost", ["R3"])
    assert (kinds(added)["R3"], added.regressions) == ("added", [])


def test_a_guard_that_does_not_apply_any_more_is_listed_and_no_regression():
    labels, scores = scores_of(8)
    before, now = record_of(labels, scores), record_of(labels, scores)
    now.findings[1].verdict, now.findings[1].reason = "not_applicable", "no region"
    found = compared(before, now)
    assert kinds(found)["R3"] == "lost"
    assert not found.regressions
    now.findings[0].verdict = "not_applicable"
    assert [c.check for c in compared(before, now).regressions] == ["R1"]


def test_other_data_are_not_compared_and_the_way_out_is_named(store):
    labels, scores = scores_of(9)
    old = record_of(labels, scores, store=store)
    new = record_of(labels, scores_of(59, 0.2)[1], store=store, data="e" * 64)
    found = compared(old, new, store)
    assert set(kinds(found).values()) == {"not compared"}
    assert not found.regressions
    assert any("audit the baseline's model on these data" in note for note in found.notes)


def test_verdicts_under_another_margin_are_not_compared_but_estimates_are(store):
    labels, before = scores_of(10, patients=1200)
    same = record_of(labels, before, store=store)
    stricter = record_of(labels, before, store=store, floor=0.99)
    found = compared(same, stricter, store)
    (skill,) = [change for change in found.changes if change.check == "R1"]
    assert (skill.now, skill.kind) == ("fail", "unchanged")
    assert "the margin was 0.6 and is 0.99" in skill.reason
    assert skill.loss.value == 0


def test_of_several_models_those_of_one_name_belong_together_and_the_rest_is_said():
    labels, scores = scores_of(11)
    old, new = record_of(labels, scores, "a"), record_of(labels, scores, "b")
    more = record_of(labels, scores, "c")
    old.findings += more.findings
    old.provenance.models += more.provenance.models
    found = compared(old, new)
    assert found.models == {}
    assert {change.kind for change in found.changes} == {"added", "lost"}
    assert any("audit one model at a time" in note for note in found.notes)
    new.findings += record_of(labels, scores, "a").findings
    assert compared(old, new).models == {"a": "a", "b": "c"}


def test_other_policies_settings_and_releases_are_noted():
    labels, scores = scores_of(12)
    policy = load_policy().model_copy(update={"name": "strict"})
    old, new = record_of(labels, scores), record_of(labels, scores, policy=policy)
    new.provenance.settings.seed, new.provenance.audit_suite = 3, "9.9"
    notes = " / ".join(compared(old, new).notes)
    for words in ("'default' before, 'strict' now", "seed was 1907, and is 3", "9.9 this record"):
        assert words in notes


def test_evidence_of_another_model_is_never_taken_for_ones_own(store):
    labels, scores = scores_of(13)
    record = record_of(labels, scores, store=store)
    record.provenance.models[0].digest = "0" * 64
    assert not any(change.paired for change in compared(record, record, store).changes)


def test_what_is_stored_names_no_patient_and_a_named_one_is_not_stored(store, tmp_path):
    labels, scores = scores_of(14)
    names = np.array([f"Mustermann{n}" for n in range(len(labels))])
    finding, recorded = asked(
        "R1", "required", lambda: estimate_auroc(labels, scores[0], names, DATA) > 0.6
    )
    keep_influences(store, finding, recorded.comparisons, "1" * 64, DATA)
    assert read_influences([store], finding, "1" * 64, DATA) == [None]
    record_of(labels, scores, store=store)
    assert list(store.root.rglob("*.safetensors"))
    assert not any(
        b"Mustermann" in file.read_bytes() for file in store.root.rglob("*") if file.is_file()
    )


def test_a_store_that_cannot_be_written_stops_no_audit(tmp_path):
    (tmp_path / "file").write_text("")
    labels, scores = scores_of(15)
    record_of(labels, scores, store=EvidenceStore(tmp_path / "file" / "evidence"))

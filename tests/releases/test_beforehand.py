"""An audit with a ledger, and with what was fixed before: what its record says, and when it opens."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from releases.tiny import BAD, GOOD, POLICY, audited
from typer.testing import CliRunner

from audit_suite.audit.beforehand import patients_of
from audit_suite.audit.policy import load_policy
from audit_suite.audit.verify import contradictions
from audit_suite.cards import load_dataset_card, load_model_card
from audit_suite.cli import app
from audit_suite.datasets import load_dataset
from audit_suite.releases import fixed
from audit_suite.releases.ledger import read_ledger
from audit_suite.releases.patients import SECRET
from audit_suite.report import render_html


@pytest.fixture
def here(world, tmp_path):
    """The folder of a policy; models and data are in ``world``."""
    (world / "net.py").write_text(GOOD)
    (world / SECRET).unlink(missing_ok=True)
    (tmp_path / "policy.toml").write_text(POLICY)
    return tmp_path


def judged(world, here, net=GOOD, **more):
    (world / "net.py").write_text(net)
    return audited(
        world, **{"ledger": here / "ledger.jsonl", "policy": here / "policy.toml"} | more
    )


def add(here, line):
    (here / "policy.toml").write_text(POLICY.replace("[[targets]]", f"{line}\n[[targets]]"))


def shut(record):
    return [deviation.what for deviation in record.policy.deviations if deviation.never_opens]


def test_the_nth_model_on_the_same_patients_is_said_and_a_repeated_audit_is_the_same(world, here):
    first, second = judged(world, here), judged(world, here, BAD)
    again = judged(world, here, BAD)
    assert first.policy.beforehand == ["model is the 1st model judged on the patients of data"]
    assert second.policy.beforehand[0].endswith(
        "2nd model judged on the patients of data; margins unchanged since the first; 1 look was "
        "declared: test set spent"
    )
    assert second.decision == "open", "it is said; a policy may ask for more"
    same = [record.model_dump(exclude={"environment"}) for record in (second, again)]
    assert same[0] == same[1]
    assert not list(contradictions(again))
    assert "test set spent" in render_html(second)
    ledger = read_ledger(here / "ledger.jsonl")
    assert [each.record for each in ledger.entries] == [first.digest, second.digest, again.digest]
    assert again.environment["ledger"] == {"entry": 3, "hash": ledger.head}
    assert not (world / SECRET).exists(), "made-up patients need none"
    cases = load_dataset(load_dataset_card(world / "data.toml")).cases
    text = (here / "ledger.jsonl").read_text()
    assert not [case.patient for case in cases if f'"{case.patient}"' in text]


def test_changed_margins_are_counted(world, here):
    judged(world, here)
    add(here, "confidence = 0.9")
    once = judged(world, here, confidence=0.9)
    assert "margins changed once since the first" in once.policy.beforehand[0]


def test_a_policy_may_keep_the_gate_shut_on_a_spent_test_set(world, here):
    add(here, "spent_opens = false")
    assert judged(world, here).decision == "open"
    spent = judged(world, here, BAD)
    assert spent.decision == "partial"
    assert "test set spent" in shut(spent)[0]
    add(here, "spent_opens = false\nlooks = 2")
    (here / "ledger.jsonl").unlink()
    judged(world, here)
    assert judged(world, here, BAD).decision == "open"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda path: path.write_text(path.read_text().replace('"open"', '"closed"')),
            "was edited",
        ),
        (lambda path: path.write_text(path.read_text()[:-9]), "is incomplete"),
        (lambda path: (path.unlink(), path.mkdir()), "cannot be read"),
    ],
)
def test_a_ledger_that_cannot_be_used_stops_no_audit_and_is_said(world, here, spoil, said):
    judged(world, here)
    path = here / "ledger.jsonl"
    spoil(path)
    record = judged(world, here)
    assert record.decision == "open"
    assert any(said in note for note in record.policy.beforehand)
    assert said in record.environment["ledger"]["problem"]
    add(here, "spent_opens = false")
    assert judged(world, here).decision == "partial"


def test_without_a_secret_looks_are_counted_by_digest(world, here, monkeypatch):
    monkeypatch.setattr("audit_suite.audit.beforehand.patients_of", lambda *_: None)
    judged(world, here)
    record = judged(world, here, BAD)
    assert any("looks are counted by the digest of the data" in n for n in record.policy.beforehand)
    assert any("2nd model" in note for note in record.policy.beforehand)


def test_no_ledger_and_no_freeze_leave_no_trace(world, here):
    record = audited(world, policy=here / "policy.toml")
    assert "beforehand" not in json.loads(record.to_json())["policy"]
    assert "ledger" not in record.environment
    assert set(record.policy.content) & {"frozen", "spent_opens", "baseline_margin"} == set()


def frozen(world, here, *options):
    done = CliRunner().invoke(
        app,
        [
            "policy",
            "freeze",
            str(here / "policy.toml"),
            str(world / "model.toml"),
            str(world / "data.toml"),
            *options,
        ],
    )
    assert done.exit_code == 0, (done.output, done.exception)
    return here / "policy.freeze.json"


def test_what_was_frozen_and_kept_opens_and_is_said(world, here):
    add(here, "frozen = true")
    path = frozen(world, here)
    record = judged(world, here, ledger=None)
    assert record.decision == "open"
    today = datetime.now(UTC).date()
    assert record.policy.beforehand == [
        f"policy, margins and claims were fixed on {today}, and this audit kept to them"
    ]
    assert not list(contradictions(record))
    again = CliRunner().invoke(app, ["policy", "freeze", str(here / "policy.toml")])
    assert "what was frozen once is not frozen again" in str(again.exception)
    assert path.exists()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda p: p.unlink(), "nothing was fixed before the data were seen"),
        (lambda p: p.write_text("{}"), "does not say what was fixed"),
        (lambda p: p.write_text(p.read_text().replace('"time": "2', '"time": "1')), "was altered"),
        (
            lambda p: (p.with_name("policy.toml")).write_text(
                p.with_name("policy.toml").read_text().replace('"small"', '"other"')
            ),
            "the policy was changed after it was fixed",
        ),
    ],
)
def test_each_thing_wrong_with_a_freeze_is_one_sentence_and_keeps_the_gate_shut(
    world, here, spoil, said
):
    add(here, "frozen = true")
    spoil(frozen(world, here))
    record = judged(world, here, ledger=None)
    (note,) = shut(record)
    assert said in note
    assert record.decision == "partial"
    assert not list(contradictions(record))


def test_a_policy_that_asks_for_no_freeze_says_it_and_opens(world, here):
    path = frozen(world, here)
    path.write_text("{}")
    record = judged(world, here, ledger=None)
    assert record.decision == "open"
    assert "does not say what was fixed" in record.policy.beforehand[0]


def test_margins_claims_and_cards_that_came_later_are_named(world, tmp_path):
    model, data = load_model_card(world / "model.toml"), load_dataset_card(world / "data.toml")
    digest = load_policy().digest()
    now = datetime(2026, 11, 1, tzinfo=UTC)
    kept = fixed.freeze(digest, [model], [data], now, date(2026, 12, 1))
    day = date(2026, 11, 5)
    assert not list(fixed.departures(kept, digest, [model], [data], day))
    assert list(fixed.departures(kept, digest, [model], [data], date(2026, 12, 2))) == [
        "what was fixed on 2026-11-01 counted until 2026-12-01"
    ]
    text = (world / "model.toml").read_text()
    (tmp_path / "m.toml").write_text(
        text.replace("[input]", "[claims.consolidation]\nauroc = 0.9\nsource = 'us'\n[input]")
    )
    claiming = load_model_card(tmp_path / "m.toml")
    (said,) = fixed.departures(kept, digest, [claiming], [data], day)
    assert said.startswith("margins or claims in the card of model 'model' were changed after")
    other = claiming.model_copy(update={"name": "other"})
    (said,) = fixed.departures(kept, digest, [other], [data], day)
    assert "of model 'other' were not fixed on 2026-11-01" in said
    plain = model.model_copy(update={"name": "other"})
    assert not list(fixed.departures(kept, digest, [plain], [data], day)), "it claims nothing"


def test_a_day_that_has_passed_and_a_wrong_card_are_refused(world, here):
    for more, said in (
        (["--expires", str(date.today() - timedelta(days=2))], "has passed"),
        ([str(here / "none.toml")], "none.toml"),
    ):
        done = CliRunner().invoke(app, ["policy", "freeze", str(here / "policy.toml"), *more])
        assert said in str(done.exception)
        assert not (here / "policy.freeze.json").exists()


def test_the_order_of_models_does_not_matter_to_the_digest_of_margins(world):
    model, data = load_model_card(world / "model.toml"), load_dataset_card(world / "data.toml")
    renamed = model.model_copy(update={"name": "zz"})
    assert fixed.margins_digest("p", [model], [data]) == fixed.margins_digest(
        "p", [renamed], [data]
    )
    assert fixed.margins_digest("p", [model], [data]) != fixed.margins_digest("q", [model], [data])


def test_real_patients_are_hashed_with_a_secret_and_made_up_ones_with_their_data_set(world):
    card = load_dataset_card(world / "data.toml")
    dataset = load_dataset(card)
    real = card.model_copy(update={"reader": "manifest"})
    real._path = world / "real" / "data.toml"
    real._path.parent.mkdir()
    made_up, hashed = patients_of(card, dataset), patients_of(real, dataset)
    assert made_up.n == hashed.n == len({case.patient for case in dataset.cases})
    assert made_up.secret != hashed.secret
    assert (world / "real" / SECRET).exists()
    assert patients_of(real, dataset) == hashed

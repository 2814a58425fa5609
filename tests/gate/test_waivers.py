"""Waivers: whom they cover, how long they run, and what becomes of them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from gate.made import finding

from audit_suite.audit.waivers import Waiver, expired_waivers, load_waivers, today, waiver_states
from audit_suite.errors import AuditError

DAY = date(2030, 1, 2)


def waiver(**more):
    entry = {"check": "R2", "owner": "o", "reason": "r", "expires": DAY}
    return Waiver(**(entry | more))


def test_waivers_cover_by_identity_and_until_their_day():
    assert waiver().covers("R2", "m", "d", "t")
    assert not waiver().covers("R3", "m", "d", "t")
    assert not waiver(model="n").covers("R2", "m", "d", "t")
    assert waiver(target="t").covers("R2", "m", "d", "t")
    assert not waiver().expired(DAY)
    assert waiver().expired(DAY + timedelta(days=1))


def test_what_becomes_of_a_waiver():
    future, past = today() + timedelta(days=9), today() - timedelta(days=1)
    waivers = [
        waiver(expires=future),
        waiver(expires=future, model="gone"),
        waiver(expires=past),
        waiver(expires=past, model="gone"),
    ]
    states = waiver_states(waivers, [finding("R2", "waived"), finding("R3", "pass")])
    assert [state.state for state in states] == ["used", "needless", "expired", "expired"]
    assert expired_waivers(states) == [f"the waiver of R2 by o expired on {past}"] * 2


def write(tmp_path, text):
    (tmp_path / "w.toml").write_text(text)
    return load_waivers(tmp_path / "w.toml", 366, DAY)


ENTRY = '[[waiver]]\ncheck = "R2"\nowner = "o"\nreason = "r"\nexpires = 2030-06-01\n'


def test_a_waiver_file(tmp_path):
    (read,) = write(tmp_path, ENTRY.replace('"o"', '"  Dr Who "'))
    assert (read.owner, read.expires) == ("Dr Who", date(2030, 6, 1))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("expires = 2030-06-01", "", "waiver.0.expires"),
        ('owner = "o"', 'owner = ""', "waiver.0.owner"),
        ('owner = "o"', 'owner = " \\t "', "waiver.0.owner"),
        ('reason = "r"', 'reason = "\\n"', "waiver.0.reason"),
        ('check = "R2"', 'check = " "', "waiver.0.check"),
        ("[[waiver]]", "[[waivers]]", "waivers"),
        ("[[waiver]]", "[[waiver", "not valid TOML"),
        ("2030-06-01", "2031-01-04", "allows 366 days"),
    ],
)
def test_bad_waiver_files(tmp_path, before, after, said):
    with pytest.raises(AuditError, match="--audit-waivers") as caught:
        write(tmp_path, ENTRY.replace(before, after))
    assert said in str(caught.value)


def test_the_longest_waiver_is_the_policys(tmp_path):
    write(tmp_path, ENTRY.replace("2030-06-01", "2031-01-03"))
    with pytest.raises(AuditError, match="allows 30 days"):
        load_waivers(tmp_path / "w.toml", 30, DAY)


def test_missing_waiver_file(tmp_path):
    with pytest.raises(AuditError, match=r"--audit-waivers: .*does not exist"):
        load_waivers(tmp_path / "none.toml", 366, DAY)

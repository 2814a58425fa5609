"""The policy file: what it requires of which target, and what is wrong with one."""

from __future__ import annotations

import pytest

from audit_suite.audit.policy import DEFAULT, load_policy
from audit_suite.audit.suites import suite_of
from audit_suite.errors import AuditError

PLACE = ("m", "d", "t")
TWO_KINDS = """
schema = 1
name = "two"
[[targets]]
match = ["view", "side-*"]
required = ["R1"]
[[targets]]
match = ["*"]
required = ["R1", "R8-box", "mine"]
"""


def policy(tmp_path, text):
    (tmp_path / "p.toml").write_text(text)
    return load_policy(tmp_path / "p.toml")


def test_the_default_requires_shipped_checks_of_every_target():
    required = load_policy().kind("anything").required
    assert {"R1", "R8-box"} <= set(required)
    assert all(suite_of(check) for check in required)
    assert load_policy().role("R3", "anything") == "guard"
    assert load_policy().role("C14", "anything") == "data"
    assert load_policy().role("M1", "anything") == "context"
    assert load_policy().role("M7", "anything") == "shown"
    asked = {check.check: suite_of(check.check) for check in load_policy().asked_checks([PLACE])}
    assert asked == {"C14": "input", "R5": "region-sensitivity", "R13": "region-sensitivity"}


def test_the_first_kind_that_matches_applies(tmp_path):
    two = policy(tmp_path, TWO_KINDS)
    assert two.kind("view").required == two.kind("side-left").required == ("R1",)
    assert two.kind("effusion").required == ("R1", "R8-box", "mine")
    assert two.role("R8-box", "view") == "guard"
    asked = two.required_checks([("m", "d", "view"), ("m", "d", "effusion")])
    assert [(r.target, r.check) for r in asked][:2] == [("view", "R1"), ("effusion", "R1")]


def test_the_digest_is_of_what_it_says(tmp_path):
    assert policy(tmp_path, TWO_KINDS).digest() == policy(tmp_path, "# x\n" + TWO_KINDS).digest()
    other = TWO_KINDS.replace('"R8-box", ', "")
    assert policy(tmp_path, TWO_KINDS).digest() != policy(tmp_path, other).digest()


def test_a_target_of_no_kind_is_an_error(tmp_path):
    narrow = policy(tmp_path, TWO_KINDS.replace('match = ["*"]', 'match = ["effusion"]'))
    with pytest.raises(AuditError, match="no kind of target that matches 'nodule'"):
        narrow.kind("nodule")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('required = ["R1"]', "required = []", "targets.0.required"),
        ('match = ["*"]', "match = []", "targets.1.match"),
        ('name = "two"', 'name = ""', "key 'name'"),
        ('name = "two"', 'name = "a\\u001bb"', "key 'name'"),
        ('name = "two"', 'name = "two"\nconfidence = 0.2', "key 'confidence'"),
        ('name = "two"', 'name = "two"\nwaiver_days = 4000', "key 'waiver_days'"),
        ('name = "two"', 'name = "two"\nwaivers = 1', "unknown key"),
        ("schema = 1", "schema = 2", "key 'schema'"),
        ("schema = 1", "schema = [", "not valid TOML"),
    ],
)
def test_bad_policies(tmp_path, before, after, said):
    with pytest.raises(AuditError, match="--audit-policy") as caught:
        policy(tmp_path, TWO_KINDS.replace(before, after))
    assert said in str(caught.value)


def test_a_policy_without_kinds_and_one_that_is_not_there(tmp_path):
    with pytest.raises(AuditError, match="targets"):
        policy(tmp_path, 'schema = 1\nname = "none"\ntargets = []\n')
    with pytest.raises(AuditError, match="does not exist"):
        load_policy(tmp_path / "other.toml")


def test_the_default_explains_itself():
    text = DEFAULT.read_text()
    assert text.startswith("#")
    assert "guards" in text

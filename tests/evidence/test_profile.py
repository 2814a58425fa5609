"""How many threads a run computes with, and in which precision."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from cards import model_card

from audit_suite.errors import AuditError
from audit_suite.evidence import (
    EvidenceProfile,
    EvidenceSource,
    EvidenceStore,
    choose_profile,
    profile,
)
from audit_suite.evidence.arithmetic import fix_arithmetic
from audit_suite.evidence.cores import computes_bf16, granted_cores, usable_cores
from audit_suite.evidence.precision import Change, Precisions, fastest_neutral


def threads():
    return choose_profile("cpu", None, 1907).threads


@pytest.mark.parametrize(("said", "expected"), [("1", 1), ("3", 3), (" 5 ", 5), ("4,2", 4)])
def test_the_environment_decides_how_many_threads(monkeypatch, said, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert threads() == expected


@pytest.mark.parametrize("said", [None, "", "0", "many", "-2", "1.5"])
def test_else_a_pass_has_one_thread_and_the_cores_have_processes(monkeypatch, said):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if said is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 7, 8}, raising=False)
    assert threads() == 1
    assert usable_cores() == granted_cores() == 3


@pytest.mark.parametrize(("cores", "expected"), [(6, 6), (None, 1)])
def test_without_a_way_to_ask_all_cores_count(monkeypatch, cores, expected):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert usable_cores() == expected


def system(folder, **files):
    """A file system with some files, named with dots for slashes."""
    for name, text in files.items():
        file = folder / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


@pytest.fixture
def eight(monkeypatch):
    """A process that may use eight cores, and says nothing of threads."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


V2 = {"proc__self__cgroup": "0::/pod/box\n"}
V1 = {"proc__self__cgroup": "4:memory:/\n3:cpu,cpuacct:/pod\n"}
HERE = "sys__fs__cgroup__"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        (V2 | {f"{HERE}pod__box__cpu.max": "max 100000\n"}, 8),
        (V2 | {f"{HERE}pod__box__cpu.max": "300000 100000\n"}, 3),
        (V2 | {f"{HERE}pod__box__cpu.max": "150000 100000\n"}, 1),
        (V2 | {f"{HERE}pod__box__cpu.max": "20000 100000\n"}, 1),
        (V2 | {f"{HERE}pod__box__cpu.max": "1600000 100000\n"}, 8),
        (V2 | {f"{HERE}pod__box__cpu.max": "max\n", f"{HERE}pod__cpu.max": "200000 50000\n"}, 4),
        ({"proc__self__cgroup": "0::/\n", f"{HERE}cpu.max": "500000 100000\n"}, 5),
        (V2 | {f"{HERE}pod__box__cpu.max": "nonsense\n"}, 8),
        (V1 | {f"{HERE}cpu__pod__cpu.cfs_quota_us": "-1\n"}, 8),
        (
            V1
            | {
                f"{HERE}cpu__pod__cpu.cfs_quota_us": "250000\n",
                f"{HERE}cpu__pod__cpu.cfs_period_us": "100000\n",
            },
            2,
        ),
        # A container sees its own group at the root of the mount, under the host's path.
        (V1 | {f"{HERE}cpu__cpu.cfs_quota_us": "400000\n"}, 4),
    ],
)
def test_a_containers_quota_limits_the_threads(eight, tmp_path, files, expected):
    assert usable_cores(system(tmp_path, **files)) == expected


def test_a_wish_counts_more_than_a_quota(eight, monkeypatch, tmp_path):
    monkeypatch.setenv("OMP_NUM_THREADS", "6")
    files = V2 | {f"{HERE}pod__box__cpu.max": "200000 100000"}
    assert usable_cores(system(tmp_path, **files)) == 6


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 amx_tile", True),
        ("flags\t\t: fpu avx512f", False),
        ("Features\t: fp asimd bf16", True),
        ("bugs\t\t: avx512_bf16", False),
        ("", False),
    ],
)
def test_whether_the_processor_has_bfloat16(tmp_path, line, expected):
    assert computes_bf16(system(tmp_path, proc__cpuinfo=f"processor : 0\n{line}\n")) is expected


def test_threads_decide_digits_on_the_cpu_alone():
    def digest(device, threads):
        return EvidenceProfile(device=device, threads=threads).digest()

    assert digest("cpu", 1) != digest("cpu", 2)
    assert digest("cuda", 1) == digest("cuda", 2) != digest("cpu", 1)
    assert "threads" not in EvidenceProfile(device="cuda", threads=3).summary()
    assert EvidenceProfile(device="cpu", threads=3).summary()["threads"] == 3


def test_a_models_code_cannot_choose_the_threads_that_it_is_tried_with(tmp_path):
    (tmp_path / "x.py").write_text(
        "import torch\n"
        "torch.set_num_threads(3)\n"
        "class Net(torch.nn.Module):\n"
        "    def forward(self, batch):\n"
        "        torch.nn.Module.threads.add(torch.get_num_threads())\n"
        "        return batch.mean((2, 3))\n"
        "y = Net\n"
    )
    source = EvidenceSource(
        EvidenceStore(tmp_path / "store"), EvidenceProfile(device="cpu", threads=1)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.Module, "threads", set(), raising=False)
        source.model(model_card(tmp_path), None)
        assert torch.nn.Module.threads == {1}


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_keras_computes_where_the_profile_says(monkeypatch, device):
    monkeypatch.setenv("KERAS_TORCH_DEVICE", "elsewhere")
    monkeypatch.setattr("audit_suite.evidence.arithmetic.fix_card", lambda: None)
    fix_arithmetic(EvidenceProfile(device=device, threads=1))
    assert os.environ["KERAS_TORCH_DEVICE"] == device


@pytest.mark.parametrize(
    ("capability", "wished", "expected"),
    [
        (None, "auto", "fp32"),
        (None, "fp32", "fp32"),
        (None, "bf16", "bf16"),
        (7, "auto", "fp32"),
        (7, "fp32", "fp32"),
        (9, "auto", None),  # as measured
        (9, "tf32", "tf32"),
        (8, "bf16", "bf16"),
        (9, "fp32", "fp32"),
    ],
)
def test_the_precision_of_a_device(monkeypatch, capability, wished, expected):
    monkeypatch.setattr(profile, "_cuda_capability", lambda: capability)
    monkeypatch.setattr(profile, "computes_bf16", lambda: True)
    chosen = choose_profile("auto", None, 1, wished)
    assert (chosen.device, chosen.precision) == ("cpu" if capability is None else "cuda", expected)


@pytest.mark.parametrize(
    ("capability", "wished", "words"),
    [
        (None, "tf32", "only CUDA devices compute in tf32"),
        (None, "bf16", "this processor has no instructions for bfloat16"),
        (7, "tf32", "compute capability 7.x, and tf32 needs 8.0"),
        (7, "bf16", "compute capability 7.x, and bf16 needs 8.0"),
    ],
)
def test_a_precision_that_the_device_lacks(monkeypatch, capability, wished, words):
    monkeypatch.setattr(profile, "_cuda_capability", lambda: capability)
    monkeypatch.setattr(profile, "computes_bf16", lambda: False)
    with pytest.raises(AuditError, match=words) as caught:
        choose_profile("auto", None, 1, wished)
    assert f"--audit-precision={wished}" in str(caught.value)
    assert "--audit-precision=fp32" in caught.value.remedy


GOOD = Change(logit=0.05, auroc=0.0005, rank=0.9999)


@pytest.mark.parametrize(
    ("bf16", "tf32", "expected"),
    [
        (GOOD, GOOD, "bf16"),
        (Change(0.3, 0.0, 1.0), GOOD, "tf32"),
        (Change(0.0, 0.003, 1.0), GOOD, "tf32"),
        (Change(0.0, 0.0, 0.99), Change(0.0, 0.0, 0.99), "fp32"),
        (Change(np.nan, 0.0, 1.0), Change(np.inf, np.inf, -np.inf), "fp32"),
    ],
)
def test_the_fastest_precision_that_changes_nothing(bf16, tf32, expected):
    assert fastest_neutral({"bf16": bf16, "tf32": tf32}) == expected


class Measuring:
    """A source whose executor measures."""

    def __init__(self, folder, precision, offline=False):
        self.store = EvidenceStore(folder)
        self.profile = EvidenceProfile(device="cuda", threads=1, precision=precision)
        self.offline = offline
        self.asked = 0

    def dataset(self, card):
        return type("Data", (), {"digest": "d", "cases": ()})

    def model_digest(self, card, fold):
        return f"m{fold}"

    def call(self, function, model, fold, dataset, of):
        from audit_suite.evidence.precision import precision_key

        self.asked += 1
        rows = {"bf16": np.array([0.05, 0.0, 1.0]), "tf32": np.array([0.0, 0.0, 1.0])}
        self.store.write(precision_key(self, (model, fold, dataset)), rows)


def test_a_precision_is_measured_once_and_kept(tmp_path):
    pair = (type("Card", (), {"fold_name": lambda self, fold: "net"})(), 0, None)
    pair = (*pair[:2], type("Card", (), {"name": "data"})())
    first, second = Measuring(tmp_path, None), Measuring(tmp_path, None)
    precisions = Precisions(first)
    assert precisions.summary() == []
    assert [precisions.of(pair), precisions.of(pair)] == ["bf16", "bf16"]
    assert first.asked == 1
    assert precisions.summary()[0]["changes"]["bf16"] == {"logit": 0.05, "auroc": 0.0, "rank": 1.0}
    assert (Precisions(second).of(pair), second.asked) == ("bf16", 0)
    chosen = Measuring(tmp_path / "new", "tf32")
    assert (Precisions(chosen).of(pair), chosen.asked) == ("tf32", 1)
    plain = Measuring(tmp_path / "new", "fp32")
    assert (Precisions(plain).of(pair), plain.asked) == ("fp32", 0)
    offline = Measuring(tmp_path / "other", None, offline=True)
    assert (Precisions(offline).of(pair), offline.asked) == ("fp32", 0)


def test_the_threads_of_a_program_are_not_the_cores_that_are_granted(monkeypatch, tmp_path):
    granted = granted_cores(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", str(granted + 3))
    assert usable_cores(tmp_path) == granted + 3
    assert granted_cores(tmp_path) == granted

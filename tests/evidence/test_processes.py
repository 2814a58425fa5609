"""Functions run in child processes: nothing that they do harms the judge, or each other."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import socket
import subprocess
import sys
import time
import types
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import torch
from cards import model_card
from evidence.tricks import RAISED

from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.evidence.executor import Raised
from audit_suite.evidence.executors.process import Processes
from audit_suite.evidence.processes import child as child_module
from audit_suite.evidence.processes.child import Child, ChildDied
from audit_suite.evidence.processes.jobs import packed, perform
from audit_suite.evidence.processes.surroundings import ALLOWED, CHILD, child_environment
from audit_suite.registry import FILLS

SECRETS = ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "HTTPS_PROXY", "AUDIT_TOKEN", "SSH_AUTH_SOCK")


@pytest.fixture(scope="module", autouse=True)
def _measured(line_coverage):
    """The lines that only a child process runs are measured here."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in line_coverage.items():
            patched.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def here(tmp_path_factory, _measured):
    with pytest.MonkeyPatch.context() as patched:
        for name in SECRETS:
            patched.setenv(name, "hush")
        patched.setenv("OMP_NUM_THREADS", "1")
        store = EvidenceStore(tmp_path_factory.mktemp("store"))
        profile = EvidenceProfile(device="cpu", threads=1)
        source = EvidenceSource(store, profile, executor=Processes(timeout=60))
        yield source
        source.close()


def call(source, name, *arguments, **more):
    return source.call(f"evidence.tricks:{name}", *arguments, **more)


def test_what_a_function_returns_and_says_arrives(here):
    said = []
    first = call(here, "add", 1, 2.5, say=said.append)
    assert (first["sum"], said) == (3.5, ["adding 1", "adding 2.5"])
    assert first["process"] not in (os.getpid(), os.getppid())
    assert call(here, "add")["process"] == first["process"], "one process for the run"


@pytest.mark.parametrize("function", ["add", "mistake"])
def test_a_card_gets_back_what_a_job_kept_for_speed(monkeypatch, function):
    """Other processes use the card too, and measure what fits into it."""
    given_back = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: given_back.append(1))
    with contextlib.suppress(AuditError):
        perform(packed(f"evidence.tricks:{function}", (), None), lambda twin: twin, print)
    assert given_back == [1]


def test_an_error_keeps_its_advice(here):
    with pytest.raises(AuditError) as caught:
        call(here, "mistake")
    assert (caught.value.what, caught.value.remedy) == ("a file is missing", "write it")


@pytest.mark.parametrize("what", RAISED)
def test_whatever_is_raised_is_told_and_the_process_goes_on(here, what):
    process = call(here, "add")["process"]
    with pytest.raises(Raised) as caught:
        call(here, "raises", what)
    assert str(caught.value) == what
    assert call(here, "add")["process"] == process


def test_pictures_are_drawn_where_models_without_code_run_and_no_other(here, tmp_path):
    shipped = model_card(tmp_path, architecture="audit_suite.models.small_cnn:small_cnn")
    (tmp_path / "net.py").write_text("def build(): ...")
    own = model_card(tmp_path, name="own", architecture="net.py:build")
    drawing = call(here, "add")["process"]
    assert call(here, "add", of=[shipped])["process"] == drawing
    assert call(here, "add", of=[own])["process"] != drawing


def test_what_a_model_patches_is_patched_for_itself_alone(here, tmp_path):
    (tmp_path / "patch.py").write_text("def build(): ...")
    patched = [model_card(tmp_path, architecture="patch.py:build")]
    assert call(here, "patches", of=patched) == "patched", "its word, and no more"
    assert call(here, "add", 1)["sum"] == 1
    assert not here.store.has("0" * 64)
    with pytest.raises(AuditError, match="gave an answer of the wrong form"):
        here.model_digest(patched[0], None)


def test_a_model_cannot_claim_to_be_another(here, tmp_path, monkeypatch):
    """Whatever its own process says of it, its card and files are part of its digest."""
    monkeypatch.setattr(here.executor, "call", lambda *_: ["0" * 64, []])
    for file in ("net.py", "x.py"):
        (tmp_path / file).write_text("def build(): ...")
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    digests = [
        here.model_digest(model_card(tmp_path, more, name=name, **card), None)
        for name, more, card in (
            ("plain", 'weights = "a"', {}),
            ("weights", 'weights = "b"', {}),
            ("architecture", 'weights = "a"', {"architecture": "net.py:build"}),
            ("size", 'weights = "a"', {"size": 64}),
            ("renamed", 'weights = "a"', {}),
        )
    ]
    (tmp_path / "net.py").write_text("def build(): 1")
    card = model_card(tmp_path, 'weights = "a"', name="edited", architecture="net.py:build")
    digests.append(here.model_digest(card, None))
    assert digests[0] == digests[4], "a name decides nothing"
    assert len(set(digests)) == 5


def test_no_secret_is_passed_on_and_what_torch_needs_is(here):
    found = call(here, "surroundings")
    assert not set(SECRETS) & set(found["variables"])
    allowed = (*ALLOWED, "PYTHONPATH", CHILD, "LC_*")
    for name in found["variables"]:
        assert any(fnmatchcase(name, pattern) for pattern in allowed), name
    assert found["threads"] == "1"
    assert found["core"] == [0, 0], "a dump would hold images"
    assert "NoNewPrivs:\t1" in found["status"]
    assert "torch" in found["modules"]
    assert "pytest" not in found["modules"]


def test_whoever_compiles_finds_the_compiler():
    variables = {
        "CC": "gcc",
        "CXX": "g++",
        "TRITON_CACHE_DIR": "/a",
        "TORCHINDUCTOR_CACHE_DIR": "/b",
    }
    assert variables.items() <= child_environment(variables | {"CI_TOKEN": "x"}).items()


def test_threads_sleep_while_they_wait_unless_one_wants_it_otherwise():
    assert child_environment({})["OMP_WAIT_POLICY"] == "PASSIVE"
    assert child_environment({"OMP_WAIT_POLICY": "ACTIVE"})["OMP_WAIT_POLICY"] == "ACTIVE"


def test_the_network_is_cut_where_the_system_allows_it(here):
    with socket.create_server(("127.0.0.1", 0)) as server:
        connected = call(here, "connects", server.getsockname()[1])
    assert connected is not here.executor.summary()["network_cut"]


def test_what_a_conftest_registered_is_known(here, tmp_path):
    file = tmp_path / "conftest_of_a_project.py"
    file.write_text(
        "from dataclasses import dataclass\n"
        "from audit_suite.extend import Fill, register_fill\n"
        "@dataclass(frozen=True)\n"
        "class Grey(Fill):\n"
        "    name = 'grey'\n"
        "    def __call__(self, images, hidden, around):\n"
        "        return images * 0 + 0.5\n"
        "@dataclass(frozen=True)\n"
        "class Kept:\n"
        "    value: int\n"
        "register_fill(Grey())\n"
    )
    spec = importlib.util.spec_from_file_location("audits.conftest_of_a_project", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    try:
        assert call(here, "known", "grey"), "although it is not on sys.path"
        assert call(here, "kept", module.Kept(7)) == 7
    finally:
        del sys.modules[spec.name]


def test_a_conftest_that_breaks_there_is_named(here, tmp_path, monkeypatch):
    file = tmp_path / "only_here.py"
    file.write_text("raise RuntimeError('no pytest session')")
    module = types.ModuleType("only_here")
    module.__file__ = str(file)
    exec("class Kept: value = 7", module.__dict__)
    monkeypatch.setitem(sys.modules, "only_here", module)
    with pytest.raises(AuditError, match=r"only_here.py registers .* RuntimeError: no pytest") as e:
        call(here, "kept", module.Kept())
    assert "--audit-executor inline" in e.value.remedy


def test_what_a_notebook_registered_is_named_where_it_is_missed(here):
    scope = {"__name__": "notebook", "register": FILLS.register}
    exec(compile("register('jotted', object())", "<cell 7>", "exec"), scope)
    with pytest.raises(AuditError, match=r"raised KeyError: 'tail'; .* what notebook registered"):
        call(here, "raises", "KeyError: 'tail'")


def test_what_cannot_be_found_there_is_named(here, monkeypatch):
    module = types.ModuleType("notebook_cell")
    exec("class Kept: value = 7", module.__dict__)
    monkeypatch.setitem(sys.modules, "notebook_cell", module)
    with pytest.raises(AuditError, match="not known in the process that runs the model") as caught:
        call(here, "kept", module.Kept())
    assert "--audit-executor inline" in caught.value.remedy


@pytest.mark.parametrize("how", ["at each step", "steadily"])
def test_slow_work_that_gives_signs_of_life_is_left_alone(here, monkeypatch, how):
    call(here, "add")  # it is up
    monkeypatch.setattr(here.executor, "_timeout", 1.5)
    assert call(here, "slow", 2.5, how) == "done"


def test_work_that_hangs_is_ended_with_all_that_it_started(here, monkeypatch):
    process = call(here, "add")["process"]
    monkeypatch.setattr(here.executor, "_timeout", 1.0)
    with pytest.raises(AuditError, match=r"gave no sign of life for 1 s and was ended"):
        call(here, "hang")
    assert not _members(process), "neither it nor the process that it started"


def test_a_process_that_ends_is_started_again_but_not_for_ever(here, tmp_path, monkeypatch):
    monkeypatch.setattr("audit_suite.evidence.executors.process._DEATHS", 2)
    models = [model_card(tmp_path, architecture="net.py:build")]
    process = call(here, "add")["process"]
    for _ in range(2):
        with pytest.raises(AuditError) as caught:
            call(here, "ends", of=models)
        assert "ended with exit code 0; its last output was: [31mlast words" in str(caught.value)
    starts = time.monotonic()
    with pytest.raises(AuditError, match="ended with exit code 0"):
        call(here, "add", of=models)
    assert time.monotonic() - starts < 1, "not tried again"
    assert call(here, "add")["process"] == process, "work of others is not touched"


def test_models_of_one_factory_share_a_process_and_others_do_not(here, tmp_path):
    def place(folder, top="", **more):
        (tmp_path / folder).mkdir(exist_ok=True)
        return here.executor.place(model_card(tmp_path / folder, top, **more))

    one = place("a", architecture="../net.py:build", name="one")
    assert one == place("b", architecture="../net.py:build", name="two")
    assert one != place("a", architecture="net.py:build", name="three")
    assert one != place("a", architecture="../other.py:build", name="four")
    plain = {"loader": "architecture", "architecture": "torchvision:resnet18"}
    weights = 'weights = "w.pt"'
    both = [place(folder, weights, name="five", **plain) for folder in ("a", "b")]
    assert both[0] == both[1], "no code of theirs"
    assert both[0] != one


FAKE = """
import ctypes, os, signal, sys, time
answers = os.fdopen(os.dup(1), "wb", buffering=0)
os.dup2(2, 1)
def frame(content):
    answers.write(len(content).to_bytes(8, "big") + content)
frame(b'{"network": true}')
"""

ENDS = {
    "os._exit(3)": "ended with exit code 3",
    "print('one\\n\\n two\\x1b[2J\\x00 ' + 'x' * 1000, flush=True); os._exit(0)": (
        r"ended with exit code 0; its last output was: one \| two.\[2J. x{140,160}…$"
    ),
    "[os.write(1, b'noise\\n' * 5000) for _ in range(300)]; os.write(2, b'\\xffend'); os._exit(7)": (
        r"ended with exit code 7; its last output was: noise \| noise \| .end$"
    ),
    "os.kill(os.getpid(), signal.SIGKILL)": "was ended by SIGKILL",
    "ctypes.string_at(0)": "was ended by SIGSEGV",
    "os.closerange(0, 64); time.sleep(600)": "closed its pipe and was ended",
    "answers.write((1 << 60).to_bytes(8, 'big') + b'x'); time.sleep(600)": "what is no answer",
    "answers.write(b'audit: OPEN'); time.sleep(600)": "what is no answer",
    "frame(b'\\x80\\x04cos\\nsystem\\n'); time.sleep(600)": "what is no answer",
    "frame(b'[\"result\", 1]'); time.sleep(600)": "what is no answer",
    'frame(b\'{"verdict": "pass"}\'); time.sleep(600)': "what is no answer",
    'frame(b\'{"error": ["what"]}\'); time.sleep(600)': "what is no answer",
    "frame(b'[' * 200_000); time.sleep(600)": "what is no answer",
    "frame(b'{'); answers.write(bytes(3)); os._exit(1)": "what is no answer",
    "time.sleep(600)": "gave no sign of life for 2 s",
    "os.setsid() if os.fork() == 0 else os._exit(4); time.sleep(20)": "ended with exit code 4",
}


@pytest.mark.parametrize("body", ENDS)
def test_whatever_a_process_does_the_judge_goes_on(monkeypatch, body):
    monkeypatch.setattr(child_module, "_COMMAND", (sys.executable, "-c", FAKE + body))
    monkeypatch.setattr(child_module, "_PATIENCE", 0.5)
    child = Child()
    patience = 2 if "no sign of life" in ENDS[body] else 60  # a busy machine is no fault
    with pytest.raises(ChildDied) as caught:
        child.ask(("job",), patience, lambda line: None)
    assert re.search(ENDS[body], caught.value.what.splitlines()[0]), caught.value.what
    assert caught.value.what.isprintable()
    assert not child.alive


def test_floods_of_progress_and_of_errors_are_cut(monkeypatch):
    flood = (
        "for n in range(20_000): frame(b'{\"said\": \"a' + b'b' * 500 + b'\\\\u001b[2J\"}')\n"
        "frame(b'{\"error\": [\"' + b'long\\\\n' * 9999 + b'\", \"\"]}'); time.sleep(9)"
    )
    monkeypatch.setattr(child_module, "_COMMAND", (sys.executable, "-c", FAKE + flood))
    monkeypatch.setattr(child_module, "_PATIENCE", 0.5)
    child, said = Child(), []
    with pytest.raises(AuditError) as caught:
        child.ask(("job",), 20, said.append)
    assert len(said) == 10_000
    assert all(line.isprintable() and len(line) < 200 for line in said)
    assert len(caught.value.what) < 1000
    child.close()
    assert not child.alive


def test_a_job_that_nobody_reads_does_not_block_the_judge(monkeypatch):
    monkeypatch.setattr(child_module, "_COMMAND", (sys.executable, "-c", FAKE + "time.sleep(60)"))
    monkeypatch.setattr(child_module, "_PATIENCE", 0.5)
    with pytest.raises(ChildDied, match="no sign of life"):
        Child().ask((b"x" * (1 << 22),), 0.5, lambda line: None)


JUDGE = """
import sys, time
from pathlib import Path
from audit_suite.evidence import EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.evidence.executors.process import Processes
profile = EvidenceProfile(device="cpu", threads=1)
source = EvidenceSource(EvidenceStore(Path(sys.argv[1])), profile, executor=Processes(60))
print(source.call("evidence.tricks:add")["process"], flush=True)
source.call("evidence.tricks:hang")
"""


def test_no_process_outlives_a_judge_that_is_killed(tmp_path):
    judge = subprocess.Popen(
        [sys.executable, "-c", JUDGE, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    process = int(judge.stdout.readline())
    judge.kill()
    judge.wait()
    judge.stdout.close()
    until = time.monotonic() + 10
    while _alive(process) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _alive(process)


def test_an_audit_inside_a_models_process_is_refused(monkeypatch):
    monkeypatch.setenv(CHILD, "1")
    with pytest.raises(AuditError, match="__main__"):
        Processes(60)


def _alive(process):
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _members(group):
    """The living processes of a process group."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) == group and fields[0] != "Z":
                found.append(folder.name)
    return found

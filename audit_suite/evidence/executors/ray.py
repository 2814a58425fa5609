"""On a Ray cluster: actors hold models and take parts of the work; placement and retries are Ray's.

Ray unpickles what an actor returns, so a model's code that means harm can reach the judge: this is
for models whose code is known, and all of them share the actors.
"""

from __future__ import annotations

import json
import os
import pickle
import time
from collections import deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from audit_suite.errors import AuditError
from audit_suite.evidence.cores import granted_cores
from audit_suite.evidence.executor import Executor, Raised, Say, Source, register_executor
from audit_suite.evidence.processes.answers import clean, count_of, result_of
from audit_suite.evidence.processes.child import ChildDied
from audit_suite.evidence.processes.jobs import packed
from audit_suite.pulse import beat

if TYPE_CHECKING:
    from audit_suite.cards import ModelCard
    from audit_suite.evidence.profile import EvidenceProfile
    from audit_suite.evidence.twin import Twin

_ACTING = "audit_suite.child.acting:Acting"
_MOST = 64  # parts that work is split into, and actors that are asked for
_RETRIES = 2  # times that an actor is started again, and its job done again
_STARTS = 4  # of Ray on this machine, before it is given up
_QUIET: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
_EVERY = 0.5  # seconds between two looks at the actors
_PATIENCE = 60.0  # seconds after which it is said that no actor was started


@dataclass
class _Actor:
    """An actor as the judge sees it.

    Attributes:
        handle: Ray's.
        beats: Its signs of life so far.
        seen: When the last one was seen.
    """

    handle: Any
    beats: int = 0
    seen: float = 0.0


class OnRay(Executor):
    """As many actors as there is room for, kept for the run; who is free takes the next job."""

    def __init__(self, timeout: float, address: str | None = None) -> None:
        self._timeout = timeout
        self._address = address or os.environ.get("RAY_ADDRESS") or None
        self._ray: Any = None
        self._started = False  # here, and not by who called the audit
        self._actors: list[_Actor] = []

    def place(self, card: ModelCard) -> Hashable:
        """The same for all."""
        del card
        return None

    def call(
        self,
        models: Sequence[ModelCard],
        function: str,
        arguments: tuple[Any, ...],
        source: Source,
        say: Say,
    ) -> Any:
        """Have an actor call the function."""
        del models
        (answer,) = self._done(function, arguments, [source.twin()], say)
        return answer

    def spread(
        self,
        models: Sequence[ModelCard],
        function: str,
        arguments: tuple[Any, ...],
        source: Source,
        say: Say,
    ) -> list[Any]:
        """Have the actors call the function, for a part of the work at a time."""
        del models
        pieces = source.twin().part.split(_MOST)
        return self._done(function, arguments, [source.twin(piece) for piece in pieces], say)

    def close(self) -> None:
        """End the actors, and a cluster that was started here."""
        self._end()
        if self._started:
            self._ray.shutdown()
        self._ray, self._started = None, False

    def summary(self) -> dict[str, Any]:
        """Its name; actors keep their network."""
        return {"executor": "ray", "network_cut": False}

    def _done(
        self, function: str, arguments: tuple[Any, ...], twins: Sequence[Twin], say: Say
    ) -> list[Any]:
        """What the calls returned, in their order; given out one by one to actors that are free."""
        profile = twins[0].profile
        twins[0].root.mkdir(parents=True, exist_ok=True)
        jobs = [pickle.dumps(packed(function, arguments, twin)) for twin in twins]
        actors = self._ready_for(len(jobs), profile)
        waiting, answers = deque(enumerate(jobs)), dict[int, Any]()
        running: dict[Any, tuple[_Actor, int | None]] = {
            actor.handle.ready.remote(): (actor, None) for actor in actors
        }
        asked, told = time.monotonic(), False
        try:
            while len(answers) < len(jobs):
                ended, _ = self._ray.wait(list(running), num_returns=1, timeout=_EVERY)
                for reference in ended:
                    actor, number = running.pop(reference)
                    answer = self._got(reference, say)
                    if number is not None:
                        answers[number] = answer
                    if waiting:
                        number, job = waiting.popleft()
                        actor.seen = time.monotonic()
                        running[actor.handle.do.remote(job)] = actor, number
                busy = [actor for actor, number in running.values() if number is not None]
                self._watch(busy, say)
                if not busy and not told and time.monotonic() - asked > _PATIENCE:
                    told = True
                    say(f"Ray has started no actor yet: each asks for {_words(_needs(profile))}")
        except (AuditError, Raised) as error:
            if isinstance(error, ChildDied) or len(jobs) > 1:
                self._end()  # others still work on what is asked of smaller parts next
            raise
        except BaseException:
            self._end()
            raise
        return [answers[number] for number in range(len(jobs))]

    def _got(self, reference: Any, say: Say) -> Any:
        try:
            content = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            first_line = clean(str(error).strip().partition("\n")[0])
            raise ChildDied(
                f"the actor that ran the model died, and again after it was restarted: "
                f"{first_line}",
                "see its log in Ray's dashboard, or what it does with --audit-executor process; "
                "stored evidence is kept",
            ) from None
        try:
            if content is True:  # it is ready
                return None
            answer, passes, lines = content
            _tell(passes, lines, say)
            return result_of(json.loads(answer))
        except (TypeError, ValueError, RecursionError):
            raise ChildDied(
                "the actor that ran the model answered what is no answer",
                "correct the model's code: it interferes with the program that runs it",
            ) from None

    def _watch(self, busy: list[_Actor], say: Say) -> None:
        """Pass on what busy actors have to say; those that say nothing for too long have hung."""
        if not busy:
            return
        pulses = {actor.handle.pulse.remote(): actor for actor in busy}
        told, _ = self._ray.wait(list(pulses), num_returns=len(pulses), timeout=_EVERY)
        for reference in told:
            with suppress(self._ray.exceptions.RayError, TypeError, ValueError):
                beats, passes, lines = self._ray.get(reference)
                actor = pulses[reference]
                if beats != actor.beats:
                    actor.beats, actor.seen = beats, time.monotonic()
                _tell(passes, lines, say)
        for actor in busy:
            if time.monotonic() - actor.seen > self._timeout:
                raise ChildDied(
                    f"an actor that ran the model gave no sign of life for {self._timeout:g} s and "
                    f"was ended",
                    "correct the model's code, or see what it does with --audit-executor process; "
                    "stored evidence is kept",
                )

    def _ready_for(self, jobs: int, profile: EvidenceProfile) -> list[_Actor]:
        """Actors for some jobs: as many as there is room for, at most one for each."""
        self._connect()
        needs = _needs(profile)
        room = _MOST  # a cluster may grow
        if self._address is None:
            room = room_for(needs, self._ray.cluster_resources())
        acting = self._ray.remote(resolve_name(_ACTING)).options(
            max_restarts=_RETRIES, max_task_retries=_RETRIES, max_concurrency=2, **needs
        )
        while len(self._actors) < min(room, jobs):
            self._actors.append(_Actor(acting.remote()))
        return self._actors

    def _connect(self) -> None:
        if self._ray is not None:
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
        try:
            import ray
        except ImportError:
            raise AuditError(
                "--audit-executor=ray: Ray is not installed", 'pip install "audit-suite[ray]"'
            ) from None
        try:
            if ray.is_initialized():
                pass
            elif self._address is None:
                start_here(ray)
                self._started = True
            else:
                ray.init(self._address, **_QUIET)
                self._started = True
        except Exception as error:
            first_line = str(error).strip().partition("\n")[0]
            raise AuditError(
                f"--audit-executor=ray: no connection to {self._address or 'Ray here'}: "
                f"{first_line}",
                "name the cluster's head with --audit-ray-address HOST:PORT, or leave it out to "
                "start Ray on this machine",
            ) from None
        self._ray = ray

    def _end(self) -> None:
        while self._actors:
            self._ray.kill(self._actors.pop().handle)


def _needs(profile: EvidenceProfile) -> dict[str, int]:
    """What an actor asks Ray for: cores for the threads of a pass, or a card and one core.

    On CUDA threads read images: if an actor asked for a core for each, one would take a machine's
    cores, and its other cards would idle.
    """
    if profile.device == "cuda":
        return {"num_cpus": 1, "num_gpus": 1}
    return {"num_cpus": profile.threads, "num_gpus": 0}


def _words(needs: Mapping[str, int]) -> str:
    return "a card" if needs["num_gpus"] else f"{needs['num_cpus']} cores"


def room_for(needs: Mapping[str, int], resources: Mapping[str, float]) -> int:
    """How many actors fit into a cluster; at least one, which then waits.

    Args:
        needs: What each asks for.
        resources: What there is, as ``ray.cluster_resources`` says.
    """
    name, each = ("GPU", needs["num_gpus"]) if needs["num_gpus"] else ("CPU", needs["num_cpus"])
    return max(1, int(resources.get(name, 1)) // each)


def start_here(ray: Any) -> None:
    """Start Ray on this machine; on a busy one it gives up after 30 seconds, and is tried again."""
    for left in reversed(range(_STARTS)):
        try:
            ray.init("local", num_cpus=granted_cores(), include_dashboard=False, **_QUIET)
        except Exception:  # Ray names no type for it
            ray.shutdown()
            if not left:
                raise
        else:
            return


def _tell(passes: object, lines: Iterable[object], say: Say) -> None:
    beat(count_of(passes))
    for line in lines:
        say(clean(str(line)))


register_executor("ray", OnRay)

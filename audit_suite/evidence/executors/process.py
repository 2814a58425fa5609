"""In child processes, one for each model's code: the judge imports neither torch nor a model."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any

from audit_suite.errors import AuditError
from audit_suite.evidence.executor import Executor, Raised, Say, Source, register_executor
from audit_suite.evidence.part import Part
from audit_suite.evidence.processes.child import Child, ChildDied
from audit_suite.evidence.processes.helpers import helpers
from audit_suite.evidence.processes.jobs import NO_CODE, packed, place_of
from audit_suite.evidence.processes.room import room_for
from audit_suite.evidence.processes.surroundings import CHILD, lost_modules

if TYPE_CHECKING:
    from audit_suite.cards import ModelCard

_ALIVE = 4  # children at a time: each holds a copy of torch, and may hold a GPU
_DEATHS = 3  # over the same models, after which they are not tried again


class Processes(Executor):
    """Child processes by place, started when they are first needed and kept for the run."""

    def __init__(self, timeout: float, address: str | None = None) -> None:
        del address
        if CHILD in os.environ:
            raise AuditError(
                "an audit was started in a process that runs a model's code",
                "guard the script that starts the audit: if __name__ == '__main__': ...",
            )
        self._timeout = timeout
        self._children: dict[tuple[Hashable, int], Child] = {}  # the one used last stands last
        self._deaths: defaultdict[Hashable, list[ChildDied]] = defaultdict(list)
        self._confined: set[bool] = set()

    def place(self, card: ModelCard) -> Hashable:
        """A process for each factory, and for each card that names none; one for shipped code.

        Models of one factory run the same code, and share the work on the images that they are
        shown; a process of its own would not protect them from each other. Neither would it those
        that bring weights alone.
        """
        return place_of(card)

    def start(self, *models: ModelCard) -> None:
        """Start the process of some models; it imports torch while the caller goes on."""
        with suppress(OSError):  # who needs it is told why it does not start
            self._child(self._place(models), 1)

    def expect(
        self, models: Sequence[ModelCard], arguments: tuple[Any, ...], source: Source
    ) -> None:
        """Start as many processes as `spread` will take."""
        with suppress(OSError):
            for number in range(1, self._count(models, arguments, source) + 1):
                self._child(self._place(models), number)

    def call(
        self,
        models: Sequence[ModelCard],
        function: str,
        arguments: tuple[Any, ...],
        source: Source,
        say: Say,
    ) -> Any:
        """Have the models' process call the function.

        A process that died is started again, but not for ever.
        """
        (answer,) = self._all(models, [packed(function, arguments, source.twin())], say)
        return answer

    def spread(
        self,
        models: Sequence[ModelCard],
        function: str,
        arguments: tuple[Any, ...],
        source: Source,
        say: Say,
    ) -> list[Any]:
        """Have processes call the function, as many as there are cores and work for.

        Each takes the work that no other has claimed.
        """
        count = self._count(models, arguments, source)
        twins = [source.twin(among=Part(number, count)) for number in range(1, count + 1)]
        return self._all(models, [packed(function, arguments, twin) for twin in twins], say)

    def helping(
        self, function: str, arguments: tuple[Any, ...], count: int, source: Source
    ) -> AbstractContextManager[None]:
        """Start the processes, without a card; they end with the work beside which they help."""
        return helpers(count, packed(function, arguments, source.twin()), self._timeout)

    def _all(
        self, models: Sequence[ModelCard], jobs: Sequence[tuple[Any, ...]], say: Say
    ) -> list[Any]:
        """Have as many of the models' processes as there are jobs do one each.

        Returns:
            The answers, in the order of the jobs.
        """
        place, who = self._place(models), tuple(sorted({str(card.path) for card in models}))
        if len(self._deaths[who]) == _DEATHS:
            raise self._deaths[who][-1]
        children = [self._child(place, number) for number in range(1, len(jobs) + 1)]
        try:
            if len(jobs) == 1:
                return [children[0].ask(jobs[0], self._timeout, say)]
            return self._side_by_side(children, jobs, say)
        except ChildDied as died:
            self._deaths[who].append(died)
            raise
        except Raised as error:
            if lost := lost_modules():
                raise AuditError(
                    f"the process that ran the model raised {error}; it does not know what "
                    f"{', '.join(lost)} registered",
                    "put that into a file that can be imported, or audit with the executor inline",
                ) from None
            raise
        except AuditError:
            raise
        except BaseException:  # Ctrl-C: the next answer would be that to this job
            for child in children:
                child.kill()
            raise
        finally:
            self._confined |= {child.confined for child in children if child.confined is not None}

    def _side_by_side(
        self, children: Sequence[Child], jobs: Sequence[tuple[Any, ...]], say: Say
    ) -> list[Any]:
        """Ask several processes at a time, and wait for all: who is left does the others' work."""
        pool = ThreadPoolExecutor(len(jobs))
        asked = [
            pool.submit(child.ask, job, self._timeout, say)
            for child, job in zip(children, jobs, strict=True)
        ]
        try:
            wait(asked)
            return [answer.result() for answer in asked]
        finally:
            pool.shutdown(wait=False)  # after Ctrl-C threads end with the processes they wait for

    def stop(self) -> None:
        """Kill all processes; new ones are started when they are needed."""
        for child in list(self._children.values()):
            child.kill()

    def close(self) -> None:
        """End all processes, at the same time: torch takes a second for it."""
        for child in self._children.values():
            child.leave()
        while self._children:
            self._children.popitem()[1].close()

    def summary(self) -> dict[str, Any]:
        """Its name, and whether the network was cut for every process (None: none was needed)."""
        cut = all(self._confined) if self._confined else None
        return {"executor": "process", "network_cut": cut}

    def _count(
        self, models: Sequence[ModelCard], arguments: tuple[Any, ...], source: Source
    ) -> int:
        """How many processes share some work."""
        ready = sum(place == self._place(models) for place, _ in self._children)
        return room_for(arguments, source, ready)

    def _place(self, models: Sequence[ModelCard]) -> Hashable:
        return self.place(models[0]) if models else NO_CODE

    def _child(self, place: Hashable, number: int) -> Child:
        """One of a place's processes."""
        child = self._children.pop((place, number), None)
        if child is None or not child.alive:
            self._make_room(place)
            child = Child()
        self._children[place, number] = child
        return child

    def _make_room(self, place: Hashable) -> None:
        """End the process of another place that was used least lately, if there are many."""
        others = [key for key in self._children if key[0] != place]
        if others and len(self._children) >= _ALIVE:
            self._children.pop(others[0]).close()


register_executor("process", Processes)

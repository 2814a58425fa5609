"""A reader of phantoms that notes which process decodes an image, and can misbehave."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass, replace

from audit_suite.datasets import BadImage, Reader, register_reader
from audit_suite.datasets.reading import Reading
from audit_suite.evidence.processes.surroundings import CHILD
from audit_suite.registry import READERS

BAD = 7  # an image that cannot be used


@dataclass(frozen=True)
class Noting(Reader):
    name: str = "noting"

    def regions(self, card):
        return READERS["phantom"].regions(card)

    def read(self, card):
        plain, folder = READERS["phantom"].read(card), card.path.parent
        helps = os.environ.get("CUDA_VISIBLE_DEVICES") == ""

        def read(index):
            if helps:
                (folder / "waits").unlink(missing_ok=True)
                if (folder / "die").exists():
                    os.kill(os.getpid(), signal.SIGKILL)
            until = time.monotonic() + 60
            while (folder / "waits").exists() and time.monotonic() < until:
                time.sleep(0.01)
            user = any(
                "network" in str(getattr(m, "__file__", "")) for m in list(sys.modules.values())
            )
            with (folder / "decoded").open("a") as file:
                file.write(f"{index} {'helper' if helps else 'scorer'} {user}\n")
            if index == BAD:
                raise BadImage("it is torn")
            return plain.read(index)

        return replace(plain, read=Reading(read, plain.read.content))


def bring():
    register_reader(Noting())


if CHILD in os.environ:  # the tests of one file bring it themselves, and take it away
    bring()

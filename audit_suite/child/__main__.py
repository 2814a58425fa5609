"""Start of a child process: cut the network, take the pipes, then import what is heavy."""

from __future__ import annotations

import os

from audit_suite.child.confine import confine


def main() -> None:
    """Serve the judge until it closes its pipe."""
    confined = confine()
    jobs = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)  # what a model prints is output, and no answer
    from audit_suite.child.serving import serve

    serve(jobs, answers, confined)


if __name__ == "__main__":
    main()

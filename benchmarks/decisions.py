"""How often do the default rules open, close, or leave undecided?

R1, R8-box with three fills and R3 as pure statistics, on simulated test sets: binormal scores, as
the planned power assumes them; scores of small networks on phantoms; and scores of a linear head on
frozen features of real images (`AUDIT_REAL_DATA`). Also repeated looks at one test set.

    python benchmarks/decisions.py [--quick] [--part NAME] [--json PATH] [--out FILE.md]

Phantom and real score sets are made once and kept under `--pools`.
"""

from decisions.cli import main

if __name__ == "__main__":
    main()

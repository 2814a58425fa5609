"""Can the gate be opened for a model that reads a marker outside the region? A list of attempts.

Every attempt starts beside the record of an audit that opened for an honest model, unless pytest
would run nothing of ours. It holds if a release gate that runs `audit-suite verify audit.json
--require open` afterwards stays shut. The honest model must open, or holding would mean nothing.

    python benchmarks/tricks.py [--quick] [--json PATH] [--only CLASS] [--workers N]

On two cores the full list takes about 25 minutes.
"""

from tricks.cli import main

if __name__ == "__main__":
    main()

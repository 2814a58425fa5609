"""How often is a worse release found, and how often is one that is not worse called a regression?

Binormal scores of two releases on the same patients, whose noise is correlated. The parts:

- losses: chance that a loss of AUROC beyond the margin is shown, with the influences of both audits
  (paired) and by overlap of intervals alone; at a loss of the margin itself these are errors;
- intervals: paired intervals of three kinds of loss beside a bootstrap of patients, and how often
  they hold the truth;
- families: a release that is as good as the one before, judged on 12 quantities at once: how often
  any of them is called a regression;
- looks: 50 variants of a model with a shortcut on one test set, with and without declared looks.

    python benchmarks/regressions.py [--quick] [--part NAME] [--json PATH]
"""

from regressions.cli import main

if __name__ == "__main__":
    main()

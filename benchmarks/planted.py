"""What does the default policy say of models that read what was planted into real films?

The films of one hospital or fundus photographs (`AUDIT_REAL_DATA`), frozen EfficientNet-Lite0
features and a linear head, held out by patient, each audited with the real command: with a finding
planted into the region and labels that say nothing else (honest by construction), with a shortcut
planted in its place, with the same shortcut beside the real label, and as they are, the reference
for the latter.

    AUDIT_REAL_DATA=/path python benchmarks/planted.py [--films glaucoma] [--quick]
        [--json PATH] [--out FILE.md]

About two minutes a model on an idle core. An interrupted run continues: records are kept.
"""

from planted.cli import main

if __name__ == "__main__":
    main()

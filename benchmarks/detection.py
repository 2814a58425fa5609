"""How often is audit-suite wrong? Models with known truth, audited with the real command.

Small CNNs are trained on phantoms over a grid of planted truths: no signal; an honest finding in
the ROI; shortcuts outside it; diffuse ones; another framing; masks that leak the label; an artefact
in the ROI that is not the disease; a second finding; a segmenter that misses diseased lung; a site
tied to the label. Each model is audited on its own test set with `pytest --audit`; for comparison,
the naive rule "AUROC without the ROI is significantly above .5" is applied too.

    python benchmarks/detection.py [--quick] [--json PATH] [--out FILE.csv|FILE.json] [--kind NAME]

On two idle cores the full run of 630 models takes about 80 minutes, the quick one of 34 less than
five. An interrupted run continues: results are kept model by model under a digest of the settings,
and are valid as long as the package's code is the same. `--kind` names a shortcut that a pack in
`plugins/contrib` registers.
"""

from detection.cli import main

if __name__ == "__main__":
    main()

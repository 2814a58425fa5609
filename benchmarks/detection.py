"""How often is the instrument wrong? Models whose truth is known, audited by the real command.

Small CNNs are trained on phantoms over a grid of planted truths: no signal; an honest finding in
the ROI; shortcuts outside it; diffuse ones; another framing; masks that leak the label; something
in the ROI that is no disease; a second finding; a segmenter that misses sick lung; a site tied to
the label. Each is audited on a test set of its own with `pytest --audit`, and beside the verdict
stands the naive rule "AUROC without the ROI is significantly above .5".

    python benchmarks/detection.py [--quick] [--json PATH] [--out FILE.csv|FILE.json] [--kind NAME]

On two idle cores the full run of 630 models takes about 80 minutes, the quick one of 34 less than
five. Interrupted, it goes on where it was: results are kept model by model under a digest of the
settings, and count as long as the package's code is the same. What `--kind` names is a shortcut
that a pack in `plugins/contrib` registers.
"""

from detection.cli import main

if __name__ == "__main__":
    main()

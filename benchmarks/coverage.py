"""How often do the intervals contain the truth, and how often do tests at a boundary go wrong?

Binormal scores; images of a patient share half of the variance. The parts:

- intervals: nominal 95 % intervals of AUROCs, differences and shares of skill kept, over AUROC,
  patients, images, prevalence, share and correlation of the two score sets;
- tails: FAIL at the levels of a release and PASS at .05, where the truth is the margin itself, with
  20 and 50 positives, on the logit scale and on the plain one;
- folded: intervals of the folded AUROC, which sees scores that differ in spread alone;
- separation: intervals of the share of a score's separation that a cue explains;
- regions: intervals of the share of region attributions outside the region (R14), whose references
  serve several images;
- heavy: one patient with a large part of all images, and the rule that such data decide nothing.

    python benchmarks/coverage.py [--quick] [--part NAME] [--json PATH]
"""

from covering.cli import main

if __name__ == "__main__":
    main()

"""What share of a CUDA card does the engine use? DenseNet-121 with random weights, 25 maskings.

- best_bare: images per second of the network alone at 224 pixels, the best of all that was tried:
  precisions, batches, free choice of algorithms, compiled;
- engine_share_224, engine_share_512: the engine's rate over the best bare rate of the precision
  that it chose, with prepared images in a cache on disk; compiled where there was time to compile;
- overhead_224, overhead_512: the network alone in the engine's own settings, over the engine;
- speedup_default: the engine over fp32 in the batches of a CPU (8 images of 224 pixels), which were
  the default before; speedup_release_224 and _512: over what the last release was measured to do;
- speedup_plain_224: over the paper's protocol done plainly on the same card, and without the time
  in which that dilates masks;
- repeat_identical: 1 if two runs from empty stores give the same bytes, and so do maps made twice;
- decode_..., prepare_..., explained_...: images per second that are decoded, prepared, explained;
- card: its name; skipped: the parts for which there was no time.

    python benchmarks/gpu.py [--quick] [--seconds S] [--part NAME] [--json PATH]

It ends after 220 seconds, and writes what it has after each figure. Compiling comes last: one graph
takes about two minutes, so `--seconds 560` is needed for both sizes. --quick measures 224 pixels.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
others = [path for path in sys.path if Path(path).resolve() != HERE]
# Last, since shap imports the package coverage; with the package, which may not be installed.
sys.path[:] = [*others, str(HERE.parent), str(HERE)]

from gpu.cli import main  # noqa: E402

if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # the processes of a compiler that was stopped would be waited for

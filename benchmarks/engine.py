"""What does the engine cost beyond the network's own passes, and what does it save?

Parts, one module each in the folder beside this file. Each measures ratios in one run, in seconds
of processor time, so that what else the machine does changes little:

- overhead: the engine over the bare passes of the images that differ, in the engine's own settings;
- protocol: how much faster it is than the paper's protocol done plainly, how far scores and AUROCs
  differ from it, in fp32 and, where the processor has it, in bf16.

    python benchmarks/engine.py [--quick] [--part NAME] [--json PATH]
"""

from engine.cli import main

if __name__ == "__main__":
    main()

"""What share of a CUDA card the engine uses: one module for each thing that is measured."""

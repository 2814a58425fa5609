"""How fast the engine is, in ratios that hold on any machine: one module for each part."""

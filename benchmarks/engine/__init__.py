"""What the engine costs, and what it saves: one part per module."""

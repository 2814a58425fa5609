"""Executors: where the code of models runs, and all that needs torch; one file each.

The process that judges calls them through `EvidenceSource.call`, and imports neither torch nor a
model's code itself.
"""

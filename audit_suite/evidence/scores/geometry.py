"""The geometry of a model's input: what applies to an image before it is masked."""

from __future__ import annotations

from audit_suite.cards import InputSpec

Geometry = tuple[tuple[int, int], int, str, str]  # size, channels, resize, scale


def geometry(spec: InputSpec) -> Geometry:
    """The part of a model's input that applies before masking; models with the same share work."""
    return spec.size, spec.channels, spec.resize, spec.scale

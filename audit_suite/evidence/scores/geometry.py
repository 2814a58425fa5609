"""The geometry of a model's input: what applies to an image before it is masked."""

from __future__ import annotations

import hashlib
import json

from audit_suite.cards import InputSpec
from audit_suite.maskings.masking import Names

Geometry = tuple[tuple[int, int], str]  # size, and all that applies before masking


def geometry(spec: InputSpec, boxed: Names = ()) -> Geometry:
    """The part of a model's input that applies before masking; models with the same share work.

    Args:
        spec: The model's input.
        boxed: The region whose bounding box is black in the file; empty for files as they are.
    """
    code = [hashlib.sha256(path.read_bytes()).hexdigest() for path in spec.code()]
    content = [spec.before_masking(), *code, *([list(boxed)] if boxed else [])]
    return spec.size, json.dumps(content, sort_keys=True)

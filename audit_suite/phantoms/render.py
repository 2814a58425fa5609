"""Draw a synthetic patient: anatomy, finding, then the planted shortcuts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import PhantomSpec
from audit_suite.phantoms.cohort import PhantomCase, Stream, stream
from audit_suite.phantoms.cxr import draw_cxr
from audit_suite.phantoms.fundus import draw_fundus
from audit_suite.phantoms.shortcut import plant_shortcut

GENERATOR_VERSION = "1"
"""Part of a phantom's digest: raise it with every change that changes a pixel."""


def render(
    spec: PhantomSpec, case: PhantomCase
) -> tuple[NDArray[Any], dict[str, NDArray[np.bool_]]]:
    """Draw one image; the same case always gives the same pixels.

    The label changes pixels inside the ROI only (lungs, optic disc; heart for cardiomegaly,
    diaphragm for pneumoperitoneum): with nothing planted, an image with label 0 and the same image
    with label 1 differ nowhere else.

    Args:
        spec: Settings of the data set.
        case: The image of a patient to draw.

    Returns:
        The image, uint8, shape (S, S) or (S, S, 3), and the regions, each of shape (S, S).

    Raises:
        AuditError: If an extension's shortcut raises or returns the wrong thing; names it.
    """
    draw = draw_cxr if spec.kind == "cxr" else draw_fundus
    image, regions = draw(spec, case)
    for position, (name, strength) in enumerate(_shown_by_site(spec, case)):
        rng = stream(spec, Stream.SCANNER, case.number, case.image, position)
        image, regions = plant_shortcut(name, image, regions, rng, strength)
    for position, (shortcut, planted) in enumerate(zip(spec.shortcuts, case.planted, strict=True)):
        if planted:
            rng = stream(spec, Stream.SHORTCUT, case.number, case.image, position)
            image, regions = plant_shortcut(shortcut.name, image, regions, rng, shortcut.strength)
    return image, regions


def _shown_by_site(spec: PhantomSpec, case: PhantomCase) -> list[tuple[str, float]]:
    """Shortcuts in every image of a site's scanner, if the site is tied to the label."""
    return [
        (name, tie.strength)
        for tie in spec.metadata
        if tie.key == "site" and case.metadata["site"] == "site-c"
        for name in tie.shows
    ]

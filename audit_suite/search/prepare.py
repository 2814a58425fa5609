"""The images of a search at the model's input, and which of their pixels may be changed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets.regions import named_regions
from audit_suite.evidence.frame import fit_with_frame
from audit_suite.evidence.source import EvidenceSource
from audit_suite.pulse import beat
from audit_suite.regions import signed_distance, union
from audit_suite.search.patients import Roles
from audit_suite.search.request import FRAME, SearchRequest

Images = NDArray[np.float32]
Pixels = NDArray[np.bool_]


@dataclass(frozen=True)
class Prepared:
    """The images of one half.

    Attributes:
        images: Shape (n, C, H, W), in [0, 1], not normalised.
        free: Shape (n, H, W): pixels that may be changed.
        lent: Shape (2, n, C, H, W): what is put there, from patients with and without the finding;
            None if the change is painted.
    """

    images: Images
    free: Pixels
    lent: Images | None


def prepare_roles(request: SearchRequest, source: EvidenceSource, roles: Roles) -> Prepared:
    """Decode each image once.

    Raises:
        AuditError: If an image cannot be read, although its score is stored.
    """
    rows = sorted({int(i) for part in (roles.changed, roles.having, roles.lacking) for i in part})
    place = {row: number for number, row in enumerate(rows)}
    images, free = _fitted(request, source, rows)
    changed = [place[int(i)] for i in roles.changed]
    if not request.strategy.swapped:
        return Prepared(images[changed], free[changed], None)
    having, lacking = ([place[int(i)] for i in part] for part in (roles.having, roles.lacking))
    return Prepared(
        images[changed],
        free[changed] & free[having] & free[lacking],
        np.stack([images[having], images[lacking]]),
    )


def _fitted(
    request: SearchRequest, source: EvidenceSource, rows: Sequence[int]
) -> tuple[Images, Pixels]:
    dataset, spec = source.dataset(request.dataset), request.model.input
    grown = -(-request.margin * max(spec.size) // FRAME)

    def fit(row: int) -> tuple[Images, Pixels]:
        sample = dataset.read(row)
        named = named_regions(sample, request.dataset, request.region)
        kept = {name: named[name] for name in request.region if name in named}
        image, regions = fit_with_frame(sample, kept, spec, request.region)
        region = union(regions, request.region)
        beat()
        return image, signed_distance(region) > grown if grown else ~region

    with ThreadPoolExecutor(source.profile.threads) as pool:
        fitted = list(pool.map(fit, rows))
    return np.stack([image for image, _ in fitted]), np.stack([free for _, free in fitted])

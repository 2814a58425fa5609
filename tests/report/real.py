"""Records of real audits of the reference models, for what a reviewer reads first.

``python tests/report/real.py NAME AUDIT_JSON`` stores one again, without most of its pictures; the
page docs/howto/three-minutes.md says which audit each of them is.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

from audit_suite.record import Record, load_record

NAMES = ("honest", "shortcut", "undecided", "partial")
FOLDER = Path(__file__).parents[2] / "reports" / "examples"
_KEPT = ("full", "without-lungs-box", "only-lungs-box")  # pictures of the strip


def real(name: str) -> Record:
    """A stored record; what it lacks of newer keys has their defaults."""
    return Record.model_validate(
        json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))
    )


def store(name: str, path: Path) -> None:
    """Keep what the first screen and the lists of findings need."""
    record = load_record(path)
    record.gallery = [
        image for image in record.gallery if image.case == "positive 1" and image.masking in _KEPT
    ]
    for place in record.attributions:
        place.overlays = place.overlays[:1]
    record.frames, record.read, record.embeddings, record.matrices = [], [], [], []
    record.sections = {"case": record.sections["case"]} if "case" in record.sections else {}
    record.digest = record.content_digest()
    content = gzip.compress(record.to_json().encode(), mtime=0)
    (FOLDER / f"{name}.json.gz").write_bytes(content)


if __name__ == "__main__":
    store(sys.argv[1], Path(sys.argv[2]))

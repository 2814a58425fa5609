"""A folder with cards of phantoms and of the honest reference model, for parts that audit."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ZOO = Path(__file__).parents[2] / "model_zoo"
_DATA = """
schema = 1
name = "phantoms"
reader = "phantom"

[phantom]
kind = "cxr"
patients = {patients}
size = 64

[targets.consolidation]
roi = ["lungs"]
"""


@contextmanager
def phantoms(patients: int) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Write the cards.

    Args:
        patients: How many, with one image each.

    Yields:
        The folder, which is the working directory meanwhile; model cards; data set cards.
    """
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="engine-") as place:
        folder = Path(place)
        (folder / "data.toml").write_text(_DATA.format(patients=patients))
        os.chdir(folder)
        try:
            yield folder, [str(ZOO / "models" / "phantom-honest.toml")], ["data.toml"]
        finally:
            os.chdir(before)

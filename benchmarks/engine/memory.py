"""How much more memory many images take than few: they stream through."""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 32  # pixels: many images in little time; what an image leaves behind does not depend on it

_MODEL = """
schema = 1
name = "net"
targets = ["finding"]
loader = "callable"
architecture = "net.py:build"
trusted = true
[input]
size = [32, 32]
channels = 1
resize = "stretch"
mean = [0.0]
std = [1.0]
"""
_NET = """
import torch

class Net(torch.nn.Module):
    def forward(self, batch):
        return 8 * (batch.mean(dim=(1, 2, 3)) - 0.5)

def build():
    return Net()
"""
_DATA = """
schema = 1
name = "data"
reader = "manifest"
manifest = "data.csv"
metadata = ["age", "site"]
[targets.finding]
column = "finding"
roi = ["square"]
[regions.square]
column = "mask"
[masks]
shared = ["square"]
source = "one mask for all"
"""
_CHECKS = """
from audit_suite import *

@check("SEEN", full=auroc(), hidden=auroc(WithoutROI()), box=auroc(WithoutROI(shape="box")),
       inside=auroc(OnlyROI()), noise=auroc(WithoutROI(fill="noise")))
def test_seen(full, hidden, box, inside, noise):
    assert full > 0.0
"""
_RUN = """
import sys
from pathlib import Path
from audit_suite import run
record = run(["net.toml"], ["data.toml"], checks=["checks.py"], device="cpu", executor="inline",
             cache="off", evidence=sys.argv[1], max_cases=int(sys.argv[2]))
assert record.findings[0].verdict == "pass", record.findings[0].reason
# Of this process alone: what `getrusage` tells began with the size of the one that started it.
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


def figures(quick: bool) -> dict[str, float]:
    """Audit few and many images of a manifest, each in a process of its own.

    Args:
        quick: 500 and 3,000 instead of 1,000 and 50,000.

    Returns:
        ``memory_growth``, by which part the peak memory of the process that decodes, scores and
        judges is larger with many; and both peaks in megabytes.
    """
    few, many = (500, 3_000) if quick else (1_000, 50_000)
    with tempfile.TemporaryDirectory(prefix="engine-") as place:
        folder = Path(place)
        peaks = []
        for count in (few, many):
            write(folder, count)
            peaks.append(_peak(folder, count))
    return {
        "memory_growth": peaks[1] / peaks[0] - 1,
        "memory_few": peaks[0] / 1024,
        "memory_many": peaks[1] / 1024,
    }


def write(folder: Path, count: int) -> None:
    """Write cards, network, checks, and images of patients with one each."""
    for name, text in (
        ("net.toml", _MODEL),
        ("net.py", _NET),
        ("data.toml", _DATA),
        ("checks.py", _CHECKS),
    ):
        (folder / name).write_text(text)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[8:20, 8:20] = 255
    Image.fromarray(mask).save(folder / "mask.png")
    with (folder / "data.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image", "mask", "patient_id", "finding", "age", "site"])
        for number in range(count):
            name = f"image-{number:06}.png"
            if not (folder / name).exists():
                pixels = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE), np.uint8)
                Image.fromarray(pixels).save(folder / name, compress_level=1)
            row = [name, "mask.png", f"patient-{number:06}", number % 2, number % 90, number % 7]
            table.writerow(row)


def _peak(folder: Path, count: int) -> int:
    """Peak memory of an audit, in kilobytes."""
    command = [sys.executable, "-c", _RUN, f"evidence-{count}", str(count)]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1])

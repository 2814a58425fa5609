"""Cards that tests write: a model, a data set of files, a phantom, and a network to go with them."""

from __future__ import annotations

from audit_suite.cards import InputSpec, load_dataset_card, load_model_card

MODEL = """
schema = 1
name = "{name}"
targets = {targets}
loader = "{loader}"
{code}
activation = "{activation}"
{top}
[input]
size = [{size}, {size}]
channels = 1
resize = "pad"
mean = [0.0]
std = [1.0]
"""

DATASET = """
schema = 1
name = "{name}"
reader = "manifest"
manifest = "m.csv"
{top}
[targets.{target}]
column = "sick"
{roi}
[regions.lungs]
column = "mask"
"""

PHANTOM = """
schema = 1
name = "{name}"
reader = "phantom"
{top}
[phantom]
kind = "cxr"
patients = {patients}
size = {size}
{more}
[targets.consolidation]
roi = ["lungs"]
{target}
"""

BRIGHTNESS = """
import torch

class Brightness(torch.nn.Module):
    def forward(self, batch):
        return 20 * (batch.mean(dim=(1, 2, 3)) - 0.35)

def build():
    return Brightness()
"""


def input_spec(size=(8, 8), **more):
    """An input without mean and standard deviation: intensities in [0, 1]."""
    return InputSpec(**{"size": size, "resize": "pad", "mean": (0.0,), "std": (1.0,)} | more)


def model_card(
    folder,
    top="",
    *,
    name="m",
    targets=("sick",),
    loader="callable",
    architecture="x.py:y",
    activation="sigmoid",
    size=32,
):
    """A model's card with more lines at the top; without an architecture it trusts no code."""
    (folder / f"{name}.toml").write_text(
        MODEL.format(
            name=name,
            targets=list(targets),
            loader=loader,
            code=f'architecture = "{architecture}"\ntrusted = true' if architecture else "",
            activation=activation,
            size=size,
            top=top,
        )
    )
    return load_model_card(folder / f"{name}.toml")


def dataset_card(folder, name="d", top="", roi='roi = ["lungs"]', target="sick"):
    """A data set's card with more lines at the top or in the target's table."""
    text = DATASET.format(name=name, top=top, roi=roi, target=target)
    (folder / f"{name}.toml").write_text(text)
    return load_dataset_card(folder / f"{name}.toml")


def phantom_card(folder, name="d", top="", *, patients=24, size=32, more="", target=""):
    """A phantom's card with more lines at the top, on the phantom or in the target's table."""
    text = PHANTOM.format(
        name=name, top=top, patients=patients, size=size, more=more, target=target
    )
    (folder / f"{name}.toml").write_text(text)
    return load_dataset_card(folder / f"{name}.toml")


def bright_project(folder, patients):
    """Write ``model.toml``, a model that scores by brightness, and ``data.toml``, a phantom."""
    (folder / "net.py").write_text(BRIGHTNESS)
    model_card(folder, name="model", targets=["consolidation"], architecture="net.py:build")
    phantom_card(folder, "data", patients=patients)

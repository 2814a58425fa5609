"""Write first cards and a first file of checks, and say what to do with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from audit_suite.cards import load_dataset_card, load_model_card
from audit_suite.errors import AuditError
from audit_suite.files import write_whole
from audit_suite.registry import load_extensions
from audit_suite.starting.answers import Answers
from audit_suite.starting.data_card import DataOptions, data_keys
from audit_suite.starting.model_card import ModelOptions, model_keys
from audit_suite.starting.toml_lines import slug, toml_text

MODEL, DATA, CHECKS = "model.toml", "data.toml", "audits/test_own.py"
_HEAD = (
    "Written by `audit-suite init`. What nobody said was assumed, and says so: compare it with\n"
    "the code that the model was trained with, then run `audit-suite doctor`."
)
_OWN = '''"""Checks of your own; `pytest --audit` runs them beside the shipped ones."""

from audit_suite import WithoutROI, auroc, check


@check("own-background", hidden=auroc(WithoutROI(shape="box")))
def test_background_is_not_enough(hidden):
    """With the region's bounding box hidden, does the model keep less than an AUROC of .75?"""
    assert hidden < 0.75
'''


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        files: The files.
        next: Commands to run next, each with a remark that may be empty.
    """

    files: tuple[Path, ...]
    next: tuple[tuple[str, str], ...]


def write_cards(model: ModelOptions, data: DataOptions, out: Path, answers: Answers) -> Written:
    """Guess, ask, and write both cards and a first file of checks.

    Args:
        model: What the user said of the model.
        data: What the user said of the data.
        out: Folder to write to; files there are never overwritten.
        answers: Asks, or assumes.

    Raises:
        AuditError: If something is missing or must be said; then nothing is written.
    """
    load_extensions()
    names = [MODEL, DATA] + ([CHECKS] if data.masks else [])
    if there := [name for name in names if (out / name).exists()]:
        raise AuditError(
            f"--out: {out} already holds {', '.join(there)}", "name another folder, or remove them"
        )
    if model.outputs and not data.target and len(model.outputs) == 1:
        data = replace(data, target=model.outputs[0])
    target, of_data = data_keys(data, out, answers)
    of_model = model_keys(model, slug(target), out, answers)
    texts = {MODEL: toml_text(_HEAD, of_model), DATA: toml_text(_HEAD, of_data)}
    if data.masks:
        texts[CHECKS] = _OWN
    files = []
    for name, text in texts.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
        files.append(path)
    load_model_card(out / MODEL)
    load_dataset_card(out / DATA)
    audit = f"pytest --audit --audit-model {MODEL} --audit-dataset {DATA}"
    return Written(
        tuple(files),
        (
            (f"cd {out}", ""),
            (f"audit-suite doctor {MODEL} {DATA}", "what is wrong, and what the model is shown"),
            (f"{audit} --audit-profile first-look", "a first verdict in minutes"),
            (f"{audit} --audit-report audit.html --audit-json audit.json", "the whole audit"),
        ),
    )

"""Collection, record and report of an audit of 10,000 checks: many models, data sets, targets."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import numpy as np
from PIL import Image

from audit_suite.audit.assemble import assemble
from audit_suite.audit.judge import judge
from audit_suite.audit.opening import Audit, open_audit
from audit_suite.audit.plan import CheckCase, shown_requests
from audit_suite.audit.resolve import rule_for
from audit_suite.audit.run import planned_checks
from audit_suite.audit.settings import Settings
from audit_suite.record import Finding, natural_order
from audit_suite.statistics import estimate_auroc, recording
from audit_suite.verdict import NotApplicable, Verdict

_CHECKS = 10_000
_MODELS, _SETS, _TARGETS = 5, 2, 8
_IMAGES, _SIDE = 40, 64
_TABLES = "associations", "embeddings"
_PATTERN = 20  # findings that are made; the others repeat them


def figures(quick: bool) -> dict[str, float]:
    """CPU seconds and megabytes at 10,000 checks.

    Returns:
        ``collect_seconds_10k``: what `pytest --audit --collect-only` takes more than for one cell.
        ``report_seconds_10k``: to assemble and write record and report, pictures included.
        ``report_megabytes_10k``: the size of the report.
    """
    models = 2 if quick else _MODELS
    with tempfile.TemporaryDirectory() as made, _within(Path(made)) as folder:
        cards = [_model(folder, number) for number in range(models)]
        data = [_dataset(folder, number) for number in range(_SETS)]
        start, _ = _collected(cards[:1], [_dataset(folder, _SETS, targets=1)])
        collecting, checks = _collected(cards, data)
        inline = {"evidence": folder / "evidence", "executor": "inline"}  # all in this process
        audit = open_audit(Settings(tuple(cards), tuple(data), **inline))
        reporting, size = _reported(audit, folder)
    scale = _CHECKS / checks
    return {
        "collect_seconds_10k": (collecting - start) * scale,
        "report_seconds_10k": reporting * scale,
        "report_megabytes_10k": size / 1e6 * scale,
    }


def _collected(models: list[Path], datasets: list[Path]) -> tuple[float, int]:
    """CPU seconds that collection takes, start-up included, and the number of checks."""
    named = [word for card in models for word in ("--audit-model", str(card))]
    named += [word for card in datasets for word in ("--audit-dataset", str(card))]
    command = [sys.executable, "-m", "pytest", "--audit", "--collect-only", "-q", *named]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command += ["-p", "no:cacheprovider"]
    process = subprocess.run(command, check=False, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    checks = process.stdout.count("::")
    if not checks:
        raise RuntimeError(
            f"nothing was collected: {process.stdout[-2000:]}{process.stderr[-2000:]}"
        )
    return after.ru_utime - before.ru_utime, checks


def _reported(audit: Audit, folder: Path) -> tuple[float, int]:
    """CPU seconds to write record and report, and the bytes of the report."""
    cases = [case for case, _ in planned_checks(audit)]
    findings = sorted(_judged(cases, audit), key=natural_order)
    shown = shown_requests(audit.cells, ((case.planned(), case.shown()) for case in cases))
    before = time.process_time()
    record = assemble(audit, findings, shown)
    record.save(folder / "audit.json")
    record.report(folder / "audit.html")
    return time.process_time() - before, (folder / "audit.html").stat().st_size


def _judged(cases: list[CheckCase], audit: Audit) -> Iterator[Finding]:
    """Findings as real ones are: most pass, some fail, are undecided, or do not apply."""
    made = [_made(case, number, audit) for number, case in enumerate(cases[:_PATTERN])]
    copied = ("verdict", "claim", "estimate", "margin", "margin_source", "comparisons", "reason")
    for case, like in zip(cases, cycle(made), strict=False):
        values = {name: getattr(like, name) for name in (*copied, "would_pass")}
        if case.check.section:  # numbers that are not judged, where the section has a table of them
            place = {"property": case.suffix, "masking": "without-lesion", "among": "all"}
            shown = made[0].comparisons[0].estimate.model_copy(update={"at": place})
            table = case.check.section.partition(".")[0] in _TABLES
            values |= {"verdict": Verdict.NOT_APPLICABLE, "comparisons": [], "estimate": None}
            values |= {"observations": [shown] if table else [], "reason": "reported only"}
        else:
            values["comparisons"] = [one.model_copy() for one in like.comparisons]
        yield case.planned().model_copy(update=values)


def _made(case: CheckCase, number: int, audit: Audit) -> Finding:
    rng = np.random.default_rng(number)
    labels = np.arange(400) % 2
    full, hidden = (rng.normal(size=400) + shift * labels for shift in (1.5, 0.1 * (number % 4)))
    auroc = estimate_auroc(labels, full, np.arange(400), "cohort", "AUROC")
    without = estimate_auroc(labels, hidden, np.arange(400), "cohort", "AUROC without ROI")
    raised: Exception | None = None
    with recording(rule_for(case, audit)) as recorded:
        try:
            if number % 5 == 4:
                raise NotApplicable("the data set declares no region that this check could hide")
            assert auroc > 0.6
            assert without < 0.55
        except (AssertionError, NotApplicable) as error:
            raised = error
        except Exception as error:  # inconclusive
            raised = error
    return judge(case, raised, recorded, ())


def _model(folder: Path, number: int) -> Path:
    from safetensors.torch import save_file

    from audit_suite.models.small_cnn import small_cnn

    save_file(small_cnn(outputs=_TARGETS).state_dict(), folder / "model.safetensors")
    card = folder / f"model-{number}.toml"
    targets = ", ".join(f'"finding-{target}"' for target in range(_TARGETS))
    card.write_text(
        f'schema = 1\nname = "model-{number}"\ntargets = [{targets}]\nloader = "architecture"\n'
        'architecture = "audit_suite.models.small_cnn:small_cnn"\n'
        f'arguments = {{ outputs = {_TARGETS} }}\nweights = "model.safetensors"\n'
        'activation = "sigmoid"\nembedding_layer = "embedding"\n\n'
        f'[input]\nsize = [{_SIDE}, {_SIDE}]\nchannels = 1\nresize = "pad"\n'
        "mean = [0.5]\nstd = [0.25]\n"
    )
    return card


def _dataset(folder: Path, number: int, targets: int = _TARGETS) -> Path:
    rng = np.random.default_rng(number)
    names = [f"finding-{target}" for target in range(targets)]
    lines = [",".join(["image", "patient_id", "mask", "age", "site", *names])]
    for image in range(_IMAGES):
        file, mask = folder / f"{number}-{image}.png", folder / f"{number}-{image}-mask.png"
        Image.fromarray(rng.integers(0, 255, (_SIDE, _SIDE), np.uint8)).save(file)
        inside = np.zeros((_SIDE, _SIDE), np.uint8)
        top, left = rng.integers(4, 30, 2)
        inside[top : top + 24, left : left + 24] = 255
        Image.fromarray(inside).save(mask)
        labels = [str(int(label)) for label in rng.integers(0, 2, targets)]
        age, site = str(rng.integers(20, 80)), "AB"[image % 2]
        lines.append(",".join([file.name, f"p{image}", mask.name, age, site, *labels]))
    (folder / f"data-{number}.csv").write_text("\n".join(lines) + "\n")
    card = folder / f"data-{number}.toml"
    of_targets = "\n".join(
        f'[targets.{name}]\ncolumn = "{name}"\nroi = ["lesion"]' for name in names
    )
    card.write_text(
        f'schema = 1\nname = "data-{number}"\nreader = "manifest"\nmanifest = "data-{number}.csv"\n'
        'metadata = ["age", "site"]\n\n[columns]\npatient = "patient_id"\n\n'
        f'[regions.lesion]\ncolumn = "mask"\n\n{of_targets}\n'
    )
    return card


@contextmanager
def _within(folder: Path) -> Iterator[Path]:
    """The folder as the working directory, so that no checks of the caller's are found."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield folder
    finally:
        os.chdir(before)

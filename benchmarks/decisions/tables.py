"""The figures as a page: open, undecided, closed against patients, prevalence, AUROC and share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from decisions.looks import DECLARED

Line = Mapping[str, Any]


def page(figures: Mapping[str, Any], picture: str = "") -> str:
    """The whole page, in Markdown.

    Args:
        figures: By part: ``binormal``, ``pools`` and ``looks``, each a list of lines, and
            ``command``.
        picture: File of the curves beside the page, if there is one.
    """
    parts = [
        "# How often do the default rules open, close, or leave undecided?",
        "",
        "R1, R8-box under three fills and R3, for one target, as pure statistics on simulated test "
        "sets. Open: R1 and R8-box pass at one-sided .05. Closed: R1, R8-box or R3 fails at the "
        "level of a release with one target. The rest is undecided. *Planned* is what "
        "`audit-suite plan` predicts. Each line is `open / undecided / closed`. Made by",
        "",
        f"    {figures['command']}",
        "",
    ]
    if picture:
        parts += [f"![Open, undecided and closed against patients]({picture})", ""]
    if lines := figures.get("binormal"):
        parts += [*_binormal(lines), *_planned("binormal scores", lines), *_targets(lines)]
    if lines := figures.get("pools"):
        parts += [*_pools(lines), *_planned("real scores", lines)]
        undecided = [line for line in lines if line["closed_14"] > 0 and line["closed_1"] < 1]
        parts += _closed_by_targets((line["pool"], line) for line in undecided)
    if lines := figures.get("looks"):
        parts += _looks(lines)
    return "\n".join(parts) + "\n"


def _binormal(lines: Sequence[Line]) -> Iterator[str]:
    aurocs = sorted({line["auroc"] for line in lines})
    yield "## Binormal scores"
    yield ""
    yield "One image per patient unless said; fills correlate by .7."
    yield ""
    yield f"| model | patients, prevalence | {' | '.join(f'AUROC {a:.2f}' for a in aurocs)} |"
    yield "|---|---|" + "---|" * len(aurocs)
    rows: dict[tuple[Any, ...], dict[float, Line]] = {}
    for line in lines:
        key = (_model(line), line["patients"], line["prevalence"])
        rows.setdefault(key, {})[line["auroc"]] = line
    order = list(dict.fromkeys(_model(line) for line in lines))
    for (model, patients, prevalence), cells in sorted(
        rows.items(), key=lambda item: (order.index(item[0][0]), *item[0][1:])
    ):
        texts = (three(cells[a]) if a in cells else "" for a in aurocs)
        yield f"| {model} | {patients:,}, {prevalence:.0%} | {' | '.join(texts)} |"
    yield ""


def _model(line: Line) -> str:
    words = f"keeps {line['kept']:.0%}" if line["kept"] else "honest"
    words += ", turned round under black" if line["inverted"] else ""
    words += f", {line['images']} images each" if line["images"] > 1 else ""
    if line["between_fills"] != 0.7:
        words += f", fills correlate {line['between_fills']:g}"
    return words


def three(line: Line) -> str:
    """Open, undecided and closed, with two digits."""
    return " / ".join(_two(line[name]) for name in ("open", "undecided", "closed_1"))


def _two(share: float) -> str:
    return f"{abs(share):.2f}".removeprefix("0") if share < 0.995 else "1.0"


def _planned(what: str, lines: Sequence[Line]) -> Iterator[str]:
    compared = [line for line in lines if line["planned"] is not None]
    yield f"### Planned against observed: {what}"
    yield ""
    yield "| planned chance to open | cells | observed, mean | lowest | highest | within .05 |"
    yield "|---|---|---|---|---|---|"
    for low, high in (
        (0, 0.05),
        (0.05, 0.25),
        (0.25, 0.5),
        (0.5, 0.75),
        (0.75, 0.95),
        (0.95, 1.01),
    ):
        some = [line for line in compared if low <= line["planned"] < high]
        if not some:
            continue
        opened = [line["open"] for line in some]
        near = sum(abs(line["open"] - line["planned"]) <= 0.05 for line in some) / len(some)
        yield (
            f"| {low:g} to {min(high, 1):g} | {len(some)} | {sum(opened) / len(some):.2f} | "
            f"{min(opened):.2f} | {max(opened):.2f} | {near:.2f} |"
        )
    yield ""


def _targets(lines: Sequence[Line]) -> Iterator[str]:
    shown = [line for line in lines if line["kept"] in (0.33, 0.5) and _plain(line)]
    named = [
        (f"AUROC {line['auroc']:.2f}, keeps {line['kept']:.0%}", line)
        for line in shown
        if line["auroc"] in (0.80, 0.9)
    ]
    yield from _closed_by_targets(named)


def _closed_by_targets(lines: Iterable[tuple[str, Line]]) -> Iterator[str]:
    yield "### Closed, by the number of targets that share the level"
    yield ""
    yield "| model | patients, prevalence | 1 target | 5 | 14 |"
    yield "|---|---|---|---|---|"
    for name, line in lines:
        shares = " | ".join(_two(line[f"closed_{targets}"]) for targets in (1, 5, 14))
        yield f"| {name} | {line['patients']:,}, {line['prevalence']:.0%} | {shares} |"
    yield ""


def _plain(line: Line) -> bool:
    return line["images"] == 1 and not line["inverted"] and line["between_fills"] == 0.7


def _pools(lines: Iterable[Line]) -> Iterator[str]:
    by_pool: dict[str, list[Line]] = {}
    for line in lines:
        by_pool.setdefault(line["pool"], []).append(line)
    yield "## Real scores"
    yield ""
    yield (
        "Test sets are drawn, patient by patient, from models that were scored once: networks "
        "on phantoms (6,000 patients), and a linear head on frozen EfficientNet-Lite0 features of "
        "real images, scored by the fold that did not train on the patient. AUROC and share kept "
        "(black, mean, blur) are those of all patients, hence exact. In brackets: planned with the "
        "usual correlation of the fills, and with the measured one."
    )
    yield ""
    sizes = sorted({_size(line) for some in by_pool.values() for line in some})
    heads = (f"{patients:,}, {prevalence:.0%}" for patients, prevalence in sizes)
    yield f"| model | truth | AUROC | kept | fills correlate | {' | '.join(heads)} |"
    yield "|---|---|---|---|---|" + "---|" * len(sizes)
    for name, some in by_pool.items():
        cells = {_size(line): line for line in some}
        texts = (f"{three(cells[at])} ({_both(cells[at])})" for at in sizes)
        kept = ", ".join(f"{share:.2f}" for share in some[0]["kept"])
        fills = ", ".join(f"{value:.2f}" for value in some[0]["between_fills"])
        yield (
            f"| {name} | {some[0]['truth']} | {some[0]['auroc']:.3f} | {kept} | {fills} | "
            f"{' | '.join(texts)} |"
        )
    yield ""


def _both(line: Line) -> str:
    return f"{_two(line['planned'])}, {_two(line['planned_measured'])}"


def _size(line: Line) -> tuple[int, float]:
    return line["patients"], line["prevalence"]


def _looks(lines: Iterable[Line]) -> Iterator[str]:
    yield "## Looks"
    yield ""
    yield (
        "50 variants of a model on one test set, whose scores share half of the noise: the share "
        "of test sets on which any variant opens the gate. With m declared looks only the first m "
        "are audited, each at .05/m."
    )
    yield ""
    declared = " | ".join(f"m = {m}" for m in DECLARED)
    first = " | ".join(f"first of {m}" for m in DECLARED)
    free = "50 at .05 | 50 at .05/(j(j+1))"
    yield f"| keeps | patients, prevalence | {free} | {declared} | {first} |"
    yield "|---|---|---|---|" + "---|" * (2 * len(DECLARED))
    for line in lines:
        any_, one = (
            " | ".join(_two(line[key][str(m)]) for m in DECLARED) for key in ("declared", "first")
        )
        yield (
            f"| {line['kept']:.0%} | {line['patients']:,}, {line['prevalence']:.0%} | "
            f"{_two(line['freely'])} | {_two(line['summable'])} | {any_} | {one} |"
        )
    yield ""

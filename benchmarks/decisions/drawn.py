"""The binormal figures as curves: open, undecided and closed against patients, as one SVG file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from audit_suite.report.charts.chances import HEIGHT, WIDTH, ChancesChart, Panel, chances_chart

AUROC = 0.9
PREVALENCES = (0.1, 0.3)
TRUTHS = {
    0.0: "needs only the region",
    0.25: "a quarter of the skill lies elsewhere",
    0.5: "half of the skill lies elsewhere",
}
_HEAD = 24
_COLOURS = {"opens": "#0b6b3a", "closes": "#a3123a", "undecided": "#d5dae0"}

Line = Mapping[str, Any]


def curves(lines: Sequence[Line]) -> str:
    """One row of panels per prevalence, one panel per truth.

    Args:
        lines: Lines of the part ``binormal``.

    Returns:
        The SVG file's text; empty without lines of these designs.
    """
    rows = [(prevalence, _chart(lines, prevalence)) for prevalence in PREVALENCES]
    drawn = [(prevalence, chart) for prevalence, chart in rows if chart]
    if not drawn:
        return ""
    width, height = WIDTH * len(TRUTHS), (HEIGHT + _HEAD) * len(drawn) + _HEAD
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="system-ui, sans-serif" font-size="11" role="img">',
        f"<title>Open (below), undecided (between) and closed (above) against patients, AUROC "
        f"{AUROC:.2f}</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for row, (prevalence, chart) in enumerate(drawn):
        top = row * (HEIGHT + _HEAD)
        parts.append(
            f'<text x="8" y="{top + 16}" font-weight="600">{prevalence:.0%} of the patients have '
            f"the finding; AUROC {AUROC:.2f}</text>"
        )
        for column, panel in enumerate(chart.panels):
            parts.append(f'<g transform="translate({column * WIDTH} {top + _HEAD})">')
            parts += _panel(chart, panel)
            parts.append("</g>")
    parts += _legend(height - _HEAD + 8)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _chart(lines: Sequence[Line], prevalence: float) -> ChancesChart | None:
    truths = []
    for kept, title in TRUTHS.items():
        some = sorted(
            (line["patients"], line["open"], line["closed_1"])
            for line in lines
            if (line["auroc"], line["prevalence"], line["kept"]) == (AUROC, prevalence, kept)
            and (line["images"], line["inverted"], line["between_fills"]) == (1, False, 0.7)
        )
        if len(some) > 1:
            truths.append((title, some))
    return chances_chart(truths) if truths else None


def _panel(chart: ChancesChart, panel: Panel) -> Iterator[str]:
    width, height = chart.right - chart.left, chart.bottom - chart.top
    yield (
        f'<rect x="{chart.left}" y="{chart.top}" width="{width}" height="{height}" '
        f'fill="{_COLOURS["undecided"]}"/>'
    )
    yield f'<path d="{panel.opens}" fill="{_COLOURS["opens"]}"/>'
    yield f'<path d="{panel.closes}" fill="{_COLOURS["closes"]}"/>'
    for y, label in chart.y_ticks:
        yield f'<text x="{chart.left - 5}" y="{y + 4}" text-anchor="end" fill="#444">{label}</text>'
    for x, label in chart.x_ticks:
        below = f'x="{x}" y="{chart.bottom + 15}"'
        yield f'<text {below} text-anchor="middle" fill="#444">{label}</text>'
    middle = (chart.left + chart.right) / 2
    yield (
        f'<text x="{middle}" y="{chart.bottom + 32}" text-anchor="middle" fill="#444">'
        f"{panel.title}</text>"
    )


def _legend(y: float) -> Iterator[str]:
    words = {
        "opens": "opens (below)",
        "undecided": "undecided (between)",
        "closes": "closes (above)",
    }
    for place, (name, text) in enumerate(words.items()):
        x = 8 + 170 * place
        yield f'<rect x="{x}" y="{y}" width="12" height="12" fill="{_COLOURS[name]}"/>'
        yield f'<text x="{x + 18}" y="{y + 10}" fill="#444">{text}</text>'

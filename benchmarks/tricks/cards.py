"""Cards and masks: what a data set card can leave out, and masks that are not what they seem."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from tricks.world import SIDE, Attempt, Call, write_images

Masks = Callable[[np.ndarray, int], Image.Image]


def attempts() -> Iterator[Attempt]:
    """All of them."""
    for name, (old, new) in _TEXTS.items():
        yield Attempt("cards and masks", name, _edited("data.toml", old, new))
    for name, (old, new) in _MODELS.items():
        yield Attempt("cards and masks", name, _edited("shortcut.toml", old, new))
    for name, made in _MASKS.items():
        yield Attempt("cards and masks", f"masks: {name}", _masks(made))
    for name, change in _ROWS.items():
        yield Attempt("cards and masks", f"table: {name}", _rows(change))


def _margins(value: str, *checks: str) -> str:
    lines = "".join(f'[margins.{c}]\nvalue = {value}\nsource = "mine"\n' for c in checks)
    return f"{lines}[targets.sick]"


_TARGET = "[targets.sick]"
_TEXTS: dict[str, tuple[str, str]] = {
    "no region is declared": ('roi = ["organ"]\n', ""),
    "an empty list of regions": ('roi = ["organ"]', "roi = []"),
    "wide margins for all that have one": (
        _TARGET,
        _margins("0.49", "R2", "R3", "R5", "R13").replace(_TARGET, "")
        + '[margins.R4]\nvalue = -0.5\nsource = "mine"\n[targets.sick]',
    ),
    "a margin of R8-box": (_TARGET, _margins("0.9", "R8-box")),
    "a margin of R1": (_TARGET, _margins("0.1", "R1")),
    "an infinite margin": (_TARGET, _margins("inf", "R3")),
    "a margin that is not a number": (_TARGET, _margins("nan", "R3")),
    "a wide margin of C14": (_TARGET, _margins("1.0", "C14")),
    "a region with a path for a name": ("[regions.organ]", '[regions."../organ"]'),
    "a region under another name": ('roi = ["organ"]', 'roi = ["other"]'),
    "a margin around the region as wide as the image": (
        'roi = ["organ"]',
        'roi = ["organ"]\nroi_margin = 100',
    ),
}
_MODELS: dict[str, tuple[str, str]] = {
    "another target": ('targets = ["sick"]', 'targets = ["well"]'),
    "the target twice": ('targets = ["sick"]', 'targets = ["sick", "sick"]'),
    "another data set": ("[input]", 'datasets = ["other"]\n[input]'),
    "softmax over one output": ("[input]", 'activation = "softmax"\n[input]'),
    "a tiny input": ("size = [32, 32]", "size = [1, 1]"),
    "a claim of .5": ("[input]", '[claims.sick]\nauroc = 0.5\nsource = "m"\n[input]'),
    "not trusted": ("trusted = true\n", ""),
}


def _edited(file: str, old: str, new: str):
    def prepare(folder: Path) -> Call:
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text, (file, old)
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")
        return Call()

    return prepare


def _palette(mask: np.ndarray, _n: int) -> Image.Image:
    image = Image.fromarray((mask == 0).astype(np.uint8), mode="P")  # index 1 is black
    image.putpalette([255, 255, 255, 0, 0, 0] + [0] * 762)
    return image


def _two_pages(mask: np.ndarray, _n: int) -> Image.Image:
    first = Image.fromarray(np.zeros_like(mask))
    first.info["more"] = [Image.fromarray(mask)]
    return first


def _pixel(_mask: np.ndarray, n: int) -> Image.Image:
    small = np.zeros((SIDE, SIDE), np.uint8)
    if n % 2:
        small[12:14, 12:14] = 255
    else:
        small[20:22, 20:22] = 255
    return Image.fromarray(small)


_MASKS: dict[str, Masks] = {
    "inverted": lambda mask, n: Image.fromarray(255 - mask),
    "inverted for the sick": lambda mask, n: Image.fromarray(255 - mask if n % 2 else mask),
    "in a palette": _palette,
    "all white": lambda mask, n: Image.fromarray(np.full_like(mask, 255)),
    "all white but one pixel": lambda mask, n: Image.fromarray(
        np.where(np.arange(mask.size).reshape(mask.shape) == 0, 0, 255).astype(np.uint8)
    ),
    "all black": lambda mask, n: Image.fromarray(np.zeros_like(mask)),
    "four pixels": _pixel,
    "mirrored": lambda mask, n: Image.fromarray(np.ascontiguousarray(mask[::-1, ::-1])),
    "moved into a corner": lambda mask, n: Image.fromarray(np.roll(mask, (-9, -9), (0, 1))),
    "of two pages": _two_pages,
    "soft at the edge": lambda mask, n: Image.fromarray((mask // 3 * 2).astype(np.uint8)),
    "in colour": lambda mask, n: Image.merge(
        "RGB", [Image.fromarray(mask)] * 2 + [Image.fromarray(255 - mask)]
    ),
    "noise": lambda mask, n: Image.fromarray(
        np.random.default_rng(n).integers(0, 2, mask.shape).astype(np.uint8) * 255
    ),
}


def _masks(made: Masks):
    def prepare(folder: Path) -> Call:
        images = _own_images(folder)
        for n, file in enumerate(sorted(images.glob("m*.png"))):
            image = made(np.asarray(Image.open(file)), n)
            pages = image.info.pop("more", [])
            name = file.with_suffix(".tif") if pages else file
            image.save(name, **({"save_all": True, "append_images": pages} if pages else {}))
            if pages:
                file.unlink()
        if pages:
            table = images / "manifest.csv"
            table.write_text(table.read_text().replace(",m", ",M").replace(".png,p", ".tif,p"))
            table.write_text(table.read_text().replace(",M", ",m"))
        return Call(own_evidence=True)

    return prepare


def _own_images(folder: Path) -> Path:
    images = folder / "images"
    write_images(images, 400)
    card = folder / "data.toml"
    lines = card.read_text().splitlines()
    lines = [f'root = "{images.as_posix()}"' if x.startswith("root") else x for x in lines]
    card.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return images


Rows = list[list[str]]


def _next_mask(rows: Rows) -> Rows:
    masks = [row[1] for row in rows]
    return [[row[0], masks[i - 1], *row[2:]] for i, row in enumerate(rows)]


_ROWS: dict[str, Callable[[Rows], Rows]] = {
    "every mask is the next patient's": _next_mask,
    "one mask for all": lambda rows: [[r[0], rows[0][1], *r[2:]] for r in rows],
    "one patient for all": lambda rows: [[*r[:2], "p", r[3]] for r in rows],
    "patients are nan": lambda rows: [[*r[:2], "nan", r[3]] for r in rows],
    "every patient ten times": lambda rows: [
        [*r[:2], f"{r[2]}-{k}", r[3]] for r in rows for k in range(3)
    ],
    "one class": lambda rows: [r for r in rows if r[3] == "1"],
    "ten patients": lambda rows: rows[:10],
    "labels turned round": lambda rows: [[*r[:3], str(1 - int(r[3]))] for r in rows],
    "labels at random": lambda rows: [[*r[:3], str(i // 2 % 2)] for i, r in enumerate(rows)],
    "a path out of the folder": lambda rows: [["../../etc/passwd", *r[1:]] for r in rows],
}


def _rows(change: Callable[[Rows], Rows]):
    def prepare(folder: Path) -> Call:
        table = _own_images(folder) / "manifest.csv"
        with table.open(newline="", encoding="utf-8") as file:
            head, *rows = csv.reader(file)
        with table.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([head, *change(rows)])
        return Call(own_evidence=True)

    return prepare

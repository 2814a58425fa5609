"""A page to draw a region on the mean image, and a preview of a region given by numbers."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from importlib.resources import files

import tomli_w
from PIL import Image, ImageDraw

from audit_suite.datasets.mask_formats.drawn import DrawnSpec
from audit_suite.pictures.mean_image import MeanImage

_COLOUR = (255, 200, 0)


def region_lines(name: str, spec: DrawnSpec) -> str:
    """The lines of a data set card that describe a drawn region."""
    outline = {"rectangle": spec.rectangle, "polygon": spec.polygon}
    (key, value), *_ = ((key, value) for key, value in outline.items() if value is not None)
    return f'{_header(name)}\nformat = "drawn"\n{key} = {json.dumps(value)}\n'


def region_page(name: str, mean: MeanImage, file: str) -> str:
    """A page in one file that asks for nothing from anywhere and sends nothing.

    Args:
        name: The region's name.
        mean: The picture to draw on.
        file: The name under which the page offers the lines.
    """
    from jinja2 import Environment

    parts = files("audit_suite.pictures").joinpath("drawing")
    style, script = (parts.joinpath(f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    environment = Environment(autoescape=True)
    template = environment.from_string(parts.joinpath("page.html.j2").read_text("utf-8"))
    height, width = mean.pixels.shape

    return template.render(
        name=name,
        header=_header(name),
        file=file,
        count=mean.images,
        width=width,
        height=height,
        image=_data_address(mean),
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def preview(spec: DrawnSpec, mean: MeanImage) -> bytes:
    """The outline over the mean image, as PNG."""
    height, width = mean.pixels.shape
    picture = Image.fromarray(mean.pixels).convert("RGB")
    if spec.rectangle is not None:
        left, top, right, bottom = spec.rectangle
        points = [(left, top), (right, top), (right, bottom), (left, bottom)]
    else:
        points = list(spec.polygon or ())
    ring = [(x * (width - 1), y * (height - 1)) for x, y in [*points, points[0]]]
    ImageDraw.Draw(picture).line(ring, fill=_COLOUR, width=2)
    return _png(picture)


def _header(name: str) -> str:
    """The table of a region in a card; a name with a dot needs quotation marks."""
    text = tomli_w.dumps({"regions": {name: {"format": ""}}})
    return next(line for line in text.splitlines() if line.startswith("[regions."))


def _data_address(mean: MeanImage) -> str:
    return "data:image/png;base64," + base64.b64encode(_png(Image.fromarray(mean.pixels))).decode()


def _png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def _hash(text: str) -> str:
    """What a content security policy calls a text; the browser runs this one and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

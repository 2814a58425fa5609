"""The input of a model: how a decoded image becomes what the network is given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    StrictBool,
    model_serializer,
    model_validator,
)

from audit_suite.cards.common import Part

Side = Annotated[int, Field(ge=8, le=8192)]  # the largest detectors have about 5,000 pixels
Pair = tuple[float, float]
OwnFunction = Annotated[str, Field(pattern=r"^[^:]+\.py:\w+$")]
Percent = Annotated[float, Field(ge=0, le=100)]

Resize = Literal["pad", "stretch", "crop", "short-side"]
Interpolation = Literal["bilinear", "bicubic", "nearest", "nearest-floor", "area"]
Scale = Literal["unit", "image_max", "min_max", "percentile", "z_score"]

_CHOICES = {
    "size": "size = [height, width] in pixels",
    "resize": 'resize = "pad", "stretch", "crop" or "short-side" (with resize_to)',
    "mean": "mean = [0.485, 0.456, 0.406] (ImageNet's) or [0.0] for none",
    "std": "std = [0.229, 0.224, 0.225] (ImageNet's) or [1.0] for none",
}
_AFTER = {"order", "range", "mean", "std"}  # applied after masking
_ALWAYS = {"size", "channels", "resize", "scale", "mean", "std"}


def _missing(keys: Sequence[str]) -> str:
    named = ", ".join(f"'{key}'" for key in keys)
    choices = "; ".join(_CHOICES[key] for key in keys)
    return f"{named} missing: write what the model was trained with: {choices}"


class Clahe(Part):
    """Contrast-limited adaptive histogram equalisation, as scikit-image does it."""

    clip_limit: Annotated[float, Field(gt=0, le=1)] = 0.01
    """Share of a tile's pixels that one bin of its histogram may hold."""
    tiles: Annotated[int, Field(ge=1, le=64)] = 8
    """Tiles along each side of the image."""
    bins: Annotated[int, Field(ge=2, le=65536)] = 256
    """Bins of each tile's histogram."""


class InputSpec(Part):
    """How a decoded image becomes the model's input, in the order of the keys.

    File values are scaled to [0, 1], then the image is brought to its size. Maskings hide pixels
    of this image. Then follow channel order, value range, mean and standard deviation.
    """

    size: tuple[Side, Side]
    """Height and width of the input, in pixels."""
    channels: Literal[1, 3] = 3
    """1 for grey (colour images become luminance), 3 for colour (grey images are repeated)."""
    stored_range: Pair | None = None
    """File values that become 0 and 1, for example [0, 4095] for 12 bits kept in 16."""
    scale: Scale = "unit"
    """From file values to [0, 1]: by the file type's range (or ``stored_range``), or by the image's
    maximum, minimum and maximum, percentiles, or mean and standard deviation (see ``range``)."""
    percentiles: tuple[Percent, Percent] | None = None
    """The percentiles of an image that become 0 and 1, with ``scale = "percentile"``."""
    scale_on: Literal["file", "input"] = "file"
    """Whether the image's own range is measured on the file's pixels or after resizing."""
    clahe: Clahe | None = None
    """Equalise the file's pixels after they were scaled (extra ``clahe``)."""
    resize: Resize = "pad"
    """``pad`` fits the image in and adds black, ``stretch`` ignores its proportions, ``crop`` fills
    the input and cuts the rest, ``short-side`` goes by ``resize_to`` and cuts out the centre."""
    resize_to: Side | None = None
    """Length of the short side before the centre is cut out, with ``resize = "short-side"``."""
    pad_at: Literal["centre", "end"] = "centre"
    """Where ``pad`` puts the image: in the centre, or top left, with black at right and bottom."""
    interpolation: Interpolation = "bilinear"
    """How pixels between pixels are found; ``nearest-floor`` is OpenCV's INTER_NEAREST."""
    antialias: StrictBool = True
    """Whether bilinear and bicubic shrinking averages (PIL) or skips pixels (OpenCV, Keras)."""
    order: Literal["rgb", "bgr"] = "rgb"
    """Order of the channels that the model is given; ``mean`` and ``std`` are in this order."""
    range: Pair = (0.0, 1.0)
    """What black and white become before ``mean`` and ``std``, for example [0, 255];
    with ``scale = "z_score"`` the standard deviations from the mean that are kept."""
    function: OwnFunction | None = None
    """Your own way from an image file to an array in ``range``, ``file.py:function``; code, so the
    card must be trusted."""
    masks: OwnFunction | None = None
    """Your own way from a mask to the input's size; without it masks follow ``resize``."""
    mean: tuple[float, ...] = (0.0,)
    """Subtracted from each channel; one number, or one per channel."""
    std: tuple[Annotated[float, Field(gt=0)], ...] = (1.0,)
    """Divides each channel afterwards; one number, or one per channel."""

    _folder: Path | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _said(cls, content: Any) -> Any:
        if isinstance(content, dict) and "masks" in content:
            content = {"resize": "stretch"} | content  # not used: both functions do it
        if isinstance(content, dict) and "size" not in content:
            raise ValueError(_missing([key for key in _CHOICES if key not in content]))
        return content

    @property
    def assumed(self) -> str:
        """What a card leaves open, with the choices; empty if it says all.

        Such a card can be loaded, but is not audited: preprocessing that is assumed is a fault that
        nobody sees.
        """
        missing = [key for key in _CHOICES if key not in self.model_fields_set]
        return _missing(missing) if missing else ""

    @model_validator(mode="after")
    def _consistent(self) -> InputSpec:
        for key in ("mean", "std"):
            if len(getattr(self, key)) not in (1, self.channels):
                raise ValueError(f"'{key}' needs 1 or {self.channels} numbers (one per channel)")
        for key in ("stored_range", "percentiles", "range"):
            pair = getattr(self, key)
            if pair is not None and pair[0] >= pair[1]:
                raise ValueError(f"'{key}' needs the lower number first: {list(pair)}")
        low, high = self.range
        if not all(mean == 0 or low <= mean <= high for mean in self.mean):
            raise ValueError(
                f"'mean' {list(self.mean)} lies outside 'range' {list(self.range)}: write the "
                f"range in which it was measured, for example range = [0, 255]"
            )
        return self._check_scale()._check_resize()._check_function()

    def _check_scale(self) -> InputSpec:
        if (self.scale == "percentile") != (self.percentiles is not None):
            raise ValueError(
                "'percentiles' and scale = \"percentile\" need each other, for example "
                "percentiles = [1, 99]"
            )
        if self.scale == "z_score" and not self.range[0] < 0 < self.range[1]:
            raise ValueError(
                "scale = \"z_score\" needs 'range', the standard deviations that are kept, for "
                "example range = [-5, 5]"
            )
        if self.stored_range and self.scale != "unit":
            raise ValueError(
                f"'stored_range' fixes what scale = \"{self.scale}\" measures: keep one"
            )
        if self.scale_on == "input" and self.scale == "unit":
            raise ValueError("'scale_on' needs a 'scale' that is measured on each image")
        if self.order == "bgr" and self.channels == 1:
            raise ValueError('order = "bgr" needs channels = 3')
        return self

    def _check_resize(self) -> InputSpec:
        if (self.resize == "short-side") != (self.resize_to is not None):
            raise ValueError(
                "'resize_to' and resize = \"short-side\" need each other, for example "
                "resize_to = 256 for torchvision's Resize(256) and CenterCrop(224)"
            )
        if self.resize_to and self.resize_to < max(self.size):
            raise ValueError(f"'resize_to' {self.resize_to} is smaller than 'size'")
        if self.pad_at != "centre" and self.resize != "pad":
            raise ValueError("'pad_at' needs resize = \"pad\"")
        return self

    def _check_function(self) -> InputSpec:
        if self.masks and not self.function:
            raise ValueError("'masks' needs 'function', which does the same to the image")
        if self.function and "range" not in self.model_fields_set:
            raise ValueError(
                "'function' needs 'range', the values of black and white in what it returns, for "
                "example range = [0, 1]"
            )
        if self.function and (self.scale != "unit" or self.stored_range or self.clahe):
            raise ValueError(
                "'function' does what 'scale', 'stored_range' and 'clahe' say: leave them out"
            )
        return self

    @model_serializer(mode="wrap")
    def _without_unused(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out optional keys that are not used, so that digests do not change with them."""
        content: dict[str, Any] = write(self)
        fields = type(self).model_fields
        return {
            key: value
            for key, value in content.items()
            if key in _ALWAYS
            or getattr(self, key) != fields[key].default
            or (key == "range" and self.function)
        }

    def placed(self, folder: Path) -> None:
        """Say where the files of ``function`` and ``masks`` are looked up: the card's folder."""
        if self.function:
            self._folder = folder

    def located(self, function: str) -> Path:
        """The file of one of the card's own functions."""
        return ((self._folder or Path()) / function.rpartition(":")[0]).resolve()

    def code(self) -> list[Path]:
        """The files of the card's own functions; each once."""
        names = filter(None, (self.function, self.masks))
        return list(dict.fromkeys(self.located(name) for name in names))

    def before_masking(self) -> dict[str, Any]:
        """The keys that decide the image in [0, 1], parts of which maskings hide."""
        measured = self.scale == "z_score" or self.function is not None
        after = _AFTER - {"range"} if measured else _AFTER
        return self.model_dump(mode="json", exclude=after)

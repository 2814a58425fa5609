"""Open image files with Pillow: few formats, one picture each, upright, whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF")
"""Known by a file's content, whatever its name ends with; a decoder that is not used cannot be
attacked."""
MOST_PIXELS = 89_000_000
"""A file that claims more is not decoded: a few kilobytes may claim terabytes."""

_TOO_LARGE = "claims to be unreasonably large"
_ORIENTATION, _SIDEWAYS = 274, 5  # a tag, and its first value that exchanges the sides
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # a TIFF's tag, and its value where 0 is white


def open_picture(path: Path) -> Image.Image:
    """Open and decode a file that holds one picture, turned as its orientation tag says.

    Returns:
        The decoded picture, which keeps its ``format`` and ``info``.

    Raises:
        ValueError: If it is in no format of `FORMATS`, holds several pictures, is truncated, claims
            to be unreasonably large, or cannot be decoded; says why, without the file's name.
    """
    from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

    ImageFile.LOAD_TRUNCATED_IMAGES = False  # another library may have set it
    try:
        # By an open file: from a path Pillow maps a turned TIFF into memory with its sides swapped.
        with path.open("rb") as file, Image.open(file, formats=FORMATS) as picture:
            fault = _fault(picture)
            if not fault:
                picture.load()
                upright = ImageOps.exif_transpose(picture)
                upright.format = picture.format
                return upright
    except UnidentifiedImageError:
        fault = "is not in a format that can be read"
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        fault = _TOO_LARGE
    except Exception as error:  # decoders raise anything on a damaged file
        if isinstance(error, OSError) and error.strerror:  # of the system: a missing permission
            raise
        fault = f"cannot be decoded ({type(error).__name__})"
    raise ValueError(fault)


def picture_shape(path: Path) -> tuple[int, int]:
    """Height and width of the picture that `open_picture` would give, from its header.

    Raises:
        ValueError: If it is in no format of `FORMATS`, or its header cannot be read.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with path.open("rb") as file, Image.open(file, formats=FORMATS) as picture:
            sideways = picture.getexif().get(_ORIENTATION, 1) >= _SIDEWAYS
            shape = (picture.height, picture.width)
    except UnidentifiedImageError:
        fault = "is not in a format that can be read"
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        fault = _TOO_LARGE
    except Exception as error:  # as above
        if isinstance(error, OSError) and error.strerror:
            raise
        fault = f"cannot be decoded ({type(error).__name__})"
    else:  # Pillow's formats and versions differ in whether a header's sides are exchanged already
        return open_picture(path).size[::-1] if sideways else shape
    raise ValueError(fault)


def _fault(picture: Image.Image) -> str:
    """Why a picture is not used; empty if it is."""
    if picture.width * picture.height > MOST_PIXELS:
        return _TOO_LARGE
    if (frames := getattr(picture, "n_frames", 1)) > 1:
        return f"holds {frames} pages or frames: save the one that is meant as a file of its own"
    tags = getattr(picture, "tag_v2", {})
    if picture.mode.startswith("I") and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        return "is a TIFF of 16 bits in which 0 is white: save it with 0 as black"
    return ""

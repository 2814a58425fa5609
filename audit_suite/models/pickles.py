"""Look into pickles without running them: what would they import?"""

from __future__ import annotations

import io
import pickletools
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_LARGEST = 1 << 26  # bytes of a pickle; tensors lie beside it, so that it is small
_LEGACY = 5  # pickles before the tensors of a file that torch < 1.6 wrote
_TENSORS = re.compile(
    r"collections (OrderedDict|Counter)"
    r"|torch (Size|device|bool|[a-z]+\d+\w*|per_\w+|\w*Tensor|\w+Storage)"
    r"|torch\.(cuda|sparse|cuda\.sparse) \w+(Tensor|Storage)"
    r"|torch\.storage (Typed|Untyped)Storage"
    r"|torch\.nn\.parameter Parameter"
    r"|torch\.serialization _get_layout"
    r"|torch\._utils _rebuild_\w+"
    r"|torch\._tensor _rebuild_from_type_v2"
    r"|_codecs encode"
    r"|(builtins|__builtin__) (bytearray|set|complex)"
)
"""What tensors are made of: the globals that torch's ``weights_only`` allows."""
_OPAQUE = ("STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4")  # imports by other ways


def foreign_imports(data: IO[bytes]) -> list[str]:
    """What a file of ``torch.save`` would import when unpickled, beyond what tensors need.

    Nothing is unpickled: the opcodes are read, as `pickletools` does.

    Args:
        data: A zip archive of ``torch.save``, or one pickle after another as torch < 1.6 wrote.

    Returns:
        Names such as ``os.system``; empty if it holds tensors, numbers and text alone.

    Raises:
        ValueError: If it is not a pickle, or a pickle larger than any state dict's.
    """
    names = {name for pickle in _pickles(data) for name in _imports(pickle)}
    return sorted(names)


def file_imports(path: Path) -> list[str]:
    """`foreign_imports` of a file.

    Raises:
        ValueError: If it is not a pickle.
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        return foreign_imports(file)


def _pickles(data: IO[bytes]) -> Iterator[IO[bytes]]:
    if zipfile.is_zipfile(data):
        with zipfile.ZipFile(data) as archive:
            for entry in archive.infolist():
                if entry.filename.endswith(".pkl"):
                    if entry.file_size > _LARGEST:
                        raise ValueError(f"{entry.filename} in it has {entry.file_size} bytes")
                    yield io.BytesIO(archive.read(entry))
        return
    data.seek(0)
    for _ in range(_LEGACY):
        yield data
        if not data.read(1):
            return
        data.seek(-1, io.SEEK_CUR)


def _imports(pickle: IO[bytes]) -> Iterator[str]:
    for opcode, argument, _ in pickletools.genops(pickle):
        if opcode.name == "GLOBAL" and not _TENSORS.fullmatch(str(argument)):
            yield str(argument).replace(" ", ".")
        elif opcode.name in _OPAQUE:
            yield f"a name hidden by the opcode {opcode.name}"

"""Look into a torch.export archive before it is loaded: what in it would run as Python?

``torch.export.load`` unpickles sample inputs and pickled weights, evaluates the expressions of
symbolic sizes, compiles guards, and resolves the names of operators with ``getattr``. Here all of
these are read as data, and an archive that holds more than tensors and operators is refused.
"""

from __future__ import annotations

import ast
import builtins
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from audit_suite.models.pickles import foreign_imports

_LARGEST = 1 << 28  # bytes of a text or pickle in the archive; raw weights may be larger
_RAW = re.compile(r"data/(weights|constants)/(weight|tensor)_\d+")
_TEXT = re.compile(r"archive_format|archive_version|version|byteorder|\.data/\w+|extra(_files)?/.*")
_OPERATOR = re.compile(
    r"torch\.ops\.(aten|prims|torchvision|quantized|quantized_decomposed)\.\w+(\.\w+)?"
    r"|torch\.ops\.higher_order\.(cond|while_loop|scan|map_impl|wrap_with_\w+)"
    r"|_operator\.\w+|math\.\w+|torch\.sym_\w+"
)
_FILES = ("from_file", "save", "load")  # parts of the names of operators that touch files
_CALLS = ("max", "min", "abs", "int", "float", "bool", "round")  # builtins in sizes and guards
_NAME = re.compile(r"[A-Za-z]\w*")  # of a symbol
_ARITHMETIC = (
    *(ast.Expression, ast.Call, ast.keyword, ast.Subscript, ast.Load, ast.Tuple, ast.IfExp),
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare),
    *(ast.operator, ast.unaryop, ast.boolop, ast.cmpop),
)
_METHODS = ("size", "shape", "stride", "storage_offset", "dim", "ndim")


def unsafe_parts(path: Path) -> list[str]:
    """What a torch.export archive holds beyond tensors and operators, in words; empty if nothing.

    Raises:
        ValueError: If it is not a zip archive, or its text cannot be parsed.
        OSError: If it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.lower() for name in archive.namelist()]
            parts = [f"two entries {name}" for name in set(names) if names.count(name) > 1]
            for entry in archive.infolist():
                parts += _entry(archive, entry)
    except zipfile.BadZipFile as error:
        raise ValueError(str(error)) from None
    return sorted(set(parts))


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[str]:
    """What is unsafe about one entry; its name starts with the archive's own."""
    name = entry.filename
    inner = name.partition("/")[2] if not name.startswith((".", "serialized_", "extra_")) else name
    if _RAW.fullmatch(inner) or _TEXT.fullmatch(inner or name):
        return
    if entry.file_size > _LARGEST:
        raise ValueError(f"{name} in it has {entry.file_size} bytes")
    if name.endswith(".json"):
        yield from _texts(json.loads(archive.read(entry)), "")
    elif name.endswith(".pt"):
        for imported in foreign_imports(io.BytesIO(archive.read(entry))):
            yield f"{name}, a pickle that imports {imported}"
    elif re.fullmatch(r"data/(weights|constants)/\w+", inner):
        yield f"{name}, a pickled object"
    else:
        yield f"{name}, which is no part of an exported program"


def _texts(content: Any, key: str) -> Iterator[str]:
    """What is unsafe about a program's graph, by the keys under which torch runs text."""
    if isinstance(content, dict):
        if content.get("use_pickle") is True:
            yield f"a pickled tensor, {content.get('path_name')}"
        for name, value in content.items():
            yield from _texts(value, name)
    elif isinstance(content, list):
        for value in content:
            yield from _texts(value, key)
    elif isinstance(content, str):
        if key in ("expr_str", "guards_code") and not _is_arithmetic(content):
            yield f"the {key} {content[:80]!r}"
        elif key == "target" and not _is_operator(content):
            yield f"the operator {content[:80]!r}"


def _is_operator(target: str) -> bool:
    if not target.startswith(("torch", "_operator", "math", "#")):
        return True  # a name that torch does not resolve
    match = _OPERATOR.fullmatch(target)
    return bool(match) and not any(word in target for word in _FILES)


def _is_arithmetic(text: str) -> bool:
    """Whether an expression of sizes is arithmetic: ``Mul(Integer(2), Symbol('s7'))``."""
    try:
        nodes = list(ast.walk(ast.parse(text.strip(), mode="eval")))
    except (SyntaxError, ValueError, RecursionError):
        return False
    return all(map(_is_harmless, nodes))


def _is_harmless(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return not isinstance(node.value, str | bytes) or bool(_NAME.fullmatch(str(node.value)))
    if isinstance(node, ast.Name):
        return node.id in _CALLS or not (hasattr(builtins, node.id) or node.id.startswith("_"))
    if isinstance(node, ast.Attribute):
        return node.attr in _METHODS
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in _CALLS or node.func.id[0].isupper()
    return isinstance(node, _ARITHMETIC)

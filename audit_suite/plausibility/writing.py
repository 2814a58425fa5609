"""Write a reader study: folders that open in a browser, and the key outside them."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from audit_suite.errors import AuditError
from audit_suite.files import write_whole
from audit_suite.readings import Key, Pack


def check_paths(out: Path, key_path: Path) -> None:
    """Refuse paths that exist, and a key inside the folder of the packs.

    Raises:
        AuditError: If either path exists, or the key lies among the packs.
    """
    for path in (out, key_path):
        if path.exists():
            raise AuditError(
                f"{path} already exists: a pack that was handed out must not change",
                "name another path, or remove it if no reader uses it",
            )
    if out.resolve() in key_path.resolve().parents:
        raise AuditError(
            f"--key={key_path} lies in the folder of the packs, where readers would see which case "
            f"each item is",
            "name a file outside it",
        )


def write_packs(
    packs: Sequence[Pack], pictures: Iterable[tuple[str, dict[str, Any]]], out: Path
) -> None:
    """Write the folder under a temporary name and rename it, so that packs are never partial.

    Args:
        packs: One per reader.
        pictures: Code and content of every picture; each reader gets all of them.
        out: Folder of the packs.

    Raises:
        AuditError: If it cannot be written.
    """
    viewer = files("audit_suite.plausibility").joinpath("viewer")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as name:
            whole = Path(name) / "packs"
            folders = [whole / pack.reader for pack in packs]
            for folder, pack in zip(folders, packs, strict=True):
                (folder / "images").mkdir(parents=True)
                for file in viewer.iterdir():
                    if file.name.endswith((".html", ".css", ".js")):
                        (folder / file.name).write_bytes(file.read_bytes())
                content = {**pack.model_dump(mode="json", by_alias=True), "digest": pack.digest}
                (folder / "items.js").write_text(
                    f"window.PACK = {_for_script(content)};\n", encoding="utf-8"
                )
            for code, picture in pictures:
                text = f"window.PICTURE({_for_script(code)}, {_for_script(picture)});\n"
                written = folders[0] / "images" / f"{code}.js"
                written.write_text(text, encoding="utf-8")
                for folder in folders[1:]:
                    shutil.copyfile(written, folder / "images" / written.name)
            whole.rename(out)
    except OSError as error:
        raise AuditError(
            f"the packs {out} cannot be written: {error.strerror}", "name another path in --out"
        ) from None


def write_key(key: Key, path: Path) -> None:
    """Write the key.

    Raises:
        AuditError: If it cannot be written.
    """
    content = key.model_dump(mode="json", by_alias=True)
    try:
        write_whole(path, (json.dumps(content, indent=1) + "\n").encode())
    except OSError as error:
        raise AuditError(
            f"the key {path} cannot be written: {error.strerror}", "name another path in --key"
        ) from None


def _for_script(content: object) -> str:
    """JSON for use in a script: no text in it can end the script."""
    return json.dumps(content, ensure_ascii=True).replace("<", "\\u003c")

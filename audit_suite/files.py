"""Write files atomically."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path


def write_whole(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a temporary file, flush it to disk and rename it; a crash leaves the old file.

    Args:
        path: The file; its folder is created if needed.
        content: The whole content.
        durable: Whether to flush it; without that a power cut may leave a torn file.

    Raises:
        OSError: If it cannot be written; the temporary file is removed.
    """
    aside = path.parent / f"{path.name}.{uuid.uuid4().hex}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        aside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise

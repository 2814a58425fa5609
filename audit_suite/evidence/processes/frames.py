"""Frames on a pipe: a length of eight bytes, then so many bytes."""

from __future__ import annotations

from typing import IO

MOST = 64 << 20
"""Bytes that an answer may have: pictures are the longest."""


def write_frame(pipe: IO[bytes], content: bytes) -> None:
    """Write one frame.

    Raises:
        OSError: If nobody reads the pipe any more.
    """
    pipe.write(len(content).to_bytes(8, "big") + content)
    pipe.flush()


def read_frame(pipe: IO[bytes], most: int = MOST) -> bytes | None:
    """The next frame's content; None if the pipe was closed.

    Args:
        pipe: Where to read.
        most: Longer frames are refused before any of their content is read.

    Raises:
        ValueError: If the frame is too long or was cut off.
    """
    head = pipe.read(8)
    if not head:
        return None
    length = int.from_bytes(head, "big")
    if len(head) < 8 or length > most:
        raise ValueError("not a frame")
    content = pipe.read(length)
    if len(content) < length:
        raise ValueError("a frame was cut off")
    return content

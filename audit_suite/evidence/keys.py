"""What all store keys share: the engine's version, and how images are cut into shards."""

from __future__ import annotations

ENGINE_VERSION = 7  # part of every key: raise it when maskings, fills, input or arithmetic change
SHARD = 256  # images in one stored file and one unit of work


def shards(images: int) -> range:
    """The numbers of the shards of so many images."""
    return range(-(-images // SHARD))

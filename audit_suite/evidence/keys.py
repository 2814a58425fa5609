"""What all store keys share: the engine's version, and the division of images into shards."""

from __future__ import annotations

ENGINE_VERSION = 11  # part of every key: raise it when maskings, fills, input or arithmetic change
SHARD = 256  # images in one stored file and one unit of work


def shards(images: int) -> range:
    """The shard numbers for this many images."""
    return range(-(-images // SHARD))


def shard_of(number: int, images: int) -> range:
    """The images of a shard."""
    return range(number * SHARD, min((number + 1) * SHARD, images))

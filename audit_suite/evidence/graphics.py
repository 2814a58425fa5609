"""Several cards in one machine: each process takes its own, before torch looks for them."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"


def pin_card(rank: int, environ: MutableMapping[str, str], root: Path = Path("/")) -> None:
    """Give a process one of the cards that it may use; nothing if that is one, or none.

    Args:
        rank: Which of the processes on this machine it is, from 0; those beyond the number of cards
            share them.
        environ: The process's, in which the card is named.
        root: The file system in which ``dev`` is looked up.
    """
    cards = visible_cards(environ, root)
    if len(cards) > 1:
        environ[VISIBLE] = cards[rank % len(cards)]


def visible_cards(environ: MutableMapping[str, str], root: Path = Path("/")) -> list[str]:
    """The cards that a process may use, as CUDA names them.

    Args:
        environ: The process's: where ``CUDA_VISIBLE_DEVICES`` is set, it says which.
        root: The file system in which ``dev`` is looked up, for Nvidia's cards; a container has the
            files of its own cards, and CUDA counts these from 0.
    """
    if (named := environ.get(VISIBLE)) is not None:
        return [card for card in map(str.strip, named.split(",")) if card]
    return [str(number) for number, _ in enumerate((root / "dev").glob("nvidia[0-9]*"))]

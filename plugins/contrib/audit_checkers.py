"""A fill in one file: hidden pixels become a chequered board.

``-p audit_checkers`` makes it known: ``--audit-masking without-roi-checkers``.
"""

from dataclasses import dataclass

from audit_suite.extend import Fill, register_fill


@dataclass(frozen=True)
class Checkers(Fill):
    """Squares of eight pixels, black and white in turn: a hidden area that is easy to detect."""

    name = "checkers"
    words = "chequered fill"

    def __call__(self, visible, hidden, around):
        import torch

        rows, columns = (torch.arange(n, device=visible.device) // 8 for n in visible.shape[2:])
        board = (rows[:, None] + columns[None, :]) % 2
        return board.to(visible).expand_as(visible)


register_fill(Checkers())

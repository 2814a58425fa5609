"""Which of the things that a model returns are its scores, and which of these are the targets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from audit_suite.cards import ModelCard
from audit_suite.errors import AuditError
from audit_suite.models.notes import note

_CERTAIN = 1e-4  # by how much the sum of probabilities may differ from 1
_SHOWN = 6
_LARGEST = torch.finfo(torch.float32).max


@dataclass(frozen=True)
class Pick:
    """How the scores are taken out of what a model returns: by key, position or attribute."""

    by: str | int
    attribute: bool = False

    def __call__(self, returned: Any) -> Any:
        """The scores."""
        return getattr(returned, str(self.by)) if self.attribute else returned[self.by]


class Picked(nn.Module):
    """A network whose scores are taken out of what it returns."""

    def __init__(self, network: nn.Module, pick: Pick) -> None:
        super().__init__()
        self.network = network
        self.pick = pick

    def forward(self, batch: Tensor) -> Tensor:
        """Raw outputs of shape (B, T)."""
        scores: Tensor = self.pick(self.network(batch))
        return scores


def find_pick(card: ModelCard, returned: Any, batch: int) -> Pick | None:
    """Where the scores are in what a model returned; None if that is the scores.

    Args:
        card: Its key ``output`` says which part, if there are several.
        returned: For a batch of images.
        batch: How many.

    Raises:
        AuditError: If it is unclear, or there is no such output; lists what there is.
    """
    parts = dict(_parts(returned))
    if card.output is not None:
        for pick in parts:
            if pick.by == card.output:
                return pick
        raise AuditError(
            f"{card.path}: key 'output': the model returns no output {card.output!r}",
            f"it returns {_words(parts) or type(returned).__name__}; correct the key, or leave it "
            f"out if that is one tensor",
        )
    if isinstance(returned, Tensor) or not parts:
        return None
    wanted = len(card.output_names)
    rows = {
        pick: part
        for pick, part in parts.items()
        if part.shape[:1] == (batch,) and (part.ndim == 2 or (part.ndim == 1 and wanted == 1))
    }
    if not rows:
        return None
    fitting = {pick: part for pick, part in rows.items() if part[0].numel() == wanted}
    logits = {p: t for p, t in rows.items() if p.by == "logits"}
    only = next((group for group in (logits, fitting, rows) if len(group) == 1), None)
    if only is None:
        first = next(iter(rows)).by
        shown = f'"{first}"' if isinstance(first, str) else first
        raise AuditError(
            f"{card.path}: the model returns several things: {_words(parts)}",
            f"say which holds the scores with the key `output`, for example output = {shown}",
        )
    (pick,) = only
    if len(parts) > 1 or not isinstance(pick.by, int):
        note(f"the scores are the model's output {pick.by!r}, of {_words(parts)}")
    return pick


def _parts(returned: Any) -> Iterator[tuple[Pick, Tensor]]:
    """The tensors in a dict, a tuple, a list, or an object with attributes."""
    items: Iterator[tuple[Pick, Any]] = iter(())
    if isinstance(returned, dict):
        items = ((Pick(key), value) for key, value in returned.items())
    elif isinstance(returned, tuple | list) and not hasattr(returned, "_fields"):
        items = ((Pick(key), value) for key, value in enumerate(returned))
    elif not isinstance(returned, Tensor):
        names = getattr(returned, "_fields", None) or vars(returned) if _plain(returned) else ()
        items = ((Pick(name, True), getattr(returned, name)) for name in names)
    for pick, value in items:
        if isinstance(value, Tensor) and value.is_floating_point():
            yield pick, value


def _plain(returned: Any) -> bool:
    return hasattr(returned, "_fields") or hasattr(returned, "__dict__")


def _words(parts: dict[Pick, Tensor]) -> str:
    shown = [f"{pick.by!r} {tuple(part.shape)}" for pick, part in list(parts.items())[:_SHOWN]]
    return ", ".join(shown) + (" ..." if len(parts) > _SHOWN else "")


def find_columns(card: ModelCard, labels: Sequence[str]) -> tuple[int, tuple[int, ...]]:
    """How many outputs a model has, and the position of each target among them.

    Args:
        card: Its keys ``outputs`` and ``targets``.
        labels: What the model's own files call its outputs, in order; empty if they do not.

    Raises:
        AuditError: If the card and the model's files contradict each other.
    """
    own, names = [_slug(label) for label in labels], [_slug(name) for name in card.output_names]
    if not own:
        return len(names), tuple(card.output_names.index(name) for name in card.targets)
    known = ", ".join(f"{number} = {label!r}" for number, label in enumerate(labels))
    if not card.outputs and all(name in own for name in names):
        if names != own:
            note(f"the model's files name its outputs: {known}")
        return len(own), tuple(own.index(name) for name in names)
    if len(names) == len(own):
        if moved := [n for i, n in enumerate(names) if n in own and own.index(n) != i]:
            key = "outputs" if card.outputs else "targets"
            raise AuditError(
                f"{card.path}: key '{key}': '{moved[0]}' is not where the model's files have it: "
                f"{known}",
                "write the outputs in the model's order",
            )
        if names != own:
            note(f"the card names the outputs otherwise than the model's files: {known}")
        return len(own), tuple(card.output_names.index(name) for name in card.targets)
    raise AuditError(
        f"{card.path}: the card names {len(names)} outputs, the model's files {len(own)}: {known}",
        f"name all of them in this order: {_key(own)}",
    )


def _key(names: Sequence[str]) -> str:
    return "outputs = [" + ", ".join(f'"{name or "unused"}"' for name in names) + "]"


def check_outputs(card: ModelCard, output: object, batch: int, wanted: int) -> Tensor:
    """The outputs as a table of one row per image.

    Args:
        card: Named in messages.
        output: What the model returned, after `Pick`.
        batch: How many images it was given.
        wanted: How many outputs it should have.

    Returns:
        Shape (B, K), float32.

    Raises:
        AuditError: If it has another shape; says what to write.
    """
    if isinstance(output, Tensor) and output.ndim == 1 and wanted == 1:
        output = output[:, None]
    if isinstance(output, Tensor) and tuple(output.shape) == (batch, wanted):
        return output.float()
    actual = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    remedy = "list one target per output, in the model's order"
    if isinstance(output, Tensor) and output.ndim == 2 and output.shape[1] > wanted:
        others = [f"other{number}" for number in range(1, output.shape[1] - wanted + 1)]
        remedy = (
            f"name all {output.shape[1]} outputs in the model's order, and keep under 'targets' "
            f"those to audit: {_key([*others[:_SHOWN], *card.output_names])}"
        )
    key = "outputs" if card.outputs else "targets"
    raise AuditError(
        f"{card.path}: key '{key}' names {wanted} outputs, the model returns {actual} for {batch} "
        f"images",
        remedy,
    )


def note_probabilities(card: ModelCard, outputs: Tensor) -> None:
    """Note it if a model seems to apply its activation itself: each row adds up to 1."""
    if card.activation == "none" or outputs.shape[1] < 2 or (outputs < 0).any():
        return
    if bool(((outputs.sum(dim=1) - 1).abs() < _CERTAIN).all()):
        note(
            "the outputs of each image add up to 1, so the model seems to apply softmax itself: "
            f'write activation = "none" in place of "{card.activation}", and probabilities = true'
        )


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def labels_of(network: nn.Module) -> tuple[str, ...]:
    """What a model's own files call its outputs; a loader leaves it in ``output_labels``."""
    labels = getattr(network, "output_labels", ())
    return tuple(str(label) for label in labels)


def ranked(card: ModelCard, outputs: Tensor, columns: Sequence[int]) -> Tensor:
    """The scores of the targets on the scale on which images are ranked.

    Where the card names an activation, these are log odds of its probabilities: a probability
    of float32 is 1 for all log odds above 17, and images in which it differs no more would tie.

    Args:
        card: Its key ``activation``.
        outputs: Raw outputs, shape (B, K).
        columns: The position of each target among them; softmax goes over all outputs.

    Returns:
        Shape (B, T), float64: log odds, or with ``activation = "none"`` the outputs as they are.
    """
    numbers = outputs.double()
    if card.activation == "softmax":
        chosen = [_against_others(numbers, column) for column in columns]
    else:  # a list as index would make the host wait for a device
        chosen = [numbers[:, column] for column in columns]
    numbers = torch.stack(chosen, dim=1)
    if card.activation == "none":
        return numbers
    return numbers.clamp(-_LARGEST, _LARGEST)  # a network may write 0 as a logit of -inf


def _against_others(logits: Tensor, column: int) -> Tensor:
    """The log odds of one output of a softmax: its logit less the log-sum-exp of the others."""
    others = torch.cat([logits[:, :column], logits[:, column + 1 :]], dim=1)
    return logits[:, column] - others.logsumexp(dim=1)

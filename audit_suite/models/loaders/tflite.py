"""Load a TFLite program, which LiteRT computes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audit_suite.errors import AuditError
from audit_suite.models.loader import Loader, register_loader
from audit_suite.models.weights import unreadable_archive

if TYPE_CHECKING:
    from torch import nn

    from audit_suite.cards import ModelCard

_MAGIC = b"TFL3"  # bytes 4 to 7


@dataclass(frozen=True)
class TfliteLoader(Loader):
    """A program of TFLite's built-in operators; no library of other operators is ever loaded."""

    name: str = "tflite"
    has_modes: bool = False

    def code(self, card: ModelCard) -> str:
        """Nothing: a graph of built-in operators on tensors cannot do anything else."""
        return ""

    def inspect(self, card: ModelCard, weights: Path) -> None:
        """Refuse what is no such program.

        Raises:
            AuditError: If it is none.
        """
        with weights.open("rb") as file:
            if file.read(8)[4:] != _MAGIC:
                error = ValueError("it does not start as one does")
                raise unreadable_archive(card, weights, "TFLite", error)

    def load(self, card: ModelCard, weights: Path | None) -> nn.Module:
        """Start an interpreter, for the batch that the program has.

        Raises:
            AuditError: If it cannot be read, takes integers, or other images than the card says.
        """
        from audit_suite.models.arrays import channels_last
        from audit_suite.models.fixed_batch import FixedBatch
        from audit_suite.models.tflite_program import TfliteProgram

        assert weights is not None, "the card's validation guarantees it"
        self.inspect(card, weights)
        try:
            program = TfliteProgram(weights)
        except AuditError:
            raise
        except Exception as error:
            raise unreadable_archive(card, weights, "TFLite", error) from None
        where = f"{card.path}: key 'weights': {weights}"
        if program.inputs != 1:
            raise AuditError(
                f"{where} takes {program.inputs} inputs, and an audit gives it images alone",
                "export a program with the image as its only input",
            )
        if program.kind != "float32":
            raise AuditError(
                f"{where} takes {program.kind}, and an audit gives images as floats",
                "convert it with inference_input_type = tf.float32; weights and operators may stay "
                "quantised",
            )
        program.last = channels_last(card, program.shape, str(weights))
        return FixedBatch(program, program.shape[0])


register_loader(TfliteLoader())

"""Load an ONNX program, which ONNX Runtime computes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit_suite.errors import AuditError
from audit_suite.models.libraries import needing
from audit_suite.models.loader import Loader, register_loader
from audit_suite.models.weights import unreadable_archive

if TYPE_CHECKING:
    from torch import nn

    from audit_suite.cards import ModelCard


@dataclass(frozen=True)
class OnnxLoader(Loader):
    """A program of standard operators; no library of other operators is ever loaded."""

    name: str = "onnx"
    has_modes: bool = False

    def code(self, card: ModelCard) -> str:
        """Nothing: a graph of operators on tensors cannot do anything else."""
        return ""

    def beside(self, weights: Path) -> Sequence[Path]:
        """The files that hold tensors of the program."""
        return [weights.parent / name for name in _external(_read(weights))]

    def inspect(self, card: ModelCard, weights: Path) -> None:
        """Refuse what is no program of one image, or lacks a file.

        Raises:
            AuditError: If it is.
        """
        where = f"{card.path}: key 'weights': {weights}"
        try:
            program = _read(weights)
        except AuditError:
            raise
        except Exception as error:  # protobuf's own classes
            raise unreadable_archive(card, weights, "ONNX", error) from None
        for name in _external(program):
            inside = (weights.parent / name).resolve().is_relative_to(weights.parent.resolve())
            if not inside or not (weights.parent / name).is_file():
                raise AuditError(
                    f"{where}: its tensors are in '{name}', which is not beside it",
                    "copy that file to the same folder",
                )
        kept = {tensor.name for tensor in program.graph.initializer}
        inputs = [each.name for each in program.graph.input if each.name not in kept]
        if len(inputs) != 1:
            raise AuditError(
                f"{where} takes {len(inputs)} inputs ({', '.join(inputs)}), and an audit gives it "
                f"images alone",
                "export a program with the image as its only input",
            )

    def load(self, card: ModelCard, weights: Path | None) -> nn.Module:
        """Start a session; a program for a fixed number of images is given so many.

        Raises:
            AuditError: If it cannot be read, or takes other images than the card says.
        """
        from audit_suite.models.arrays import channels_last
        from audit_suite.models.fixed_batch import FixedBatch
        from audit_suite.models.onnx_program import OnnxProgram

        assert weights is not None, "the card's validation guarantees it"
        self.inspect(card, weights)
        try:
            program = OnnxProgram(weights)
        except AuditError:
            raise
        except Exception as error:
            raise unreadable_archive(card, weights, "ONNX", error) from None
        if program.kind not in ("tensor(float)", "tensor(float16)"):
            raise AuditError(
                f"{card.path}: key 'weights': {weights} takes {program.kind}, and an audit gives "
                f"images as floats",
                "export it with float32 inputs",
            )
        program.last = channels_last(card, program.shape, str(weights))
        size = program.shape[0]
        return program if size is None else FixedBatch(program, size)


def _read(weights: Path) -> Any:
    with needing("onnx", "onnx"):
        import onnx

        return onnx.load(str(weights), load_external_data=False)


def _external(program: Any) -> list[str]:
    """The files beside a program that hold its tensors."""
    from onnx.external_data_helper import (
        ExternalDataInfo,
        _get_all_tensors,
        uses_external_data,
    )

    tensors = filter(uses_external_data, _get_all_tensors(program))
    return sorted({str(ExternalDataInfo(tensor).location) for tensor in tensors})


register_loader(OnnxLoader())

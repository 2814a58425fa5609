"""The models of an audit: loaded where their code may run, and known by their digests elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints, TypeAdapter

from audit_suite.cards import ModelCard, canonical_digest
from audit_suite.errors import AuditError
from audit_suite.evidence.breakdown import as_audit_error, checked
from audit_suite.evidence.identity import seen_digest
from audit_suite.evidence.profile import EvidenceProfile
from audit_suite.models.vetting import vet

if TYPE_CHECKING:
    from audit_suite.models.audited import AuditedModel

_Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Note = Annotated[str, StringConstraints(max_length=1000)]
_TOLD = TypeAdapter(tuple[_Digest, Annotated[list[_Note], Field(max_length=20)]])
_Key = tuple[ModelCard, int | None]


class Models:
    """Models and what is known of them, each asked for once; also errors are remembered.

    Args:
        profile: Device and arithmetic.
        may_load: Whether this is a process in which models run.
        call: Calls a function where they run: `EvidenceSource.call`.
    """

    def __init__(self, profile: EvidenceProfile, may_load: bool, call: Callable[..., Any]) -> None:
        self._profile = profile
        self._may_load = may_load
        self._call = call
        self._loaded: dict[_Key, AuditedModel | AuditError] = {}
        self._known: dict[_Key, tuple[str, list[str]] | AuditError] = {}

    def loaded(self, card: ModelCard, fold: int | None) -> AuditedModel:
        """The model; see `EvidenceSource.model`."""
        if not self._may_load:
            raise AuditError(
                f"{card.path}: the process that judges loads no model",
                "call a function that does, with source.call(..., of=[card])",
            )
        if (card, fold) not in self._loaded:
            try:
                self._loaded[card, fold] = self._load(card, fold)
            except AuditError as error:
                self._loaded[card, fold] = error.alone()
        loaded = self._loaded[card, fold]
        if isinstance(loaded, AuditError):
            raise loaded
        return loaded

    def digest(self, card: ModelCard, fold: int | None) -> str:
        """Its digest; see `EvidenceSource.model_digest`."""
        return self._told(card, fold)[0]

    def notes(self, card: ModelCard, fold: int | None) -> list[str]:
        """What loading decided; see `EvidenceSource.model_notes`."""
        return self._told(card, fold)[1]

    def _told(self, card: ModelCard, fold: int | None) -> tuple[str, list[str]]:
        if (card, fold) not in self._known:
            self._known[card, fold] = self._ask(card, fold)
        known = self._known[card, fold]
        if isinstance(known, AuditError):
            raise known
        return known

    def _load(self, card: ModelCard, fold: int | None) -> AuditedModel:
        vet(card, fold)  # before torch is imported

        from audit_suite.evidence.arithmetic import fix_arithmetic
        from audit_suite.models.load import load_model

        settle = partial(fix_arithmetic, self._profile)
        settle()
        return load_model(card, fold, self._profile.device, settle)

    def _ask(self, card: ModelCard, fold: int | None) -> tuple[str, list[str]] | AuditError:
        try:
            vet(card, fold)
            told = self._call("audit_suite.evidence.jobs:identify", card, fold, of=[card])
            digest, notes = checked(_TOLD, told)
            shown = ["".join(c if c.isprintable() else " " for c in note) for note in notes]
            return canonical_digest([seen_digest(card, fold), digest]), shown
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a model's code may raise anything
            return as_audit_error(error, f"{card.path}: loading the model")

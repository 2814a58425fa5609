"""What must be fixed before the data are seen: the policy, and margins and claims of cards."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from audit_suite.cards import DatasetCard, ModelCard, canonical_digest
from audit_suite.errors import AuditError
from audit_suite.files import write_whole

_CLAIMS = {"margins", "claims", "operating_points", "expectations"}
_NOTHING = canonical_digest({})


class Freeze(BaseModel):
    """A policy, and the margins and claims of cards, as they were at one time.

    Attributes:
        time: When it was written (UTC, ISO 8601).
        expires: Last day on which it counts; None for no end.
        policy: Digest of the policy.
        models: Digests of margins and claims, by name of the model.
        datasets: Digests of margins and regions, by name of the data set.
        digest: Of all of this.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = Field(default=1, alias="schema")
    time: datetime
    expires: date | None = None
    policy: str
    models: dict[str, str]
    datasets: dict[str, str]
    digest: str = ""

    def signed(self) -> Freeze:
        """The same with its digest."""
        content = self.model_dump(mode="json", by_alias=True, exclude={"digest"})
        return self.model_copy(update={"digest": canonical_digest(content)})


def freeze(
    policy: str,
    models: Sequence[ModelCard],
    datasets: Sequence[DatasetCard],
    time: datetime,
    expires: date | None = None,
) -> Freeze:
    """Fix what decides an audit.

    Args:
        policy: Digest of the policy.
        models: Their margins, claims, operating points and expectations are fixed.
        datasets: Their margins, and which region counts for a target.
        time: Now.
        expires: Last day on which it counts.
    """
    return Freeze(
        time=time,
        expires=expires,
        policy=policy,
        models={card.name: of_model(card) for card in models},
        datasets={card.name: of_dataset(card) for card in datasets},
    ).signed()


def of_model(card: ModelCard) -> str:
    """Digest of what a model's card says of margins and claims; the same for all without any."""
    content = card.model_dump(mode="json", include=_CLAIMS)
    return canonical_digest({key: value for key, value in content.items() if value})


def of_dataset(card: DatasetCard) -> str:
    """Digest of the margins of a data set's card, and of the regions of its targets."""
    content: dict[str, dict[str, object]] = {
        "margins": {check: entry.model_dump(mode="json") for check, entry in card.margins.items()},
        "roi": {name: list(target.roi) for name, target in card.targets.items() if target.roi},
    }
    return canonical_digest({key: value for key, value in content.items() if value})


def margins_digest(
    policy: str, models: Sequence[ModelCard], datasets: Sequence[DatasetCard]
) -> str:
    """One digest of policy, margins and claims, whatever the models are called.

    Args:
        policy: Digest of the policy.
        models: The models that are judged.
        datasets: The data sets they are judged on.
    """
    cards = sorted({of_model(card) for card in models} - {_NOTHING})
    return canonical_digest([policy, cards, sorted(of_dataset(card) for card in datasets)])


def freeze_path(policy: Path) -> Path:
    """The file beside a policy that says when it was fixed: ``policy.freeze.json``."""
    return policy.with_suffix(".freeze.json")


def write_freeze(path: Path, frozen: Freeze) -> None:
    """Write a freeze; an earlier one is never overwritten.

    Raises:
        AuditError: If there is one, or it cannot be written.
    """
    if path.exists():
        raise AuditError(
            f"{path} exists: what was frozen once is not frozen again",
            "copy the policy under another name, and keep this file: it shows what was fixed when",
        )
    try:
        write_whole(path, (frozen.model_dump_json(by_alias=True, indent=1) + "\n").encode())
    except OSError as error:
        raise AuditError(
            f"{path} cannot be written: {error.strerror}",
            "copy the policy to a folder that you may write to",
        ) from None


def read_freeze(path: Path) -> Freeze:
    """Read a freeze.

    Raises:
        AuditError: If it is missing, is none, or was altered.
    """
    try:
        frozen = Freeze.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise AuditError(
            f"nothing was fixed before the data were seen: {path.name} does not exist",
            "write it with `audit-suite policy freeze` before the next data come",
        ) from None
    except (OSError, ValueError):
        raise AuditError(
            f"{path.name} does not say what was fixed: it is not as `policy freeze` writes it",
            "bring back the file as it was written",
        ) from None
    if frozen.signed().digest != frozen.digest:
        raise AuditError(
            f"{path.name} was altered after it was written: its digest is not that of its content",
            "bring back the file as it was written",
        )
    return frozen


def departures(
    frozen: Freeze,
    policy: str,
    models: Sequence[ModelCard],
    datasets: Sequence[DatasetCard],
    today: date | None = None,
) -> Iterator[str]:
    """In what an audit departs from what was fixed, a sentence each.

    Args:
        frozen: What was fixed.
        policy: Digest of the audit's policy.
        models: Cards of its models.
        datasets: Cards of its data sets.
        today: The day of the audit; by default today (UTC).
    """
    on = frozen.time.date()
    if frozen.expires is not None and (today or datetime.now(UTC).date()) > frozen.expires:
        yield f"what was fixed on {on} counted until {frozen.expires}"
    if policy != frozen.policy:
        yield f"the policy was changed after it was fixed on {on}"
    for kind, known, cards in (
        ("model", frozen.models, {card.name: of_model(card) for card in models}),
        ("data set", frozen.datasets, {card.name: of_dataset(card) for card in datasets}),
    ):
        for name, digest in cards.items():
            if name not in known and digest != _NOTHING:
                yield f"margins and claims of the card of {kind} '{name}' were not fixed on {on}"
            elif name in known and digest != known[name]:
                yield (
                    f"margins or claims in the card of {kind} '{name}' were changed after they "
                    f"were fixed on {on}"
                )

"""The files of a reader study: packs, the key, a reader's answers, and the readings.

A reader opens a pack. The key maps its items to cases and stays with the organisers of the study.
The pack's page exports answers. The readings merge the key and all answers; `--audit-readings`
takes them. None of these files holds a patient id.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from audit_suite.cards import canonical_digest
from audit_suite.errors import AuditError

LEVELS = 5  # of confidence and of plausibility; 1 is the lowest
FEWEST_READERS = 3  # of a sample: with two, a single difference would estimate their variance

Code = Annotated[str, Field(pattern=r"^[a-z0-9]{6,16}$")]
ReaderName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=32)]
Level = Annotated[int, Field(ge=1, le=LEVELS)]
Days = Annotated[int, Field(ge=0, le=365)]
Coordinate = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Question(_Part):
    """One finding that readers are asked about."""

    target: str
    text: str = Field(description="as the reader sees it")
    definition: str = Field(default="", description="what counts as the finding")
    prevalence: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="share of the pack's images that have it"
    )


class PackItem(_Part):
    """One picture for a reader, without any sign of its case or masking."""

    code: Code
    kind: Literal["read", "map"] = Field(
        description="read: report the findings; map: rate how plausible the coloured overlay is"
    )
    sitting: Annotated[int, Field(ge=1)]
    asked: str = Field(default="", description="map: the finding whose explanation it is")


class Pack(_Part):
    """The content of a pack without its pictures, as ``items.js`` of its folder holds it."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    study: str = Field(description="digest of the study's key: packs of one study share it")
    reader: ReaderName
    title: str
    questions: tuple[Question, ...]
    items: tuple[PackItem, ...]
    washout_days: Days = Field(
        default=0, description="days from one sitting to the next; the page waits so long"
    )

    @property
    def digest(self) -> str:
        """SHA-256 of the content, which answers must name."""
        return canonical_digest(self.model_dump(mode="json", by_alias=True))


class KeyItem(_Part):
    """The case and masking of an item."""

    index: Annotated[int, Field(ge=0)] = Field(description="row of the image in the data set")
    target: str = Field(description="target whose region is masked, for which it was chosen")
    masking: str
    repeats: Code | None = Field(default=None, description="the item that this one repeats")
    method: str = Field(default="", description="of a map: the explainer")


class Key(_Part):
    """The case and masking of each item, and the packs that were handed out."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    dataset: str
    dataset_digest: str
    model: str = Field(description="model whose scores chose the cases")
    questions: tuple[Question, ...]
    precision: float = Field(description="planned half width of the readers' AUROC interval")
    items: dict[Code, KeyItem]
    packs: dict[ReaderName, str] = Field(description="digest of each reader's pack")
    washout_days: Days = Field(
        default=0, description="days from an image under one masking to the same under another"
    )
    asked: dict[ReaderName, tuple[Code, ...]] = Field(
        default_factory=dict,
        description="items of each reader's pack; a reader who is not named got all of them",
    )

    def items_of(self, reader: str) -> set[str]:
        """Codes of the items that a reader got."""
        return set(self.asked.get(reader, self.items))


class About(_Part):
    """Who reads. The name stays in the readings; record and report have role and years."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    role: Annotated[str, Field(min_length=1, max_length=100)]
    years: Annotated[int, Field(ge=0, le=80, description="of experience in reading such images")]


class Judgement(_Part):
    """A reader's answer to one question."""

    present: bool
    confidence: Level

    @property
    def rating(self) -> int:
        """-LEVELS (surely absent) to LEVELS (surely present), never 0."""
        return self.confidence if self.present else -self.confidence


class Answer(_Part):
    """A reader's answer to one item.

    A ``read`` item has an entry in ``found`` for each question, or ``unreadable``; a ``map`` item
    has ``plausibility``, or ``unreadable``.
    """

    code: Code
    unreadable: bool = False
    found: dict[str, Judgement] = Field(default_factory=dict)
    plausibility: Level | None = None
    contours: dict[str, tuple[tuple[tuple[Coordinate, Coordinate], ...], ...]] = Field(
        default_factory=dict,
        description="by target, closed outlines of the finding; x and y as shares of the "
        "picture's width and height",
    )
    comment: str = ""
    seconds: Annotated[float, Field(ge=0)] = 0.0
    on: date | None = Field(default=None, description="day of the last change")


class Answers(_Part):
    """A reader's export of one pack."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    pack: str = Field(description="digest of the pack that was read")
    reader: ReaderName
    about: About | None = None
    answers: tuple[Answer, ...]

    @model_validator(mode="after")
    def _each_once(self) -> Answers:
        codes = [answer.code for answer in self.answers]
        if double := sorted({code for code in codes if codes.count(code) > 1}):
            raise ValueError(f"the items {double} are answered twice")
        return self


class Reading(_Part):
    """One reader's answers as imported."""

    reader: ReaderName
    original: str = Field(description="SHA-256 of the file they came in, which is kept")
    about: About | None = None
    answers: tuple[Answer, ...]

    @property
    def described(self) -> str:
        """The reader with role and years, without the name."""
        if self.about is None:
            return self.reader
        return f"{self.reader} ({self.about.role}, {self.about.years} years)"


class Readings(_Part):
    """The key of a study and its readers' answers."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    key: Key
    readings: tuple[Reading, ...] = ()


Form = TypeVar("Form", Key, Answers, Readings)


def read_form(path: Path, kind: type[Form], what: str) -> Form:
    """Read and validate one of the files above.

    Args:
        path: The file.
        kind: What it must hold.
        what: The same in words, for messages.

    Raises:
        AuditError: If it is missing, is not JSON, or breaks the schema; names the file and the key.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AuditError(f"{path} does not exist", f"give the path of the {what}") from None
    except (OSError, ValueError):
        raise AuditError(f"{path} is not readable JSON", f"give the path of the {what}") from None
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        raise AuditError(
            f"{path} is not a valid {what}: {key}: {first['msg']}",
            "export it again; files that were imported before are unchanged",
        ) from None

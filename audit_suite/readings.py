"""What is written down of a reader study: the pack, its key, a reader's answers, the readings.

The pack is what a reader opens; the key says which case each item is and stays with whoever runs
the study; answers are what the pack's page exports; readings are the key and all answers merged,
and what `--audit-readings` takes. None of them holds a patient's id.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from audit_suite.cards import canonical_digest
from audit_suite.errors import AuditError

LEVELS = 5  # of confidence and of plausibility, 1 the least
FEWEST_READERS = 3  # that are a sample: with two, one difference stands for how readers differ

Code = Annotated[str, Field(pattern=r"^[a-z0-9]{6,16}$")]
ReaderName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=32)]
Level = Annotated[int, Field(ge=1, le=LEVELS)]
Coordinate = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Question(_Part):
    """One finding that readers are asked for."""

    target: str
    text: str = Field(description="as the reader sees it")


class PackItem(_Part):
    """One picture as a reader gets it: nothing tells which case or masking it is."""

    code: Code
    kind: Literal["read", "map"] = Field(
        description="read: say what is found; map: say how plausible the coloured overlay is"
    )
    sitting: Annotated[int, Field(ge=1)]
    asked: str = Field(default="", description="map: the finding whose explanation it is")


class Pack(_Part):
    """Everything of a pack but its pictures; ``items.js`` of the folder holds it."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    study: str = Field(description="digest of the study's key: packs of one study share it")
    reader: ReaderName
    title: str
    questions: tuple[Question, ...]
    items: tuple[PackItem, ...]

    @property
    def digest(self) -> str:
        """What answers must name: the digest of all above."""
        return canonical_digest(self.model_dump(mode="json", by_alias=True))


class KeyItem(_Part):
    """What an item is."""

    index: Annotated[int, Field(ge=0)] = Field(description="row of the image in the data set")
    target: str = Field(description="target whose region is masked, and whose positives it is of")
    masking: str
    repeats: Code | None = Field(default=None, description="the item this one shows once more")
    method: str = Field(default="", description="of a map: the explainer")


class Key(_Part):
    """Which case and masking each item is, and which packs were handed out."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    dataset: str
    dataset_digest: str
    model: str = Field(description="whose scores chose the cases")
    questions: tuple[Question, ...]
    precision: float = Field(description="half width of the readers' AUROC interval planned for")
    items: dict[Code, KeyItem]
    packs: dict[ReaderName, str] = Field(description="digest of each reader's pack")


class Judgement(_Part):
    """A reader's answer to one question."""

    present: bool
    confidence: Level

    @property
    def rating(self) -> int:
        """-LEVELS (surely absent) to LEVELS (surely present), never 0."""
        return self.confidence if self.present else -self.confidence


class Answer(_Part):
    """What a reader said of one item.

    A ``read`` item has an entry in ``found`` for each question, or ``unreadable``; a ``map`` item
    has ``plausibility``, or ``unreadable``.
    """

    code: Code
    unreadable: bool = False
    found: dict[str, Judgement] = Field(default_factory=dict)
    plausibility: Level | None = None
    contours: dict[str, tuple[tuple[tuple[Coordinate, Coordinate], ...], ...]] = Field(
        default_factory=dict,
        description="by target, closed outlines where the reader sees it; x and y as shares of "
        "the picture's width and height",
    )
    comment: str = ""
    seconds: Annotated[float, Field(ge=0)] = 0.0


class Answers(_Part):
    """A reader's export of one pack."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    pack: str = Field(description="digest of the pack that was read")
    reader: ReaderName
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
    answers: tuple[Answer, ...]


class Readings(_Part):
    """The key of a study and what its readers said."""

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
        AuditError: If it is missing, no JSON, or breaks the schema; names the file and the key.
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
        key = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise AuditError(
            f"{path} is no {what}: {key}: {first['msg']}",
            "export it again; files already imported are as they were",
        ) from None

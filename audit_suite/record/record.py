"""The whole record, and how it is written and read."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Literal

from pydantic import Field, ValidationError

from audit_suite.cards import canonical_digest
from audit_suite.errors import AuditError
from audit_suite.files import write_whole
from audit_suite.record.causes import CausesRecord
from audit_suite.record.findings import Finding
from audit_suite.record.part import RecordPart, SparsePart
from audit_suite.record.pictures import (
    AttributionRecord,
    EmbeddingRecord,
    FrameRecord,
    GalleryImage,
    MatrixRecord,
    ReadImage,
)
from audit_suite.record.policy import PolicyRecord
from audit_suite.record.provenance import Provenance
from audit_suite.record.releases import BaselineRecord
from audit_suite.verdict import Verdict

Decision = Literal["open", "closed", "undecided", "partial"]
SCHEMA_VERSION: Literal["1.2"] = "1.2"


class TargetDecision(RecordPart):
    """The decision on one model, data set and target."""

    model: str
    dataset: str
    target: str
    primary: bool = Field(description="whether the decision on the release rests on it")
    decision: Decision
    reason: str
    kept: str = Field(description="what is left of the skill with the box hidden, in words")
    needed: str = Field(default="", description="what would decide it, where it is undecided")


class Record(SparsePart):
    """The whole audit. Byte-identical outside ``environment`` for the same inputs and profile."""

    sparse = ("baseline",)

    schema_version: Literal["1.2"] = SCHEMA_VERSION
    digest: str = Field(default="", description="SHA-256 of all but itself and environment")
    decision: Decision
    decision_reason: str
    targets: list[TargetDecision] = Field(
        default_factory=list, description="the decision by model, data set and target"
    )
    policy: PolicyRecord
    counts: dict[Verdict, int]
    findings: list[Finding]
    causes: list[CausesRecord]
    matrices: list[MatrixRecord] = Field(default_factory=list)
    attributions: list[AttributionRecord] = Field(default_factory=list)
    frames: list[FrameRecord] = Field(default_factory=list)
    gallery: list[GalleryImage]
    read: list[ReadImage] = Field(default_factory=list)
    embeddings: list[EmbeddingRecord] = Field(default_factory=list)
    sections: dict[str, Any] = Field(
        default_factory=dict, description="content of extensions' report sections, by name: JSON"
    )
    broken_sections: dict[str, str] = Field(
        default_factory=dict,
        description="extensions' report sections without content, by name: the error",
    )
    baseline: BaselineRecord | None = Field(
        default=None, description="against an earlier record (--audit-baseline); absent without one"
    )
    provenance: Provenance
    environment: dict[str, Any] = Field(description="versions, machine, time: what may differ")

    def content_digest(self) -> str:
        """SHA-256 of all that the same inputs determine, without the digest itself."""
        with _uncollected():
            return canonical_digest(self.model_dump(mode="json", exclude={"digest", "environment"}))

    def to_json(self) -> str:
        """The record as canonical JSON text, a line for each finding and picture."""
        with _uncollected():
            content = self.model_dump(mode="json")
            lines = ",\n".join(
                f" {_dumped(key)}: {_lines(value)}" for key, value in content.items()
            )
        return f"{{\n{lines}\n}}\n"

    def save(self, path: str | Path) -> None:
        """Write the record as ``audit.json``, atomically.

        Raises:
            AuditError: If the file cannot be written.
        """
        try:
            write_whole(Path(path), self.to_json().encode())
        except OSError as error:
            raise AuditError(
                f"the record {path} cannot be written: {error.strerror}",
                "name another path; the evidence is stored, so the next run only repeats the "
                "verdicts",
            ) from None

    def report(self, path: str | Path) -> tuple[AuditError, ...]:
        """Write the HTML report of the record.

        Returns:
            One error per section of an extension that could not be rendered; the report shows a
            notice in its place.

        Raises:
            AuditError: If the file cannot be written.
        """
        write_report = resolve_name("audit_suite.report:write_report")  # which reads the record
        with _uncollected():
            problems: tuple[AuditError, ...] = write_report(self, Path(path))
        return problems


@contextmanager
def _uncollected() -> Iterator[None]:
    """Millions of new lists and dictionaries, none of them in a circle, are not searched for any.

    The search would take half of the time of writing a record, a quarter of that of a report.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


_dumped = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def _lines(value: Any) -> str:
    """JSON of a value, a line for each item of a list; indenting all of it takes ten times long."""
    if not isinstance(value, list) or not value:
        return _dumped(value)
    return "[\n  " + ",\n  ".join(map(_dumped, value)) + "\n ]"


def load_record(path: str | Path) -> Record:
    """Read an ``audit.json``.

    Raises:
        AuditError: If the file is missing, not JSON, or not a record of a known schema version.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AuditError(f"{path} does not exist", "give the path of an audit.json") from None
    except (OSError, ValueError) as error:
        raise AuditError(f"{path} is not readable JSON: {error}", "repeat the audit") from None
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise AuditError(
            f"{path} has schema_version {version!r}, this release reads {SCHEMA_VERSION!r}",
            "render it with the audit-suite release that wrote it",
        )
    try:
        return Record.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise AuditError(f"{path}: key '{key}': {first['msg']}", "repeat the audit") from None

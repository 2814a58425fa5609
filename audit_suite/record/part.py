"""A part of the record."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class RecordPart(BaseModel):
    """A part of the record: no unknown keys, only finite numbers."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

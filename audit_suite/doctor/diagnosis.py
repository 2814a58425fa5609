"""What the doctor finds: symptoms, and what was seen of each model on each data set."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel

from audit_suite.errors import AuditError
from audit_suite.planning.forecast import Forecast


class Symptom(BaseModel):
    """One thing that is wrong, or that a person should look at.

    Attributes:
        what: What is the matter, naming file, row or key.
        remedy: What to do about it.
    """

    what: str
    remedy: str

    @classmethod
    def of(cls, error: AuditError) -> Symptom:
        """A mistake that an audit would refuse."""
        return cls(what=error.what, remedy=error.remedy)


class Interval(BaseModel):
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


class Seen(BaseModel):
    """What was seen of one model on one data set for one target.

    Attributes:
        model: Name of the model.
        dataset: Name of the data set.
        target: The target.
        images: Images that were looked at, half of them positive where there are enough.
        auroc: AUROC on these images.
        claim: AUROC that the maker claims; None without a claim.
        forecast: What the whole data set could decide about a model of this skill.
        seconds: What the whole audit of this model on this data set takes, about.
    """

    model: str
    dataset: str
    target: str
    images: int
    auroc: Interval
    claim: float | None
    forecast: Forecast
    seconds: float


class Diagnosis(BaseModel):
    """Everything the doctor has to say.

    Attributes:
        wrong: What an audit would refuse, or what makes the model look worse than it is.
        look: What may be right, but a person should look at.
        notes: What was assumed or taken, such as which state of a checkpoint.
        seen: One per model, data set and target that could be tried.
        pictures: Files that show what the models are given.
    """

    wrong: list[Symptom] = []
    look: list[Symptom] = []
    notes: list[str] = []
    seen: list[Seen] = []
    pictures: list[str] = []

    def add_wrong(self, symptoms: Iterable[Symptom]) -> None:
        """Add what is wrong, each once."""
        self.wrong += [each for each in symptoms if each not in self.wrong]

    def add_look(self, symptoms: Iterable[Symptom]) -> None:
        """Add what to look at, each once."""
        self.look += [each for each in symptoms if each not in self.look]

    def add_picture(self, path: Path) -> None:
        """Add a picture."""
        self.pictures.append(str(path))

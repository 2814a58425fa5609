"""Settings of a synthetic data set, a part of its card."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from audit_suite.cards.common import Name, Part, Share


class ShortcutSpec(Part):
    """A planted shortcut, which agrees with the label of a target in a share of the patients."""

    name: str
    """The shortcut, by its name."""
    target: Name | None = None
    """The target whose label it follows; by default the phantom's first."""
    agreement: Share = 1.0
    """The share of patients whose shortcut equals the label (.5 = no information)."""
    strength: Share = 1.0
    """How visible it is."""


class CoLabel(Part):
    """A second finding with its own label: independent of the first target, or tied to it."""

    target: Name
    """The name of the second finding."""
    prevalence: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Its share of patients, drawn independently (.5 by default)."""
    agreement: Share | None = None
    """The share of patients whose co-label equals the first target's label."""

    @model_validator(mode="after")
    def _one_rule(self) -> CoLabel:
        if self.prevalence is not None and self.agreement is not None:
            raise ValueError("give 'prevalence' (independent) or 'agreement' (tied), not both")
        return self


class MetadataTie(Part):
    """Metadata that depend on the first target's label, and how far the image shows them.

    In a share ``agreement`` of all patients, those with the finding come from ``site-c``, lie down
    (``AP``; fundus: ``OS``) or are older, and those without it the reverse. A tied site is visible:
    every image from ``site-c`` has the shortcuts that ``shows`` names, at ``strength``, whatever
    its label. View and age are visible as in any phantom.
    """

    key: Literal["site", "view", "age"]
    """Which of the metadata depends on the label."""
    agreement: Share = 1.0
    """The share of patients who follow the tie."""
    strength: Share = 1.0
    """How visible the shortcuts of a tied site are."""
    shows: tuple[str, ...] = ("exposure", "scanner_noise")
    """The shortcuts that images from the tied site have."""


_LATER_KEYS = ("co_labels", "metadata", "under_segmentation")


class PhantomSpec(Part):
    """Settings of a synthetic data set (``audit_suite.phantoms``)."""

    kind: Literal["cxr", "fundus"]
    """Chest radiographs or fundus photographs."""
    patients: Annotated[int, Field(ge=2)]
    """The number of patients."""
    images_per_patient: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = (1, 1)
    """The fewest and the most images of a patient."""
    size: Annotated[int, Field(ge=32)] = 64
    """Height and width of the images, in pixels."""
    seed: int = 1907
    """The seed that decides every patient."""
    prevalence: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """The share of patients with the first target."""
    finding_strength: Share = 1.0
    """How visible the finding is."""
    shortcuts: tuple[ShortcutSpec, ...] = ()
    """Shortcuts to plant."""
    co_labels: tuple[CoLabel, ...] = ()
    """Further findings."""
    metadata: tuple[MetadataTie, ...] = ()
    """Metadata that depend on the label."""
    under_segmentation: Share = 0.0
    """Size of a hole in the ROI's mask where the finding is densest: at 1 its radius is 10 % of the
    frame."""

    @model_serializer(mode="wrap")
    def _without_unused(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out later keys while they are unused: digests of older cards do not change."""
        content: dict[str, Any] = write(self)
        unused = [k for k in _LATER_KEYS if getattr(self, k) == type(self).model_fields[k].default]
        return {key: value for key, value in content.items() if key not in unused}

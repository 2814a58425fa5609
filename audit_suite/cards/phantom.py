"""Settings of a synthetic data set, as its card gives them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from audit_suite.cards.common import Name, Part, Share


class ShortcutSpec(Part):
    """A planted shortcut: present where it agrees with the target's label, else absent.

    ``target`` is the phantom's first unless another is named; ``agreement`` is the share of
    patients whose shortcut equals the label (.5 = no information); ``strength`` is how visible it
    is drawn.
    """

    name: str
    target: Name | None = None
    agreement: Share = 1.0
    strength: Share = 1.0


class CoLabel(Part):
    """A second finding, with a label of its own: independent of the first target, or tied to it.

    ``prevalence`` draws it independently (.5 if nothing is said); ``agreement`` is the share of
    patients whose co-label equals the first target's label.
    """

    target: Name
    prevalence: Annotated[float, Field(gt=0, lt=1)] | None = None
    agreement: Share | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> CoLabel:
        if self.prevalence is not None and self.agreement is not None:
            raise ValueError("give 'prevalence' (independent) or 'agreement' (tied), not both")
        return self


class MetadataTie(Part):
    """Metadata that travel with the first target's label, and how far the image shows them.

    Sick patients come from ``site-c``, lie down (``AP``; fundus: ``OS``) or are older, well ones
    the reverse, in a share ``agreement`` of all patients. A tied site shows: every image from
    ``site-c`` carries the shortcuts that ``shows`` names, at ``strength``, whatever its label. View
    and age show as they do in any phantom.
    """

    key: Literal["site", "view", "age"]
    agreement: Share = 1.0
    strength: Share = 1.0
    shows: tuple[str, ...] = ("exposure", "scanner_noise")


_LATER_KEYS = ("co_labels", "metadata", "under_segmentation")


class PhantomSpec(Part):
    """Settings of a synthetic data set (``audit_suite.phantoms``)."""

    kind: Literal["cxr", "fundus"]
    patients: Annotated[int, Field(ge=2)]
    images_per_patient: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = (1, 1)
    size: Annotated[int, Field(ge=32)] = 64
    seed: int = 1907
    prevalence: Annotated[float, Field(gt=0, lt=1)] = 0.5
    finding_strength: Share = 1.0
    shortcuts: tuple[ShortcutSpec, ...] = ()
    co_labels: tuple[CoLabel, ...] = ()
    metadata: tuple[MetadataTie, ...] = ()
    under_segmentation: Share = 0.0
    """How large a hole the ROI's mask has where a sick patient's finding is densest: at 1 its
    radius is 10 % of the frame."""

    @model_serializer(mode="wrap")
    def _without_unused(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave keys that came later out while unused: digests of older cards stay as they are."""
        content: dict[str, Any] = write(self)
        unused = [k for k in _LATER_KEYS if getattr(self, k) == type(self).model_fields[k].default]
        return {key: value for key, value in content.items() if key not in unused}

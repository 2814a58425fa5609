"""A region of a data set card: the keys of all mask formats; each format adds its own."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from audit_suite.cards.common import Part
from audit_suite.registry import MASK_FORMATS


class RegionSpec(Part):
    """A region as a card describes it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    written: ClassVar[frozenset[str]] = frozenset()
    """Keys that count in digests also where a card does not give them."""

    format: str = "image"
    """The mask format, by its name; without it, an image file."""

    @property
    def manifest_columns(self) -> tuple[str, ...]:
        """The columns of the list of images that this region needs."""
        return ()

    @property
    def made_of(self) -> tuple[str, ...]:
        """The other regions from which it is made; empty where it has masks of its own."""
        return ()

    @property
    def places(self) -> tuple[str, ...]:
        """Folders that the card names itself: files in them may lie outside the root."""
        return ()

    @property
    def is_shared(self) -> bool:
        """Whether all images have the same region by design."""
        return False

    @model_serializer(mode="wrap")
    def _without_unused(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what has its default, so that a new key changes no older card's digest."""
        fields = type(self).model_fields
        return {
            key: value
            for key, value in write(self).items()
            if key in self.written or getattr(self, key) != fields[key].default
        }


class MaskSpec(RegionSpec):
    """A region of which images have masks of their own."""

    absent: Literal["error", "population"] = "error"
    """What images without a mask get: ``error`` refuses them where a target needs the region;
    ``population`` gives every image, with or without a mask of its own, one and the same region:
    what belongs to it in at least 1 % of the images that have one. A mask that only patients with
    the finding have would tell the finding."""

    @property
    def is_shared(self) -> bool:
        """Whether all images have the region of the population."""
        return self.absent == "population"


def _of_its_format(content: Any) -> Any:
    if isinstance(content, RegionSpec):
        return content
    if not isinstance(content, dict):
        raise ValueError(  # noqa: TRY004 - pydantic tells of ValueErrors alone
            "is not a table of keys, such as column = 'mask'"
        )
    name = content.get("format", "image")
    if not isinstance(name, str) or name not in MASK_FORMATS:
        known = ", ".join(sorted(MASK_FORMATS))
        raise ValueError(f"there is no mask format {name!r}; known: {known}")
    keys = MASK_FORMATS[name].keys
    if unknown := sorted(set(map(str, content)) - set(keys.model_fields)):
        raise ValueError(
            f"unknown key '{unknown[0]}'; regions of format '{name}' have "
            f"{', '.join(keys.model_fields)}"
        )
    return keys.model_validate(content)


class _AnyFormat:
    """The JSON schema of a region: that of any format's keys."""

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        schemas = []
        for name, format in MASK_FORMATS.items():
            schema = format.keys.model_json_schema()
            schema["properties"]["format"] |= {"const": name, "default": name}
            schemas.append(schema)
        return {"anyOf": schemas}


Region = Annotated[SerializeAsAny[RegionSpec], BeforeValidator(_of_its_format), _AnyFormat()]
"""A region with the keys of its format."""

"""The digest of a data set in files: everything that decides what is audited."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence

from audit_suite.cards import DatasetCard
from audit_suite.datasets.files.entry import Entry, ImageFiles
from audit_suite.datasets.files.hashing import hash_content, hash_size
from audit_suite.datasets.files.region_masks import format_code

_KEYS = {
    "reader",
    "columns",
    "files",
    "targets",
    "regions",
    "metadata",
    "mask_quality",
    "dicom_frame",
    "on_bad_image",
}
"""Keys of the card that decide what is read; selection shows in the entries themselves."""


_OF_AN_IMAGE = {"reader", "targets", "regions", "dicom_frame"}
"""Those of them that decide what is read of one image's files."""


def contents_by(card: DatasetCard) -> Callable[[ImageFiles], str]:
    """What gives, for an image, SHA-256 of all that decides its pixels and masks.

    These are its files, and keys of the card, which are hashed once.
    """
    content = card.model_dump(mode="json", include=_OF_AN_IMAGE)
    of_card = hashlib.sha256(json.dumps([content, format_code(card)], sort_keys=True).encode())

    def content_of(files: ImageFiles) -> str:
        digest = of_card.copy()
        digest.update(hash_content(files.image))
        for name, source in sorted(files.regions.items()):
            digest.update(name.encode())
            source.update(digest, hash_content)
        return digest.hexdigest()

    return content_of


def entries_digest(card: DatasetCard, entries: Sequence[Entry], published: bool) -> str:
    """SHA-256 of a card's keys, the entries and their files.

    Args:
        card: The card.
        entries: The images that are audited.
        published: Take names and sizes of image files instead of their contents.
    """
    content = card.model_dump(mode="json", include=_KEYS)
    del content["columns"]["burned_in"]  # it decides what people are shown, not what is audited
    if code := format_code(card):
        content["mask_formats"] = code
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    hash_file = hash_size if published else hash_content
    for entry in entries:
        facts = {
            "row": [entry.row, entry.id, entry.patient, entry.split, entry.quality],
            "labels": dict(entry.labels),
            "metadata": dict(entry.metadata),
        }
        digest.update(json.dumps(facts, sort_keys=True).encode())
        digest.update(hash_file(entry.image))
        for name, source in sorted(entry.regions.items()):
            digest.update(name.encode())
            source.update(digest, hash_file)
    return digest.hexdigest()

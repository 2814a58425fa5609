"""Croissant 1.0: what the record knows of a data set. Its files are not listed: they stay."""

from __future__ import annotations

import json
from typing import Any

from audit_suite.exports.export import Export, register_export
from audit_suite.exports.facts import data_limitations, dataset_of, declared, made_by
from audit_suite.record import DatasetRecord, Record

_TERMS = (
    "citeAs column equivalentProperty extract field fileObject fileProperty fileSet format "
    "includes isLiveDataset jsonPath key md5 parentField path recordSet references regex repeated "
    "replace samplingRate separator source subField transform"
)
_CONTEXT: dict[str, object] = {  # as readers expect it, whole, though few of its terms are used
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS.split()},
}
_NO_PRAISE = "That says nothing of how good the data are."
_COUNTS = {
    "n_images": "images with a label",
    "n_patients": "patients with a label",
    "n_positive_images": "images with the finding",
    "n_positive_patients": "patients with the finding",
}


def _write(record: Record, name: str) -> str:
    data = dataset_of(record, name)
    content = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": data.name,
        "description": _description(data),
        "license": data.licence,
        "citeAs": data.citation,
        "keywords": data.modality,
        "identifier": f"sha256:{data.digest}",
        "rai:dataUseCases": f"Models were audited on it ({made_by(record)}). {_NO_PRAISE}",
        "rai:dataLimitations": " ".join(data_limitations(record, name)),
        "recordSet": [_targets(data)],
    }
    return json.dumps(declared(content), indent=1, ensure_ascii=False) + "\n"


def _description(data: DatasetRecord) -> str:
    size = f"{data.n_images:,} images of {data.n_patients:,} patients, as audited."
    text = data.description.strip()
    return f"{text}{'' if not text or text.endswith('.') else '.'} {size}".strip()


def _targets(data: DatasetRecord) -> dict[str, Any]:
    """The counts of each target, as a table inside the description."""

    def field(name: str, kind: str, description: str) -> dict[str, str]:
        return {
            "@type": "cr:Field",
            "@id": f"targets/{name}",
            "name": name,
            "description": description,
            "dataType": kind,
        }

    fields = [field("target", "sc:Text", "what the label says is there")]
    fields += [field("roi", "sc:Text", "regions where a reader would look for it")]
    fields += [field(name, "sc:Integer", words) for name, words in _COUNTS.items()]
    rows = [
        {"targets/target": name, "targets/roi": ", ".join(target.roi)}
        | {f"targets/{key}": getattr(target, key) for key in _COUNTS}
        for name, target in data.targets.items()
    ]
    return {
        "@type": "cr:RecordSet",
        "@id": "targets",
        "name": "targets",
        "description": "How often each target is labelled, and its region of interest.",
        "field": fields,
        "data": rows,
    }


register_export(Export("croissant", of="data set", write=_write))

"""The JSON Schema of ``manifest.json``, made from the models that read it.

It cannot say everything: what parts of a manifest say against each other is found on reading.
"""

from __future__ import annotations

import json

from app.inference.manifest import ModelPack


def schema_text() -> str:
    """The schema as ``docs/model-pack.schema.json`` holds it (``overread packs schema``)."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:overread:pack:1",
        **ModelPack.model_json_schema(by_alias=True),
        "title": "Manifest of an Overread model pack, overread.pack/1",
    }
    return json.dumps(schema, ensure_ascii=False, indent=1) + "\n"

"""The published schema is that of the code, and as strict."""

from __future__ import annotations

import json
from pathlib import Path

from app.inference.manifest_schema import schema_text

_PUBLISHED = Path(__file__).parents[3] / "docs" / "model-pack.schema.json"


def test_the_published_schema_is_current():
    """Renew it with: overread packs schema > docs/model-pack.schema.json"""
    assert json.loads(_PUBLISHED.read_text("utf-8")) == json.loads(schema_text())


def test_no_part_allows_unknown_keys():
    schema = json.loads(schema_text())
    parts = [schema, *schema["$defs"].values()]
    objects = [part for part in parts if part.get("type") == "object"]
    assert len(objects) > 30
    assert all(part["additionalProperties"] is False for part in objects)
    assert {"schema", "id", "files", "input", "model_card"} <= set(schema["required"])

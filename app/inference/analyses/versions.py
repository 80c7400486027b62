"""The analyses that this program has, with their versions; light, so that manifests are checked."""

from __future__ import annotations

from typing import Final

VERSIONS: Final[dict[str, int]] = {
    "ct-body": 1,
    "ct-calcium": 1,
    "ct-lung-density": 1,
    "nodule": 1,
}

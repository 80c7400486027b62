"""A pack run in this process through the program's own pre- and post-processing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.inference.manifest import parse_manifest
from app.inference.ort_session import ModelSession, SessionPlan
from app.inference.pipeline import PipelineOutput, run_pipeline
from app.inference.preprocess import ModelInput
from models.training.films import Picture


class Pack:
    """One session on one thread."""

    def __init__(self, folder: Path) -> None:
        self.manifest = parse_manifest((folder / "manifest.json").read_bytes())
        weights = (folder / self.manifest.graph.file).read_bytes()
        self._session = ModelSession(weights, SessionPlan(device="cpu", threads=1))

    def run(self, pixels: Picture, *, is_monochrome1: bool = False) -> PipelineOutput:
        """Scores, attention and flags of one film; the header says that it is MONOCHROME1."""
        image = ModelInput(pixels[None].astype(np.int16), polarity_inverted=is_monochrome1)
        return run_pipeline(self.manifest, self._session, image)

    def scores(self, pixels: Picture) -> list[float]:
        """The scores in the order of the labels."""
        scores = self.run(pixels).scores
        return [scores[label.name.en] for label in self.manifest.output.labels]

"""Imported packs give what the libraries that they come from give.

The expected labels were made by nnU-Net's own predictor (and MONAI's, TorchXRayVision's own
functions) on networks with random weights: ``models/conversion/make_fixtures.py``.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.imaging.nifti import read_nifti
from app.inference.fold_session import FoldSession
from app.inference.importing.classifier import ClassifierRequest, import_classifier
from app.inference.importing.monai import BundleRequest, import_monai
from app.inference.importing.nnunet import NnunetRequest, import_nnunet
from app.inference.importing.pack_file import write_pack
from app.inference.ort_session import ModelSession, SessionPlan
from app.inference.pack_store import PackStore
from app.inference.pipeline import run_pipeline
from app.inference.preprocess import ModelInput

FIXTURES = Path(__file__).parent / "fixtures"
EQUAL = 0.9999


def installed(draft, tmp_path):
    write_pack(draft, tmp_path / "a.overreadpack")
    return PackStore(tmp_path / "built-in", tmp_path / "user").add(tmp_path / "a.overreadpack")


def session_of(pack):
    sessions = [
        ModelSession(pack.read_model(name), SessionPlan("cpu", 1)) for name in pack.pack.model_files
    ]
    return FoldSession(sessions) if len(sessions) > 1 else sessions[0]


def labels_of(pack, image):
    array, geometry = read_nifti(image)
    made = run_pipeline(pack.pack, session_of(pack), ModelInput(array, geometry=geometry))
    labels = np.zeros(array.shape, np.uint8)
    for index, mask in made.masks.items():
        labels[np.asarray(mask) != 0] = index
    return labels


@pytest.mark.parametrize("name", ["ct_sides", "mr_thick", "ct_regions", "mr_slices"])
def test_an_imported_nnunet_gives_what_nnunets_predictor_gives(name, tmp_path):
    folder = FIXTURES / "nnunet" / name
    draft = import_nnunet(NnunetRequest(folder=folder, orientation="RAS"))
    labels = labels_of(installed(draft, tmp_path), folder / "image.nii.gz")
    expected, _ = read_nifti(folder / "expected.nii.gz")
    assert len(np.unique(expected)) > 1
    assert np.mean(labels == expected) >= EQUAL


@pytest.mark.parametrize("name", ["spaced", "constant"])
def test_an_imported_bundle_gives_what_monais_transforms_and_inferer_give(name, tmp_path):
    folder = FIXTURES / "monai" / name
    labels = labels_of(
        installed(import_monai(BundleRequest(folder)), tmp_path), folder / "image.nii.gz"
    )
    expected, _ = read_nifti(folder / "expected.nii.gz")
    assert len(np.unique(expected)) == 3
    assert np.mean(labels == expected) >= EQUAL


def test_an_imported_classifier_gives_what_torchxrayvision_gives(tmp_path):
    folder = FIXTURES / "classifier" / "films"
    pack = installed(
        import_classifier(ClassifierRequest(folder / "model.onnx", folder / "labels.json")),
        tmp_path,
    )
    with Image.open(folder / "film.png") as image:
        film = np.asarray(image).astype(np.int16)[None]
    made = run_pipeline(pack.pack, session_of(pack), ModelInput(film))
    expected = json.loads((folder / "expected.json").read_text("utf-8"))["scores"]
    trained = {label.name.en: expected[label.index - 1] for label in pack.pack.output.labels}
    assert "not probabilities" in made.notes[0].en
    assert made.scores == pytest.approx(trained, abs=1e-4)
    assert len(set(trained.values())) == len(trained)

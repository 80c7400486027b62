"""The engine's window beside MONAI's ``sliding_window_inference``, on the same session."""

from __future__ import annotations

import numpy as np
import pytest

from app.inference.manifest_parts import Infer, Window
from app.inference.ort_session import ModelSession, SessionPlan
from app.inference.patch_grid import gaussian
from app.inference.sliding_window import predict
from tests.support import monai_window

EQUAL = 0.9999


@pytest.fixture(scope="module")
def stored():
    with np.load(monai_window.FIXTURE) as data:
        return {key: data[key] for key in data}


@pytest.fixture(scope="module")
def session(stored):
    return ModelSession(stored["graph"].tobytes(), SessionPlan("cpu", 1))


def ours(session, sigma):
    infer = Infer(
        patch=monai_window.CASE.patch,
        overlap=monai_window.OVERLAP,
        mirror_axes=(),
        window=Window(sigma=sigma),
    )
    run = lambda x: session.run("logits", {"image": x})  # noqa: E731
    return predict(monai_window.values_of()[None], run, infer, lambda *_: None)


def test_equal_to_what_monai_gave(stored, session):
    logits = ours(session, monai_window.WIDE)
    some = logits.reshape(logits.shape[0], -1)[:, :: monai_window.STEP]
    assert np.mean(logits.argmax(0) == stored["labels"]) >= EQUAL
    assert np.abs(some - stored["some"]).max() < 1e-3
    assert len(np.unique(stored["labels"])) == monai_window.CASE.classes


def test_live_beside_monai(stored, session):
    pytest.importorskip("monai", reason="compared live where MONAI is installed")
    run = lambda x: session.run("logits", {"image": x})  # noqa: E731
    values = monai_window.values_of()
    logits, theirs = ours(session, monai_window.WIDE), monai_window.monai_logits(values, run)
    assert np.abs(logits - theirs).max() < 1e-3
    assert np.mean(logits.argmax(0) == theirs.argmax(0)) >= EQUAL
    assert np.mean(stored["labels"] == theirs.argmax(0)) >= EQUAL
    logits = ours(session, 0.125)  # nnU-Net's weights
    weights = gaussian(monai_window.CASE.patch, 0.125, 10.0)
    theirs = monai_window.monai_logits(values, run, weights)
    assert np.abs(logits - theirs).max() < 1e-3
    assert np.mean(logits.argmax(0) == theirs.argmax(0)) >= EQUAL

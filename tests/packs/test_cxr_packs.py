"""The chest film packs on films whose truth is known: made in code, turned, painted over."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from app.config.folders import built_in_packs_folder
from app.core.errors import ResultRefused
from app.core.study import SeriesRef
from app.core.volume import Rescale, Volume
from app.inference.gate import judge
from app.inference.pack_store import PackStore
from app.inference.run_report import scores_json
from app.inference.worker import InferenceProcess
from tests.support.shared_data import shared
from tests.unit.inference.test_to_findings import study

_BUILT_IN = built_in_packs_folder()
_OPACITY = "pneumonia-type opacity"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return PackStore(_BUILT_IN, tmp_path_factory.mktemp("user"))


@pytest.fixture(scope="module")
def process():
    process = InferenceProcess(device="cpu", threads=2)
    yield process
    process.close()


@pytest.fixture(scope="module")
def film():
    """The demonstration film, 8 bit."""
    return np.asarray(Image.open(_BUILT_IN / "cxr-lung-fields" / "golden" / "input.png"))


def as_volume(pixels, **changes):
    volume = Volume(
        np.ascontiguousarray(pixels, np.int16)[None], None, Rescale(), "arbitrary",
        SeriesRef("", "", 0), pixel_spacing_mm=(1.0, 1.0),
    )  # fmt: skip
    return replace(volume, **changes)


def suspected(store, process, pixels, **changes):
    result = process.run(store.get("cxr-film-check"), as_volume(pixels, **changes))
    return {flag.labels[0] for flag in result.flags}


def test_the_demonstration_film_is_a_good_film(store, process, film):
    assert suspected(store, process, film) == set()


@pytest.mark.parametrize(
    ("change", "heads"),
    [
        (lambda f: np.rot90(f, 1), {1}),
        (lambda f: np.rot90(f, 2), {2}),
        (lambda f: np.rot90(f, 3), {3}),
        (lambda f: f[:, ::-1], {4}),
        (lambda f: 255 - f, {5}),
        (lambda f: f[::-1], {2, 4}),
        (lambda f: 255 - np.rot90(f, 1), {1, 5}),
    ],
    ids=["90", "180", "270", "mirrored", "inverted", "upside down", "90 and inverted"],
)
def test_a_film_laid_wrongly_is_named(store, process, film, change, heads):
    assert suspected(store, process, change(film)) == heads


def test_what_the_header_says_itself_is_no_alarm(store, process, film):
    assert suspected(store, process, 255 - film, polarity_inverted=True) == set()
    assert suspected(store, process, film[:, ::-1], patient_orientation=("R", "F")) == set()


def test_what_is_no_chest_film_has_no_right_way_up(store, process):
    noise = np.random.default_rng(5).normal(128, 40, (300, 260)).clip(0, 255)
    assert suspected(store, process, noise) == {7}


def test_the_request_to_check_is_in_both_languages(store, process, film):
    result = process.run(store.get("cxr-film-check"), as_volume(film[:, ::-1]))
    (flag,) = result.flags
    assert flag.text.en.startswith("Please check: film mirrored")
    assert flag.text.ru.startswith("Проверьте, пожалуйста: снимок зеркальный")


def _child(years):
    whole = study()
    series = replace(
        whole.series[0], patient_age_years=years, view_position="AP", modality="DX",
        stacks=(replace(whole.series[0].stacks[0], view_position="AP"),),
    )  # fmt: skip
    return replace(whole, series=(series,)), series


@pytest.mark.parametrize(
    ("years", "verdict"), [(3.0, True), (5.5, True), (0.5, False), (7.0, False), (61.0, False)]
)
def test_the_pneumonia_pack_reads_children_of_its_age_only(store, years, verdict):
    pack = store.get("cxr-pneumonia-children").pack
    whole, series = _child(years)
    fit = judge(pack, whole, series, series.stacks[0])
    assert (fit.verdict != "refused") is verdict
    if not verdict:
        assert [r.rule for r in fit.reasons if r.refuses] == ["age"]
        assert all(r.text.en and r.text.ru for r in fit.reasons)


def test_a_score_is_a_probability_with_a_map_and_three_thresholds(store, process, film):
    installed = store.get("cxr-pneumonia-children")
    result = process.run(installed, as_volume(film))
    (head,) = scores_json(result, installed.pack)["heads"]
    assert head["probability"] == head["score"]
    (forced,) = scores_json(replace(result, forced=True), installed.pack)["heads"]
    assert forced["probability"] is None  # calibrated on children; this film is none of them
    assert forced["score"] == head["score"]
    points = {point["name"]: point for point in head["operating_points"]}
    assert set(points) == {"95 % sensitivity", "balanced", "95 % specificity"}
    assert all(point["sens"] and point["spec"] for point in points.values())
    assert (
        points["95 % sensitivity"]["threshold"]
        <= points["balanced"]["threshold"]
        <= points["95 % specificity"]["threshold"]
    )
    attention = dict(result.attention)[1]
    assert attention.shape == (1, *film.shape)
    assert 0 <= attention.min() < attention.max() <= 1


def test_borders_and_aspect_hardly_move_the_score(store, process, film):
    installed = store.get("cxr-pneumonia-children")

    def score(pixels):
        return process.run(installed, as_volume(pixels), forced=True).scores[_OPACITY]

    plain = score(film)
    framed = film.copy()
    framed[:12], framed[-12:], framed[:, :12], framed[:, -12:] = 0, 255, 90, 200
    wide = np.asarray(Image.fromarray(film).resize((int(film.shape[1] * 1.2), film.shape[0])))
    assert abs(score(framed) - plain) < 0.1
    assert abs(score(wide) - plain) < 0.1


def test_an_empty_exposure_gets_no_score(store, process):
    blank = as_volume(np.full((300, 260), 128.0))
    with pytest.raises(ResultRefused):
        process.run(store.get("cxr-pneumonia-children"), blank, forced=True)


def test_held_out_children_are_told_apart(store, process):
    table = shared("data/cxr-pneumonia-children/pneumonia.csv")
    archive = shared("data/cxr-lungs/images.zip")
    with table.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "val"]
    normal = [row for row in rows if row["label"] == "normal"][::8]
    ill = [row for row in rows if row["label"] == "pneumonia"][::22]
    installed = store.get("cxr-pneumonia-children")
    scores = {}
    with zipfile.ZipFile(archive) as file:
        for row in normal + ill:
            pixels = np.asarray(Image.open(io.BytesIO(file.read(row["image"]))).convert("L"))
            scores[row["image"]] = process.run(installed, as_volume(pixels)).scores[_OPACITY]
    pairs = [(scores[a["image"]], scores[b["image"]]) for a in ill for b in normal]
    assert np.mean([a > b for a, b in pairs]) > 0.93

"""``overread packs import``: from a foreign folder to a pack that installs and runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from app.cli.main import run
from app.imaging.nifti import read_nifti
from tests.support.foreign_models import nnunet_dataset, score_graph, write_nnunet

FIXTURES = Path(__file__).parents[1] / "inference" / "importing" / "fixtures"


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERREAD_DATA", str(tmp_path / "data"))
    return tmp_path


def test_an_imported_nnunet_is_added_and_runs_like_nnunet(data, capsys):
    folder, pack = FIXTURES / "nnunet" / "ct_regions", data / "a.overreadpack"
    arguments = ["packs", "import", "nnunet", str(folder), "--orientation", "RAS"]
    assert run([*arguments, "--out", str(pack), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "overread.import/1"
    assert "licence" in told["unknown"]
    assert run(["packs", "add", str(pack)]) == 0
    image, out = folder / "image.nii.gz", data / "out"
    assert run(["infer", str(image), "--pack", told["id"], "--out", str(out)]) == 0
    labels, _ = read_nifti(out / "labelmap.nii.gz")
    expected, _ = read_nifti(folder / "expected.nii.gz")
    assert np.mean(labels == expected) >= 0.9999


def test_every_source_has_a_verb(data, capsys):
    monai = ["monai", str(FIXTURES / "monai" / "spaced")]
    films = FIXTURES / "classifier" / "films"
    classifier = ["classifier", str(films / "model.onnx"), "--labels", str(films / "labels.json")]
    for n, source in enumerate((monai, classifier)):
        out, template = data / f"{n}.overreadpack", data / f"{n}.json"
        line = ["packs", "import", *source, "--out", str(out), "--facts-template", str(template)]
        assert run(line) == 0
        assert out.is_file()
        assert json.loads(template.read_text("utf-8"))["labels"]
        assert "Not known" in capsys.readouterr().out


def test_a_refusal_says_why_and_leaves_nothing(data, capsys):
    names = {"background": 0, "kidney_left": 1, "kidney_right": 2}
    folder = write_nnunet(data / "m", dataset=nnunet_dataset(names))
    out = data / "a.overreadpack"
    line = ["packs", "import", "nnunet", str(folder), "--out", str(out), "--orientation", "RAS"]
    assert run(line) == 3
    assert "exchanges them" in capsys.readouterr().err
    assert not out.exists()
    assert run([*line, "--mirror-axes", "x"]) == 2
    assert run([*line, "--mirror-axes", "none"]) == 0
    total = ["packs", "import", "totalsegmentator", "--task", "total", "--nnunet", str(folder)]
    assert run([*total, "--out", str(data / "b.overreadpack")]) == 3
    assert "classes are not those" in capsys.readouterr().err


def test_bad_files_end_in_a_sentence(data, capsys):
    graph, labels = data / "m.onnx", data / "l.json"
    graph.write_bytes(score_graph(2))
    labels.write_text('{"pathologies": ["a", ', encoding="utf-8")
    line = ["packs", "import", "classifier", str(graph), "--labels", str(labels)]
    assert run([*line, "--out", str(data / "c.overreadpack")]) == 3
    assert "not whole" in capsys.readouterr().err

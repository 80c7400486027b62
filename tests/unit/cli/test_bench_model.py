"""``bench-model``: real runs of a tiny pack, figures that follow from each other."""

from __future__ import annotations

import json

import pytest

from app.cli.main import run
from tests.support import tiny_pack


@pytest.fixture
def library(tmp_path):
    tiny_pack.write_volume_pack(tmp_path / "packs")
    return tmp_path


def test_seconds_share_rate_and_memory(library, capsys):
    code = run(["bench-model", "tiny-ball", "--shape", "24,40,40", "--providers", "cpu",
                 "--repeats", "1", "--data", str(library), "--json"])  # fmt: skip
    assert code == 0
    report = json.loads(capsys.readouterr().out)
    (row,) = report["rows"]
    assert report["shape"] == [24, 40, 40]
    assert row["device"] == "cpu"
    assert row["patches"] == 4
    assert set(row["seconds"]) == {"load", "pre", "model", "post"}
    assert row["total_s"] == pytest.approx(sum(row["seconds"].values()), abs=1e-3)
    assert 0 < row["model_share"] <= 1
    assert row["patches_per_s"] > 0
    assert row["peak_mb"] is None or row["peak_mb"] > 20


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--providers", "abacus"], 2, "no provider"),
        (["--shape", "1,2"], 3, "three numbers"),
        ([], 3, "no sample"),
    ],
)
def test_what_cannot_be_measured_is_said(library, capsys, options, code, words):
    assert run(["bench-model", "tiny-ball", *options, "--data", str(library)]) == code
    assert words in capsys.readouterr().err

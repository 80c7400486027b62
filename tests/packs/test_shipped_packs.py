"""Every pack that ships: a valid manifest, intact files, its sample reproduced, and in time."""

from __future__ import annotations

import pytest

from app.config.folders import built_in_packs_folder
from app.inference.golden import golden_context, golden_volume, reproduce
from app.inference.pack_store import PackStore
from app.inference.worker import InferenceProcess

_BUILT_IN = built_in_packs_folder()
_SHIPPED = sorted(path.parent.name for path in _BUILT_IN.glob("*/manifest.json"))
_SECONDS = 2.0  # promised: 1 s on two cores; twice that, because test machines are shared
_VOLUME_SECONDS = 10.0  # promised: 10 s on a whole CT; the sample is far smaller


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return PackStore(_BUILT_IN, tmp_path_factory.mktemp("user"))


@pytest.fixture(scope="module")
def process():
    process = InferenceProcess(device="cpu", threads=2)
    yield process
    process.close()


def test_something_ships():
    if not _SHIPPED:
        pytest.skip("models/ holds no pack in this checkout")


def test_folder_and_id_agree(store):
    assert [p.pack.id for p in store.installed()] == _SHIPPED


@pytest.mark.parametrize("pack_id", _SHIPPED)
def test_it_is_intact(store, pack_id):
    assert store.verify(pack_id) == ()


@pytest.mark.parametrize("pack_id", _SHIPPED)
def test_it_carries_licence_card_and_limits(store, pack_id):
    installed = store.get(pack_id)
    roles = {entry.role for entry in installed.pack.files}
    wanted = {"card", "licence"} if installed.pack.analysis else {"weights", "card", "licence"}
    assert wanted <= roles
    card = (installed.folder / installed.pack.model_card.file).read_text("utf-8")
    assert len(card) > 500
    assert installed.pack.attribution
    listed = {entry.path for entry in installed.pack.files} | {"manifest.json"}
    present = {
        path.relative_to(installed.folder).as_posix()
        for path in installed.folder.rglob("*")
        if path.is_file()
    }
    assert present == listed


@pytest.mark.parametrize("pack_id", _SHIPPED)
def test_trap_15_its_thresholds_name_the_weights_they_were_measured_with(store, pack_id):
    pack = store.get(pack_id).pack
    for point in pack.operating_points:
        assert point.weights_sha256 == pack.weights_sha256
        assert point.population
        assert point.source


@pytest.mark.parametrize("pack_id", _SHIPPED)
def test_it_reproduces_its_sample(store, process, pack_id):
    report = reproduce(store.get(pack_id), process)
    assert report is not None
    assert report.reproduced, report.figures


@pytest.mark.parametrize("pack_id", _SHIPPED)
def test_it_is_fast_and_small(store, process, pack_id):
    installed = store.get(pack_id)
    assert sum(entry.bytes for entry in installed.pack.files) < 20_000_000
    volume = golden_volume(installed, installed.pack.golden)
    context = golden_context(installed, installed.pack.golden)
    process.run(installed, volume, context=context)
    result = process.run(installed, volume, context=context)
    limit = _VOLUME_SECONDS if installed.pack.analysis else _SECONDS
    assert sum(result.seconds.values()) < limit

"""Versions side by side: which one is in use, which run in the shadow, which are off."""

from __future__ import annotations

import pytest

from app.core.errors import ModelPackError
from app.inference.pack_policy import PackChoice, PackPolicy
from app.inference.pack_store import PackStore
from tests.support import tiny_pack


def made(tmp_path, version):
    archive = tmp_path / f"{version}.overreadpack"
    if archive.exists():
        return archive
    folder = tiny_pack.write_film_pack(tmp_path / f"made-{version}")
    tiny_pack.change_manifest(folder, lambda m: m.update(version=version))
    return tiny_pack.zip_pack(folder, archive)


@pytest.fixture
def several(tmp_path):
    store = PackStore(tmp_path / "models", tmp_path / "user")
    for version in ("1.0.0", "1.10.0", "1.9.0", "2.0.0-rc.1"):
        store.add(made(tmp_path, version))
    return store


def with_policy(tmp_path, *choices):
    policy = PackPolicy(choices=tuple(PackChoice(*choice) for choice in choices))
    return PackStore(tmp_path / "models", tmp_path / "user", policy)


def keys(packs):
    return [one.key for one in packs]


def test_the_highest_version_is_in_use_and_numbers_are_numbers(several):
    assert keys(several.installed()) == ["tiny-lungs@2.0.0-rc.1"]
    several.remove("tiny-lungs@2.0.0-rc.1")
    assert keys(several.installed()) == ["tiny-lungs@1.10.0"]
    assert keys(several.versions()) == [f"tiny-lungs@{v}" for v in ("1.0.0", "1.9.0", "1.10.0")]
    assert several.get("tiny-lungs@1.0.0").pack.version == "1.0.0"
    assert several.verify() == ()


def test_the_same_version_is_not_installed_twice(tmp_path, several):
    with pytest.raises(ModelPackError, match=r"tiny-lungs@1.9.0. is installed already"):
        several.add(made(tmp_path, "1.9.0"))


def test_a_bare_id_does_not_say_which_to_remove(several):
    with pytest.raises(ModelPackError, match="Several versions") as refusal:
        several.remove("tiny-lungs")
    assert "tiny-lungs@1.10.0" in refusal.value.hint
    with pytest.raises(ModelPackError, match=r"no model pack .tiny-lungs@7.0.0"):
        several.get("tiny-lungs@7.0.0")


def test_settings_pin_shadow_and_switch_off(tmp_path, several):
    assert keys(several.installed()) == ["tiny-lungs@2.0.0-rc.1"]
    store = with_policy(
        tmp_path,
        ("tiny-lungs", "1.9.0", "on"),
        ("tiny-lungs", "2.0.0-rc.1", "shadow"),
        ("tiny-lungs", "1.10.0", "off"),
    )
    assert keys(store.installed()) == ["tiny-lungs@1.9.0"]
    assert keys(store.shadows()) == ["tiny-lungs@2.0.0-rc.1"]
    assert store.get("tiny-lungs").pack.version == "1.9.0"
    off = with_policy(tmp_path, ("tiny-lungs", "", "off"))
    assert off.installed() == ()
    assert off.get("tiny-lungs").pack.version == "2.0.0-rc.1"  # what it once found keeps its name


def test_a_result_finds_the_version_that_made_it(tmp_path, several):
    assert several.of_run("tiny-lungs", "1.9.0").pack.version == "1.9.0"
    assert several.of_run("tiny-lungs", "0.1.0").pack.version == "2.0.0-rc.1"


def test_the_built_in_version_stays_in_use_until_another_is_named(tmp_path):
    tiny_pack.write_film_pack(tmp_path / "models")
    store = PackStore(tmp_path / "models", tmp_path / "user")
    store.add(made(tmp_path, "3.0.0"))
    assert keys(store.installed()) == ["tiny-lungs@1.0.0"]
    named = with_policy(tmp_path, ("tiny-lungs", "3.0.0", "on"))
    assert keys(named.installed()) == ["tiny-lungs@3.0.0"]


def test_trap_15_thresholds_are_never_those_of_another_version(tmp_path):
    """An operating point that was measured with other weights refuses its pack."""
    folder = tiny_pack.write_score_pack(tmp_path / "made")
    store = PackStore(tmp_path / "made", tmp_path / "user")
    weights = store.get("tiny-score").pack.weights_sha256

    def bind(sha256):
        def change(manifest):
            for point in manifest["operating_points"]:
                point["weights_sha256"] = sha256

        tiny_pack.change_manifest(folder, change)

    bind(weights)
    assert store.get("tiny-score").pack.operating_point(1).threshold == 0.5
    bind("0" * 64)
    with pytest.raises(ModelPackError, match="measured with other weights"):
        store.get("tiny-score")

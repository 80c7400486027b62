"""Packs on disk: list, verify, add, remove; what is refused leaves nothing behind."""

from __future__ import annotations

import json
import stat
import zipfile

import pytest

from app.core.errors import HashMismatch, ModelPackError
from app.inference.pack_store import PackStore
from tests.support import tiny_pack


@pytest.fixture
def store(tmp_path):
    return PackStore(tmp_path / "models", tmp_path / "user")


@pytest.fixture
def archive(tmp_path):
    folder = tiny_pack.write_film_pack(tmp_path / "made")
    return tiny_pack.zip_pack(folder, tmp_path / "pack.zip")


def left_behind(tmp_path):
    user = tmp_path / "user"
    return sorted(p.name for p in user.iterdir()) if user.exists() else []


@pytest.mark.parametrize("prefix", ["", "tiny-lungs/"])
def test_add_list_verify_remove(tmp_path, store, archive, prefix):
    if prefix:
        tiny_pack.zip_pack(tmp_path / "made" / "tiny-lungs", archive, prefix=prefix)
    added = store.add(archive)
    assert added.pack.id == "tiny-lungs"
    assert not added.built_in
    assert [p.pack.id for p in store.installed()] == ["tiny-lungs"]
    assert store.verify() == ()
    assert left_behind(tmp_path) == ["tiny-lungs@1.0.0"]
    with pytest.raises(ModelPackError, match="installed already"):
        store.add(archive)
    store.remove("tiny-lungs")
    assert store.installed() == ()
    with pytest.raises(ModelPackError, match="no model pack"):
        store.remove("tiny-lungs")


def test_a_pack_with_the_id_of_a_built_in_one_is_told_to_take_another(tmp_path, store, archive):
    tiny_pack.write_film_pack(tmp_path / "models")
    with pytest.raises(ModelPackError, match="another id"):
        store.add(archive)
    assert left_behind(tmp_path) == []


def test_built_in_packs_cannot_be_removed(tmp_path, store):
    tiny_pack.write_film_pack(tmp_path / "models")
    with pytest.raises(ModelPackError, match="comes with the program"):
        store.remove("tiny-lungs")
    assert store.get("tiny-lungs").built_in


def test_folders_without_manifest_are_no_packs(tmp_path, store):
    (tmp_path / "models" / "training").mkdir(parents=True)
    assert store.installed() == ()
    assert store.verify() == ()


def test_verify_names_the_file(tmp_path, store):
    folder = tiny_pack.write_film_pack(tmp_path / "models")
    (folder / "card.md").write_text("# other\n", encoding="utf-8")
    (folder / "LICENSE.txt").unlink()
    assert [f.file for f in store.verify("tiny-lungs")] == ["LICENSE.txt", "card.md"]
    with pytest.raises(ModelPackError, match="no model pack"):
        store.verify("nothing")


def test_a_broken_manifest_is_a_fault_and_not_a_crash(tmp_path, store):
    folder = tiny_pack.write_film_pack(tmp_path / "models")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    (folder / "manifest.json").write_text(json.dumps(manifest | {"evil": 1}), "utf-8")
    assert store.installed() == ()
    fault = store.verify()[0]
    assert fault.pack_id == "tiny-lungs"
    assert "evil" in fault.reason.en
    with pytest.raises(ModelPackError, match="evil"):
        store.get("tiny-lungs")


def test_wrong_hash_is_refused(tmp_path, store):
    folder = tiny_pack.write_film_pack(tmp_path / "made")
    card = folder / "card.md"
    card.write_text("# Tinx\n", encoding="utf-8")  # as long as before
    with pytest.raises(HashMismatch, match=r"card\.md"):
        store.add(tiny_pack.zip_pack(folder, tmp_path / "pack.zip"))
    assert left_behind(tmp_path) == []


def rewritten(archive, change):
    """The archive with its entries passed through ``change(name, content) -> pairs``."""
    with zipfile.ZipFile(archive) as source:
        entries = [(info.filename, source.read(info)) for info in source.infolist()]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in entries:
            for new_name, new_content in change(name, content):
                target.writestr(new_name, new_content)
    return archive


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda n, c: [(n, c), (f"../{n}", c)], "leads out"),
        (lambda n, c: [(f"/etc/{n}", c)], "leads out"),
        (lambda n, c: [(n, c), (f"x-{n}", c)], "does not list"),
        (lambda n, c: [] if n == "card.md" else [(n, c)], "missing"),
        (lambda n, c: [] if n == "manifest.json" else [(n, c)], "no manifest"),
        (lambda n, c: [(n, c + b"\0" * 50_000_000 if n == "model.onnx" else c)], "size"),
        (lambda n, c: [(n, b" " * 5_000_000 if n == "manifest.json" else c)], "1 MB"),
    ],
)
def test_bad_archives_leave_nothing(tmp_path, store, archive, change, words):
    with pytest.raises(ModelPackError, match=words):
        store.add(rewritten(archive, change))
    assert left_behind(tmp_path) == []


def test_a_bomb_that_lies_about_its_size(tmp_path, store, archive):
    """The directory names a small size; the stream holds more than the manifest admits."""
    rewritten(archive, lambda n, c: [(n, b"\0" * 80_000_000 if n == "card.md" else c)])
    content = bytearray(archive.read_bytes())
    big, small = (80_000_000).to_bytes(4, "little"), (7).to_bytes(4, "little")
    assert content.count(big) == 2
    archive.write_bytes(bytes(content).replace(big, small))
    with pytest.raises(ModelPackError):
        store.add(archive)
    assert left_behind(tmp_path) == []


def test_links_and_other_kinds_are_refused(tmp_path, store, archive):
    with zipfile.ZipFile(archive, "a") as target:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        target.writestr(link, "/etc/passwd")
    with pytest.raises(ModelPackError, match="plain file"):
        store.add(archive)
    for content in (b"", b"PK\x03\x04 broken", b"not a zip"):
        archive.write_bytes(content)
        with pytest.raises(ModelPackError, match="ZIP"):
            store.add(archive)
    with pytest.raises(ModelPackError, match="not there"):
        store.add(tmp_path / "absent.zip")
    assert left_behind(tmp_path) == []

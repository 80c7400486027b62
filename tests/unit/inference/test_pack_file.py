"""The one file to hand around: sealed, signed, checked, and what is refused leaves nothing."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from random import Random

import pytest

from app.core.errors import HashMismatch, InputError, ModelPackError
from app.inference.golden import try_out
from app.inference.pack_archive import unpack
from app.inference.pack_policy import PackPolicy
from app.inference.pack_seal import pack_folder, sign_file
from app.inference.pack_signature import key_id_of, new_key, public_key
from app.inference.pack_store import PackStore
from app.inference.worker import InferenceProcess
from tests.support import tiny_pack


@pytest.fixture
def folder(tmp_path):
    return tiny_pack.write_film_pack(tmp_path / "made")


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "key.pem"
    return path, new_key(path)


@pytest.fixture(scope="module")
def process():
    process = InferenceProcess(device="cpu", threads=1)
    yield process
    process.close()


def store_of(tmp_path, *keys, required=False):
    return PackStore(tmp_path / "none", tmp_path / "user", PackPolicy(keys, required))


def left_behind(tmp_path):
    user = tmp_path / "user"
    return sorted(p.name for p in user.iterdir()) if user.exists() else []


def rewritten(archive, change):
    """The archive with its entries passed through ``change(name, content) -> content``."""
    with zipfile.ZipFile(archive) as source:
        entries = [(info.filename, source.read(info)) for info in source.infolist()]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in entries:
            target.writestr(name, change(name, content))
    return archive


def test_sealing_writes_true_hashes_and_the_same_bytes_each_time(tmp_path, folder):
    (folder / "card.md").write_text("# A new card\n", "utf-8")
    (folder / ".hidden").write_text("x", "utf-8")
    before = (folder / "manifest.json").read_bytes()
    first = pack_folder(folder, tmp_path / "a.overreadpack")
    second = pack_folder(folder, tmp_path / "b.overreadpack")
    assert first.sha256 == second.sha256
    assert (folder / "manifest.json").read_bytes() == before
    added = store_of(tmp_path).add(first.path)
    roles = {entry.path: entry.role for entry in added.pack.files}
    assert roles == {"LICENSE.txt": "licence", "card.md": "card", "model.onnx": "weights"}
    assert store_of(tmp_path).verify() == ()


def test_sealing_refuses_what_could_not_be_installed(tmp_path, folder):
    (folder / "link").symlink_to("/etc/hostname")
    with pytest.raises(ModelPackError, match="link"):
        pack_folder(folder, tmp_path / "a.overreadpack")
    (folder / "link").unlink()
    (folder / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelPackError, match="not an ONNX file"):
        pack_folder(folder, tmp_path / "a.overreadpack")
    (folder / "manifest.json").write_text("[]", "utf-8")
    with pytest.raises(ModelPackError, match="not a JSON object"):
        pack_folder(folder, tmp_path / "a.overreadpack")
    with pytest.raises(InputError, match=r"no manifest\.json"):
        pack_folder(tmp_path, tmp_path / "a.overreadpack")
    assert not list(tmp_path.glob("a.overreadpack*"))


def test_sealing_does_not_bind_a_calibration_to_new_weights(tmp_path):
    folder = tiny_pack.write_score_pack(tmp_path / "made")
    weights = PackStore(tmp_path / "made", tmp_path / "user").get("tiny-score").pack.weights_sha256
    calibration = {"method": "temperature", "params": [2.0], "weights_sha256": weights}
    tiny_pack.change_manifest(folder, lambda m: m.update(calibration=calibration))
    pack_folder(folder, tmp_path / "a.overreadpack")
    other = tiny_pack.write_film_pack(tmp_path / "other")
    (folder / "model.onnx").write_bytes((other / "model.onnx").read_bytes())
    with pytest.raises(ModelPackError, match="calibration was made for other weights"):
        pack_folder(folder, tmp_path / "b.overreadpack")


def test_signed_by_a_trusted_key(tmp_path, folder, key):
    path, public = key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sealed = pack_folder(folder, tmp_path / "a.overreadpack", key_file=path)
    assert sealed.key_id == key_id_of(public_key(public))
    added = store_of(tmp_path, public, required=True).add(sealed.path)
    assert added.signed_by == sealed.key_id
    assert (
        store_of(tmp_path).installed()[0].signed_by == ""
    )  # a key that nobody trusts says nothing


def test_signing_later_keeps_the_manifest_to_the_byte(tmp_path, folder, key):
    path, public = key
    plain = pack_folder(folder, tmp_path / "a.overreadpack")
    signed = sign_file(plain.path, tmp_path / "b.overreadpack", path)
    contents = []
    for sealed in (plain, signed):
        with zipfile.ZipFile(sealed.path) as archive:
            contents.append(archive.read("manifest.json"))
    assert contents[0] == contents[1]
    assert store_of(tmp_path, public, required=True).add(signed.path).signed_by == signed.key_id


def test_under_the_policy_unsigned_and_unknown_are_refused(tmp_path, folder, key):
    path, public = key
    plain = pack_folder(folder, tmp_path / "a.overreadpack")
    signed = pack_folder(folder, tmp_path / "b.overreadpack", key_file=path)
    stranger = new_key(tmp_path / "other.pem")
    with pytest.raises(ModelPackError, match="not signed"):
        store_of(tmp_path, public, required=True).add(plain.path)
    with pytest.raises(ModelPackError, match="not trusted here"):
        store_of(tmp_path, stranger, required=True).add(signed.path)
    assert left_behind(tmp_path) == []
    # what is there already does not run either
    store_of(tmp_path).add(plain.path)
    strict = store_of(tmp_path, public, required=True)
    assert strict.installed() == ()
    assert "not signed" in strict.verify()[0].reason.en


def test_a_tampered_pack_is_refused_signed_or_not(tmp_path, folder, key):
    path, public = key
    sealed = pack_folder(folder, tmp_path / "a.overreadpack", key_file=path)

    def change(name, content):
        if name != "manifest.json":
            return content
        return content.replace(b'"version": "1.0.0"', b'"version": "1.0.1"')

    archive = rewritten(sealed.path, change)
    for store in (store_of(tmp_path), store_of(tmp_path, public)):
        with pytest.raises(ModelPackError, match="not the one that was signed"):
            store.add(archive)

    with zipfile.ZipFile(archive) as source:
        sha256 = hashlib.sha256(source.read("manifest.json")).hexdigest()

    def forge(name, content):
        if name != "signature.json":
            return content
        return json.dumps(json.loads(content) | {"manifest_sha256": sha256})

    with pytest.raises(ModelPackError, match="signature is not valid"):
        store_of(tmp_path, public).add(rewritten(archive, forge))
    with pytest.raises(ModelPackError, match="signature cannot be read"):
        store_of(tmp_path).add(
            rewritten(archive, lambda n, c: b"{}" if n == "signature.json" else c)
        )
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("text", ["", "x", "AAAA", "ж" * 44])
def test_what_is_no_key(text):
    with pytest.raises(InputError, match="not a public key"):
        public_key(text)


def test_a_key_is_never_overwritten(tmp_path, key):
    with pytest.raises(InputError, match="never overwritten"):
        new_key(key[0])


def test_a_zip_with_ten_thousand_entries(tmp_path, folder):
    sealed = pack_folder(folder, tmp_path / "a.overreadpack")
    with zipfile.ZipFile(sealed.path, "a") as archive:
        for n in range(10_000):
            archive.writestr(f"x{n}", b"")
    with pytest.raises(ModelPackError, match="too many files"):
        store_of(tmp_path).add(sealed.path)
    assert left_behind(tmp_path) == []


def test_a_manifest_of_ten_megabytes(tmp_path, folder):
    text = (folder / "manifest.json").read_text("utf-8")
    (folder / "manifest.json").write_text(text + " " * 10_000_000, "utf-8")
    archive = tiny_pack.zip_pack(folder, tmp_path / "a.overreadpack")
    with pytest.raises(ModelPackError, match=r"manifest\.json is larger than 1 MB"):
        store_of(tmp_path).add(archive)
    with pytest.raises(ModelPackError, match="larger than 1 MB"):
        pack_folder(folder, tmp_path / "b.overreadpack")
    store = PackStore(folder.parent, tmp_path / "user")
    assert "larger than 1 MB" in store.verify()[0].reason.en
    assert left_behind(tmp_path) == []


def test_a_bomb_that_its_manifest_admits(tmp_path, folder):
    """300 MB of zeros in 300 kB, and the manifest says so: refused before it is unpacked."""
    (folder / "golden").mkdir()
    with (folder / "golden" / "zeros").open("wb") as file:
        file.truncate(300_000_000)
    tiny_pack.change_manifest(folder, lambda m: None)
    archive = tiny_pack.zip_pack(folder, tmp_path / "a.overreadpack")
    assert archive.stat().st_size < 400_000
    with pytest.raises(ModelPackError, match="far more than it holds"):
        store_of(tmp_path).add(archive)
    assert left_behind(tmp_path) == []


def test_a_name_twice(tmp_path, folder):
    archive = tiny_pack.zip_pack(folder, tmp_path / "a.overreadpack")
    with zipfile.ZipFile(archive, "a") as target, pytest.warns(UserWarning, match="Duplicate"):
        target.writestr("card.md", b"# Tiny\n")
    with pytest.raises(ModelPackError, match="a name twice"):
        store_of(tmp_path).add(archive)


def test_trap_04_a_pack_is_data_only(tmp_path, folder):
    """No code runs: a pickle or a script in the pack is not listed or never touched."""
    (folder / "run.py").write_text("raise SystemExit('executed')\n", "utf-8")
    tiny_pack.change_manifest(folder, lambda m: m["name"].update(en="$import os; os.abort()"))
    added = store_of(tmp_path).add(tiny_pack.zip_pack(folder, tmp_path / "a.overreadpack"))
    assert added.pack.name.en == "$import os; os.abort()"


def test_the_sample_is_run_before_a_pack_is_installed(tmp_path, folder, process):
    tiny_pack.add_golden(folder)
    sealed = pack_folder(folder, tmp_path / "a.overreadpack")
    seen = []
    added = store_of(tmp_path).add(sealed.path, lambda one: seen.append(try_out(one, process)))
    assert seen[0].reproduced
    assert min(seen[0].figures.values()) > 0.95
    assert added.pack.golden is not None


def test_a_sample_that_does_not_come_out_is_not_installed(tmp_path, folder, process):
    tiny_pack.add_golden(folder, side="wrong")
    sealed = pack_folder(folder, tmp_path / "a.overreadpack")
    with pytest.raises(ModelPackError, match="does not reproduce its sample"):
        store_of(tmp_path).add(sealed.path, lambda one: try_out(one, process))
    assert left_behind(tmp_path) == []


def test_a_graph_that_is_not_the_one_of_the_manifest_is_not_installed(tmp_path, folder):
    tiny_pack.change_manifest(
        folder, lambda m: m["onnx"]["outputs"][0].update(shape=[1, 4, 64, 64])
    )
    with pytest.raises(ModelPackError, match="has 3, and the manifest says 4"):
        store_of(tmp_path).add(tiny_pack.zip_pack(folder, tmp_path / "a.overreadpack"))
    assert left_behind(tmp_path) == []
    store = PackStore(folder.parent, tmp_path / "user")
    assert "has 3, and the manifest says 4" in store.verify()[0].reason.en


def test_a_changed_file_is_refused_while_it_is_packed(tmp_path, folder):
    archive = tiny_pack.zip_pack(folder, tmp_path / "a.overreadpack")
    with pytest.raises(HashMismatch):
        store_of(tmp_path).add(
            rewritten(archive, lambda n, c: b"# Tinx\n" if n == "card.md" else c)
        )
    with pytest.raises(ModelPackError, match="not there"):
        unpack(tmp_path / "nothing.zip", tmp_path)


def test_mutated_pack_files_end_in_a_sentence_and_leave_nothing(tmp_path, folder):
    """Bytes flipped, cut out and doubled anywhere: refused in words, or it is the same pack."""
    whole = pack_folder(folder, tmp_path / "a.overreadpack").path.read_bytes()
    random = Random(20261201)
    store = store_of(tmp_path)
    archive = tmp_path / "b.overreadpack"
    refused = 0
    for _ in range(150):
        content = bytearray(whole)
        at = random.randrange(len(content))
        match random.randrange(3):
            case 0:
                content[at] ^= 1 << random.randrange(8)
            case 1:
                del content[at : at + random.randrange(1, 200)]
            case 2:
                content[at:at] = content[at : at + 100]
        archive.write_bytes(content)
        try:
            added = store.add(archive)
        except ModelPackError:
            refused += 1
        else:
            store.remove(added.key)
        assert left_behind(tmp_path) == []
    assert refused > 75

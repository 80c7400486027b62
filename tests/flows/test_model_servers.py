"""Packs on a real server of the KServe v2 protocol (NVIDIA Triton on loopback): same results, and
what happens when the server lies, dawdles, dies or is not who it should be.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import trustme
from onnx import numpy_helper

from app.cli.doctor import _servers as servers_rows
from app.cli.main import run
from app.core.errors import Cancelled, ServerFault, UsageFault
from app.imaging.nifti import read_nifti, write_nifti
from app.inference.golden import golden_volume
from app.inference.pack_store import PackStore
from app.inference.remote.http_client import HttpClient
from app.inference.remote.server import ModelServer, ServerBook
from app.inference.remote.triton_repository import write_triton_model
from app.inference.result import InferenceResult
from app.inference.worker import InferenceProcess
from app.jobs.cancel import CancelToken
from app.workflow.model_servers import check_server
from tests.support import tiny_pack
from tests.support.orthanc import free_port
from tests.support.program import CHECKOUT
from tests.support.triton import Triton, TritonOptions, running_triton
from tests.support.web_relay import Relay, running_relay

PACKS = ("tiny-lungs", "tiny-ball", "tiny-score")
FOLDS = "tiny-folds"


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> PackStore:
    folder = tmp_path_factory.mktemp("packs")
    tiny_pack.write_film_pack(folder / "models")
    tiny_pack.write_volume_pack(folder / "models")
    tiny_pack.write_score_pack(folder / "models")
    _write_folds(folder / "models")
    return PackStore(folder / "models", folder / "user")


@pytest.fixture(scope="module")
def triton(store, tmp_path_factory) -> Iterator[Triton]:
    repository = _repository(store, tmp_path_factory.mktemp("triton") / "models")
    with running_triton(repository) as server:
        yield server


def _write_folds(models: Path) -> None:
    """A pack of two graphs that disagree on where the ball ends."""
    folder = tiny_pack.write_volume_pack(models, pack_id=FOLDS)
    graph = onnx.load(folder / "model.onnx")
    limit = next(value for value in graph.graph.initializer if value.name == "limit")
    limit.CopyFrom(numpy_helper.from_array(np.asarray(-50.0, np.float32), "limit"))
    onnx.save(graph, folder / "second.onnx")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["onnx"]["folds"] = ["second.onnx"]
    tiny_pack.write_manifest(folder, manifest)


_PROCESS = InferenceProcess(threads=1)


@pytest.fixture(scope="module", autouse=True)
def _process() -> Iterator[None]:
    yield
    _PROCESS.close()


@pytest.fixture(autouse=True)
def _well_behaved(request) -> None:
    if "triton" in request.fixturenames:
        server = request.getfixturevalue("triton")
        for name in PACKS:
            server.behave(name)


def _repository(store: PackStore, folder: Path) -> Path:
    for pack in (*PACKS, FOLDS):
        write_triton_model(store.get(pack), folder)
    return folder


def _server(url: str, **more: object) -> ModelServer:
    return ModelServer("gpu", url, {name: name for name in (*PACKS, FOLDS)}, **more)  # type: ignore[arg-type]


def _run(store: PackStore, server: ModelServer | None, pack: str = "tiny-ball") -> InferenceResult:
    _PROCESS.use_servers(ServerBook((server,) if server else ()))
    is_volume = pack in ("tiny-ball", FOLDS)
    volume = tiny_pack.ball_volume() if is_volume else tiny_pack.film()
    return _PROCESS.run(store.get(pack), volume)


def _same(first: InferenceResult, second: InferenceResult) -> bool:
    return first.scores == second.scores and all(
        np.array_equal(a[1], b[1]) for a, b in zip(first.masks, second.masks, strict=True)
    )


@pytest.mark.parametrize("pack", PACKS)
def test_the_server_gives_the_very_result_of_this_machine(store, triton, pack):
    here = _run(store, None, pack)
    assert here.masks == () or here.masks[0][1].any()
    for url in (triton.grpc, triton.http):
        before = triton.asked(pack)
        there = _run(store, _server(url), pack)
        assert triton.asked(pack) > before  # it was really there
        assert _same(there, here)
        assert there.patches == here.patches
        assert there.device == f"kserve:{url.split('//')[1]}/{pack}"
        assert there.providers == ("KServe:python",)
        assert there.notes == ()
        assert there.weights_sha256 == here.weights_sha256


def test_the_folds_of_a_pack_are_models_of_their_own(store, triton):
    here = _run(store, None, FOLDS)
    one = _run(store, None, "tiny-ball")
    assert np.count_nonzero(here.masks[0][1]) > np.count_nonzero(one.masks[0][1])
    for url in (triton.grpc, triton.http):
        there = _run(store, _server(url), FOLDS)
        assert there.device == f"kserve:{url.split('//')[1]}/{FOLDS}"
        assert _same(there, here)
    assert triton.asked(f"{FOLDS}-fold0") == triton.asked(f"{FOLDS}-fold1") > 0
    checks = list(check_server(_server(triton.grpc), store, with_sample=False))
    assert sum(check.pack == FOLDS and check.is_ok for check in checks) == 2


def test_numbers_as_json_where_a_server_takes_no_bytes(triton):
    """Other servers lack the binary extension; Triton takes both forms."""
    image = np.random.default_rng(1).random((1, 1, tiny_pack.SIDE, tiny_pack.SIDE), np.float32)
    given = ("tiny-lungs", "", {"image": image}, ["logits"])
    client = HttpClient(_server(triton.http))
    as_bytes = client.infer(*given)["logits"]
    client._binary = False  # as found out of the extensions that the server names
    as_numbers = client.infer(*given)["logits"]
    client.close()
    assert as_bytes.dtype == as_numbers.dtype == np.float32
    assert np.array_equal(as_bytes, as_numbers)


def test_nothing_is_sent_where_the_settings_do_not_say_so(store, triton):
    before = triton.asked("tiny-lungs")
    asked_only = _server(triton.grpc, use="asked")
    assert _run(store, asked_only, "tiny-lungs").device == "cpu"
    assert _run(store, replace(asked_only, use="auto", models={}), "tiny-lungs").device == "cpu"
    assert triton.asked("tiny-lungs") == before
    named = ServerBook((replace(asked_only, models={}),), "gpu")
    process = InferenceProcess(servers=named)
    with pytest.raises(UsageFault, match='has no model for the pack "tiny-lungs"'):
        process.run(store.get("tiny-lungs"), tiny_pack.film())


def test_other_weights_are_refused_and_nothing_is_sent(store, triton, tmp_path):
    """The server holds another version of the pack: the same names and shapes, other weights."""
    tiny_pack.write_film_pack(tmp_path / "models", delay=1)
    newer = PackStore(tmp_path / "models", tmp_path / "user")
    before = triton.asked("tiny-lungs")
    result = _run(newer, _server(triton.grpc), "tiny-lungs")
    assert result.device == "cpu"
    assert "other weights" in result.notes[0].en
    assert "this machine" in result.notes[0].en
    assert triton.asked("tiny-lungs") == before


def test_a_model_that_is_not_there(store, triton):
    for url in (triton.grpc, triton.http):
        server = replace(_server(url), models={"tiny-lungs": "lungs-of-yesterday"})
        result = _run(store, server, "tiny-lungs")
        assert result.device == "cpu"
        assert 'has no model "lungs-of-yesterday"' in result.notes[0].en
        with pytest.raises(ServerFault, match="has no model"):
            _run(store, replace(server, fall_back=False), "tiny-lungs")


def test_an_output_that_is_not_the_one_of_the_manifest(store, triton):
    """The description agrees, what comes back does not."""
    triton.behave("tiny-lungs", lie=True)
    for url in (triton.grpc, triton.http):
        result = _run(store, _server(url), "tiny-lungs")
        assert result.device == "cpu"
        assert "which is not what the model pack says" in result.notes[0].en
        assert _same(result, _run(store, None, "tiny-lungs"))


def test_a_slow_server_has_its_limit(store, triton):
    triton.behave("tiny-lungs", delay_s=2)
    for url in (triton.grpc, triton.http):
        result = _run(store, _server(url, timeout_s=1.0), "tiny-lungs")
        assert result.device == "cpu"
        assert result.notes[0].en.startswith(
            'The model server "gpu" did not answer within 1 s; the model ran on this machine'
        )
        assert result.seconds["model"] < 3


def test_cancel_within_a_second(store, triton):
    for url in (triton.grpc, triton.http):
        triton.behave("tiny-lungs", delay_s=3)
        process, token = InferenceProcess(servers=ServerBook((_server(url),))), CancelToken()
        process.warm_up()
        before, cancelled_at = triton.asked("tiny-lungs"), [0.0]

        def stop(before: int = before, token: CancelToken = token, at: list = cancelled_at) -> None:
            while triton.asked("tiny-lungs") == before:
                time.sleep(0.02)
            at[0] = time.monotonic()
            token.cancel()

        threading.Thread(target=stop).start()
        with pytest.raises(Cancelled):
            process.run(store.get("tiny-lungs"), tiny_pack.film(), cancel=token)
        assert time.monotonic() - cancelled_at[0] < 1.0
        process.close()


def test_a_server_killed_during_a_run(store, tmp_path):
    """What it had answered stays; the rest is computed here, and the result names both."""
    repository = _repository(store, tmp_path / "models")
    with running_triton(repository) as server:
        server.behave("tiny-ball", delay_s=0.05)

        def kill(fraction: float, text: str) -> None:
            if server.asked("tiny-ball") >= 3:
                server.kill()

        _PROCESS.use_servers(ServerBook((_server(server.grpc),)))
        result = _PROCESS.run(store.get("tiny-ball"), tiny_pack.ball_volume(), progress=kill)
        assert result.device == f"kserve:127.0.0.1:{server.grpc_port}/tiny-ball + cpu"
        assert result.providers == ("KServe:python", "CPUExecutionProvider")
        assert "the rest was computed on this machine" in result.notes[0].en
        assert _same(result, _run(store, None))
        begin = time.monotonic()
        again = _run(store, _server(server.grpc))
        assert again.device == "cpu"
        assert "refuses the connection" in again.notes[0].en
        assert time.monotonic() - begin < 5


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def _pem(authority: trustme.CA, folder: Path, name: str) -> tuple[Path, Path, Path]:
    """Certificate, key and authority as files."""
    issued = authority.issue_cert(name)
    files = (folder / f"{name}.pem", folder / f"{name}.key", folder / f"{name}.ca.pem")
    issued.cert_chain_pems[0].write_to_path(files[0])
    issued.private_key_pem.write_to_path(files[1])
    authority.cert_pem.write_to_path(files[2])
    return files


def test_tls_over_grpc_with_certificates_of_both_sides(store, authority, tmp_path):
    theirs = _pem(authority, tmp_path, "127.0.0.1")
    ours = _pem(authority, tmp_path, "workstation.example")
    other = _pem(trustme.CA(), tmp_path, "stranger.example")
    repository = _repository(store, tmp_path / "models")
    with running_triton(repository, TritonOptions(theirs)) as triton:
        server = _server(
            triton.grpc, ca_file=str(ours[2]), certificate=str(ours[0]), key=str(ours[1])
        )
        assert _run(store, server, "tiny-lungs").device.startswith("kserve:")
        for wrong, words in (
            (replace(server, ca_file=str(other[2])), "is not vouched for by an authority"),
            (replace(server, ca_file=""), "is not vouched for by an authority"),
            (replace(server, certificate="", key=""), "does not accept our certificate"),
            (
                replace(server, certificate=str(other[0]), key=str(other[1])),
                "does not accept our certificate",
            ),
            (
                replace(server, url=server.url.replace("127.0.0.1", "localhost")),
                "is not for the name localhost",
            ),
            (replace(server, key=str(other[1])), "do not belong together"),
            (replace(server, ca_file=str(tmp_path / "none.pem")), "cannot be read"),
            (replace(server, url=triton.http.replace("http", "grpcs")), "does not speak TLS"),
        ):
            checks = list(check_server(wrong, store, with_sample=False))
            assert [check.is_ok for check in checks] == [False]
            assert words in checks[0].text.en
        before = triton.asked("tiny-lungs")
        result = _run(store, replace(server, ca_file=str(other[2])), "tiny-lungs")
        assert result.device == "cpu"
        assert "cannot be trusted" in result.notes[0].en
        assert triton.asked("tiny-lungs") == before


def test_tls_over_http(store, triton, authority, tmp_path):
    certificate, key, trusted = _pem(authority, tmp_path, "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with running_relay(Relay(triton.http, tls=context)) as relay:
        url = f"https://127.0.0.1:{relay.url.rsplit(':', 1)[1]}"
        server = _server(url, ca_file=str(trusted))
        there = _run(store, server, "tiny-lungs")
        assert there.device.startswith("kserve:")
        assert _same(there, _run(store, None, "tiny-lungs"))
        checks = list(check_server(replace(server, ca_file=""), store, with_sample=False))
        assert "is not vouched for by an authority" in checks[0].text.en


def test_a_redirect_leads_nowhere(store, triton):
    """Only hosts of the settings are asked, whatever a server says of others."""
    relay = Relay(answer=(302, "text/plain", b""), headers={"Location": triton.http})
    with running_relay(relay):
        checks = list(check_server(_server(relay.url), store, with_sample=False))
    assert not checks[0].is_ok
    assert "does not speak the KServe v2 inference protocol" in checks[0].text.en


def test_what_is_said_of_servers_that_are_not_there(store, triton):
    for url, words in (
        (f"grpc://127.0.0.1:{free_port()}", "refuses the connection"),
        ("http://nowhere.invalid:8000", "there is no host nowhere.invalid"),
        (triton.http.replace("http", "grpc"), "does not answer over gRPC"),
        (triton.grpc.replace("grpc", "http"), "does not answer over HTTP"),
    ):
        checks = list(check_server(_server(url), store, with_sample=False))
        assert [check.is_ok for check in checks] == [False], url
        assert words in checks[0].text.en, url


def test_verbs(tmp_path, monkeypatch, capsys):
    """export-triton, servers list and test, infer --server: as an administrator uses them."""
    monkeypatch.setenv("OVERREAD_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")

    def told(*words: object, code: int = 0) -> str:
        assert run([str(word) for word in words]) == code
        said = capsys.readouterr()
        return said.out or said.err

    data, repository, pack = tmp_path / "data", tmp_path / "models", "cxr-lung-fields"
    data.mkdir()
    made = json.loads(told("servers", "export-triton", pack, repository, "--json"))
    assert made["models"] == [pack]
    film = PackStore(CHECKOUT / "models", tmp_path).get(pack)
    golden = film.pack.golden
    assert golden is not None
    image = tmp_path / "film.nii.gz"
    write_nifti(image, golden_volume(film, golden).voxels, None, (1.0, 1.0))
    infer = ("infer", image, "--pack", pack, "--json", "--out")
    with running_triton(repository) as server:
        (data / "settings.toml").write_text(
            f'version = 1\n[[inference.servers]]\nname = "gpu"\nurl = "{server.http}"\n'
            f'use = "asked"\nmodels = {{ {pack} = "{pack}/1" }}\n'
        )
        listed = json.loads(told("servers", "list", "--json"))
        assert listed["servers"][0]["models"] == {pack: f"{pack}/1"}
        checks = json.loads(told("servers", "test", "gpu", "--json"))["servers"][0]["checks"]
        assert [check["check"] for check in checks] == ["connection", "model", "sample"]
        assert "NOT encrypted" in checks[0]["text"]["en"]
        here = json.loads(told(*infer, tmp_path / "here"))
        there = json.loads(told(*infer, tmp_path / "there", "--server", "gpu"))
    assert here["device"] == "cpu"
    assert there["device"] == f"kserve:127.0.0.1:{server.http_port}/{pack}/1"
    assert [row["voxels"] for row in there["outputs"]] == [row["voxels"] for row in here["outputs"]]
    assert any(row["voxels"] for row in here["outputs"])
    masks = [tmp_path / where / "labelmap.nii.gz" for where in ("here", "there")]
    assert np.array_equal(*(read_nifti(path)[0] for path in masks))
    assert "refuses the connection" in told("servers", "test", code=1)
    assert "In the settings: gpu." in told(*infer, tmp_path / "x", "--server", "gpu2", code=2)
    row = next(row for row in servers_rows() if row.name == "model server gpu")
    assert row.level == "note"
    assert "refuses the connection" in row.detail

"""The scoring script behind Azure's own inference server: one start, both request shapes, streaming, refusals."""

import json
import shutil
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from tests.scoring.bodies import ENDS

CHAT = {"messages": [{"role": "user", "content": "What is the capital of France?"}], "temperature": 0, "max_tokens": 20}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def inference_server(
    scoring_processes: ModuleType, smollm2_weights: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """azmlinfsrv on a copy of the code asset, with a mounted model asset, listening on loopback; gives its base URL."""
    folder = tmp_path_factory.mktemp("asset") / "c1"
    mounted = tmp_path_factory.mktemp("azureml-models") / "smollm2" / "3"
    mounted.mkdir(parents=True)
    (mounted / "model").symlink_to(smollm2_weights)  # Azure mounts an asset's folder one level below
    shutil.copytree(repository / "scoring", folder, ignore=shutil.ignore_patterns("__pycache__"))
    port = free_port()
    environ = scoring_processes.clean_environ(
        AZUREML_MODEL_DIR=str(mounted),
        SCORING_ENGINE_ARGS=json.dumps({"max_model_len": 1024, "max_num_seqs": 4}),
        GUNICORN_CMD_ARGS=f"--config {folder / 'process' / 'gunicorn_loopback.py'}",
    )
    environ.pop("PYTHONPATH")
    command = [Path(sys.executable).with_name("azmlinfsrv"), "--entry_script", folder / "score.py", "--port", port]
    server = scoring_processes.Process([str(word) for word in command], environ=environ, folder=folder.parent)
    try:
        server.wait_for_line("[startup] ready")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.end()
    assert "SIGSEGV" not in server.output


def test_is_healthy_on_loopback_only(inference_server: str) -> None:
    assert httpx.get(f"{inference_server}/", timeout=30).text == "Healthy"
    port = int(inference_server.rsplit(":", 1)[1])
    sockets = [line.split()[1:4] for line in Path("/proc/net/tcp").read_text().splitlines()]
    listening = {local for local, _, state in sockets if state == "0A" and local.endswith(f":{port:04X}")}
    assert listening == {f"0100007F:{port:04X}"}


def test_chat(inference_server: str) -> None:
    answer = httpx.post(f"{inference_server}/score", json=CHAT, timeout=60)
    assert answer.status_code == 200
    assert "Paris" in answer.json()["choices"][0]["message"]["content"]
    assert answer.json()["model"] == "smollm2"  # as the asset


def test_requests_are_answered_side_by_side(inference_server: str) -> None:
    url = f"{inference_server}/score"
    body = {**CHAT, "stream": True, "max_tokens": 200, "ignore_eos": True}
    with httpx.stream("POST", url, json=body, timeout=60) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        with ThreadPoolExecutor(6) as pool:
            others = list(pool.map(lambda _: httpx.post(url, json=CHAT, timeout=60), range(6)))
        assert httpx.get(f"{inference_server}/", timeout=30).text == "Healthy"
        assert b"[DONE]" in b"".join(pieces)
    assert [other.status_code for other in others] == [200] * 6


def test_body_with_input_is_a_responses_request(inference_server: str) -> None:
    answer = httpx.post(
        f"{inference_server}/score", json={"model": "", "input": "Hi", "max_output_tokens": 2}, timeout=60
    )
    assert (answer.status_code, answer.json()["object"]) == (200, "response")


@pytest.mark.parametrize(
    ("body", "ends"),
    [
        pytest.param(CHAT, ["data: [DONE]"], id="chat"),
        pytest.param(
            {"model": "", "input": "Hi", "max_output_tokens": 5}, [f"event: {end}" for end in ENDS], id="responses"
        ),
    ],
)
def test_stream_comes_in_pieces(inference_server: str, body: dict[str, object], ends: list[str]) -> None:
    url = f"{inference_server}/score"
    with httpx.stream("POST", url, json={**body, "stream": True}, timeout=60) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        pieces = list(answer.iter_raw())
    assert len(pieces) > 3
    assert set(ends) & set(b"".join(pieces).decode().splitlines())


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [
        pytest.param("POST", b"", 400, id="empty"),
        pytest.param("POST", b"{", 400, id="broken"),
        pytest.param("POST", b"\xff", 400, id="not-utf-8"),
        pytest.param("POST", b"[]", 400, id="not-an-object"),
        pytest.param("POST", b"{}", 400, id="no-messages"),
        pytest.param("POST", b'{"model": "x", "messages": [{"role": "user", "content": "a"}]}', 404, id="other-model"),
        pytest.param("GET", b"", 405, id="get"),
    ],
)
def test_bad_input_keeps_its_own_status(inference_server: str, method: str, body: bytes, status: int) -> None:
    answer = httpx.request(method, f"{inference_server}/score", content=body, timeout=30)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == status

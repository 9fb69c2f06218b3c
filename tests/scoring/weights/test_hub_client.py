"""What huggingface_hub may not do by itself: wait without an end, log signed addresses, fail in words of its own."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi

from scoring.errors import WeightsMissing
from tests.scoring.weights.test_hub import Faults, fetched


@pytest.mark.parametrize("header", [{"Retry-After": "100000"}, {"RateLimit": '"resolvers";r=0;t=100000'}])
@pytest.mark.parametrize("path", ["/resolve/.*/model.safetensors", "/cdn/"])
def test_a_file_is_not_waited_for_longer_than_the_setting(
    hub_url: str, tmp_path: Path, faults: Faults, path: str, header: dict[str, str]
) -> None:
    faults({"path": path, "status": 429, "headers": header})
    with pytest.raises(WeightsMissing, match=r"too many requests from here .* \(429\); it asks to wait 100000 s"):
        fetched(hub_url, tmp_path, seconds=5)


def test_signed_addresses_are_not_logged(hub_url: str, tmp_path: Path, faults: Faults) -> None:
    faults({"path": "/cdn/", "status": 503, "times": 2})
    program = (
        "import logging, sys; from pathlib import Path; logging.basicConfig(level=logging.INFO)\n"
        "from scoring.weights.weights import Wanted, fetch_weights as fetch\n"
        "fetch(Wanted('acme/plain'), sys.argv[1], cache=Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", program, hub_url, str(tmp_path)]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "HTTP Error 503 thrown while requesting HEAD" in said.stderr
    assert "HTTP Request: GET" in said.stderr
    assert "/cdn/acme/plain" in said.stderr
    assert "Signature" not in said.stdout + said.stderr


@pytest.mark.parametrize(
    ("said", "words"),
    [
        pytest.param("Task error: CAS Client Error: error sending request", "", id="passes"),
        pytest.param("Task error: No space left on device (os error 28)", "the disk became full", id="full-disk"),
    ],
)
def test_what_hf_xet_says(hub_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, words: str) -> None:
    """The emulated Hub has no xet storage; its client has one type of error for nearly all that fails."""
    whole, failures = HfApi.snapshot_download, [RuntimeError(said)]

    def once(self: HfApi, *arguments: Any, **named: Any) -> str:
        if failures:
            raise failures.pop()
        return str(whole(self, *arguments, **named))

    monkeypatch.setattr(HfApi, "snapshot_download", once)
    if words:
        with pytest.raises(WeightsMissing, match=words):
            fetched(hub_url, tmp_path)
    else:
        assert "model.safetensors" in fetched(hub_url, tmp_path)

"""Models of an emulated Hub: which files are fetched, with which token, and what the Hub's bad days do."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import HfApi, scan_cache_dir

from scoring.errors import WeightsMissing
from scoring.settings.adapters import AdapterSettings
from scoring.weights.cache import CachedRepo
from scoring.weights.weights import Wanted, fetch_weights
from tests.scoring.weights.conftest import SHARDS

Faults = Callable[..., None]
DOWN = "http://127.0.0.1:9"


def fetched(
    hub: str, cache: Path, model: str = "acme/plain", revision: str | None = None, *, token: str = "", **more: object
) -> set[str]:
    """Fetch a model, and return the names of its files."""
    seconds = float(str(more.pop("seconds", 20)))
    wanted = Wanted(model, revision, str(more.pop("load_format", "auto")), environ={"HF_TOKEN": token})
    folder = Path(fetch_weights(wanted, hub, seconds, cache).location)
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


PLAIN = {"config.json", "tokenizer.json", "params.json", "1_Pooling/config.json"}


@pytest.mark.parametrize(
    ("load_format", "tensors"),
    [
        pytest.param("auto", {"model.safetensors"}, id="one-format"),
        pytest.param("runai_streamer", {"model.safetensors"}, id="streamed"),
        pytest.param("mistral", {"consolidated.safetensors"}, id="mistrals-own-where-asked"),
        pytest.param("npcache", {"pytorch_model.bin"}, id="bin-where-asked"),
        pytest.param("dummy", set(), id="none"),
    ],
)
def test_one_format_is_fetched(hub_url: str, tmp_path: Path, load_format: str, tensors: set[str]) -> None:
    assert fetched(hub_url, tmp_path, load_format=load_format) == PLAIN | tensors


def test_shards_are_those_of_the_index(hub_url: str, tmp_path: Path) -> None:
    files = fetched(hub_url, tmp_path, "acme/sharded")
    assert files == {"config.json", "tokenizer.json", "model.safetensors.index.json", *SHARDS}
    assert not scan_cache_dir(tmp_path).warnings


@pytest.mark.parametrize(
    ("model", "words"),
    [
        pytest.param("acme/lost", f"{SHARDS[1]} is not among the files of acme/lost", id="missing-shard"),
        pytest.param("acme/weightless", "holds no weights that vLLM reads", id="no-weights"),
        pytest.param("acme/lora", "is an adapter, not a model", id="adapter"),
        pytest.param("acme/gone", "token is missing, wrong or expired", id="no-such-model"),
    ],
)
def test_what_cannot_be_served_is_told_before_it_is_fetched(
    hub_url: str, tmp_path: Path, model: str, words: str
) -> None:
    with pytest.raises(WeightsMissing, match=words) as refused:
        fetched(hub_url, tmp_path, model)
    assert refused.value.hint
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("model", "token"),
    [
        pytest.param("acme/plain", "hf_revoked", id="public-never-gets-a-token"),
        pytest.param("acme/gated", "hf_reader", id="gated"),
    ],
)
def test_the_token_is_sent_only_where_it_is_needed(hub_url: str, tmp_path: Path, model: str, token: str) -> None:
    assert "model.safetensors" in fetched(hub_url, tmp_path, model, token=token)


def test_the_older_name_of_the_token_counts_too(hub_url: str, tmp_path: Path) -> None:
    environ = {"HF_TOKEN": " ", "HUGGING_FACE_HUB_TOKEN": "hf_reader\n"}
    found = fetch_weights(Wanted("acme/gated", environ=environ), hub_url, 5, tmp_path)
    assert Path(found.location, "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("model", "token", "words"),
    [
        pytest.param("acme/gated", "", "no valid token was given", id="no-token"),
        pytest.param("acme/gated", "hf_revoked", "token is missing, wrong or expired", id="revoked"),
        pytest.param("acme/gated", "hf_waiting", "not yet granted", id="pending"),
        pytest.param("acme/gated", "hf_unwanted", "rejected the request", id="rejected"),
        pytest.param("acme/gated", "hf_stranger", "no access to the gated model", id="never-asked"),
        pytest.param("acme/private", "hf_reader", "does not exist on the Hub, or it is private", id="private"),
    ],
)
def test_refusals_in_one_sentence(hub_url: str, tmp_path: Path, model: str, token: str, words: str) -> None:
    with pytest.raises(WeightsMissing, match=words) as refused:
        fetched(hub_url, tmp_path, model, token=token)
    assert "hf_" not in str(refused.value).replace("HF_TOKEN", "")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        pytest.param(
            {"path": "/api/models", "status": 429, "headers": {"Retry-After": "1"}, "times": 1},
            "too many requests from here (429) for acme/plain: going on in 2 s",
            id="too-many-retry-after",
        ),
        pytest.param(
            {"path": "/api/models", "status": 429, "headers": {"RateLimit": '"api";r=0;t=1'}, "times": 1},
            "too many requests from here (429) for acme/plain: going on in 2 s",
            id="too-many-ratelimit",
        ),
        pytest.param(
            {"path": "/api/models", "status": 503, "times": 2}, "answers 503 for acme/plain: going on in 2 s", id="busy"
        ),
        pytest.param({"path": "/api/models", "reset": True, "times": 1}, "connection to the Hub broke", id="cut"),
        pytest.param(
            {"path": "model.safetensors", "method": "GET", "status": 502, "times": 1}, "answers 502", id="of-a-file"
        ),
    ],
)
def test_what_passes_is_waited_for(
    hub_url: str, tmp_path: Path, faults: Faults, caplog: pytest.LogCaptureFixture, rule: dict[str, object], said: str
) -> None:
    faults(rule)
    with caplog.at_level("INFO", "scoring"):
        assert "model.safetensors" in fetched(hub_url, tmp_path)
    assert said in caplog.text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        pytest.param(429, r"too many requests from here .* \(429\); it asks to wait 100 s", id="too-many"),
        pytest.param(503, "a fault of its own: it answered 503", id="fault"),
    ],
)
def test_patience_has_an_end(hub_url: str, tmp_path: Path, faults: Faults, status: int, words: str) -> None:
    faults({"path": "/api/models", "status": status, "headers": {"Retry-After": "100"}})
    with pytest.raises(WeightsMissing, match=words):
        fetched(hub_url, tmp_path, seconds=5)


def test_a_folder_that_takes_no_files_is_named(hub_url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WeightsMissing, match=r"acme/plain cannot be kept here: .*file/hub") as refused:
        fetched(hub_url, tmp_path / "file" / "hub")
    assert "HF_HOME" in refused.value.hint


@pytest.mark.parametrize(
    "address", ["hub.test", "http://", "'http://hub.test'", "http://hub.test\nx", "ftp://hub.test"]
)
def test_what_is_no_address_of_a_hub_is_told(tmp_path: Path, address: str) -> None:
    with pytest.raises(WeightsMissing, match=r"HF_ENDPOINT is .*, which is no address of a Hub"):
        fetched(address, tmp_path)


def test_servers_that_start_at_once_share_a_cache(hub_url: str, tmp_path: Path) -> None:
    """Each note of which commit a branch is gets its name once it is whole."""
    kept = CachedRepo(tmp_path, "acme/plain")
    program = (
        "import sys; from pathlib import Path; from scoring.weights.cache import CachedRepo\n"
        "[CachedRepo(Path(sys.argv[1]), 'acme/plain').remember('main', 'c' * 40) for _ in range(3000)]"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    servers = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    assert [server.communicate()[1].decode() for server in servers] == [""] * 3
    assert os.listdir(kept.folder / "refs") == ["main"]


def test_a_hub_that_is_not_there_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="cannot download acme/plain: ConnectError") as refused:
        fetched(DOWN, tmp_path)
    assert DOWN in refused.value.hint


@pytest.mark.parametrize("written", ["main", None, "commit", "short commit"])
@pytest.mark.parametrize("downloaded", ["main", "commit"])
def test_what_is_here_is_served_without_a_hub(
    hub_url: str, tmp_path: Path, downloaded: str, written: str | None
) -> None:
    commit = str(HfApi(endpoint=hub_url, token=False).model_info("acme/plain").sha)
    revisions = {"main": "main", "commit": commit, "short commit": commit[:8], None: None}
    there = fetched(hub_url, tmp_path, revision=revisions[downloaded])
    if downloaded == "commit" and written in ("main", None):
        with pytest.raises(WeightsMissing):  # nobody knows which commit the branch is
            fetched(DOWN, tmp_path, revision=revisions[written])
    else:
        assert fetched(DOWN, tmp_path, revision=revisions[written]) == there


@pytest.mark.parametrize("revision", ["main", "commit"])
def test_offline_with_what_is_here(hub_url: str, tmp_path: Path, revision: str) -> None:
    commit = str(HfApi(endpoint=hub_url, token=False).model_info("acme/sharded").sha)
    fetched(hub_url, tmp_path, "acme/sharded", "main")
    program = (
        "import sys; from pathlib import Path; from scoring.weights.weights import Wanted, fetch_weights as fetch\n"
        "print(fetch(Wanted(sys.argv[1], sys.argv[2]), 'http://127.0.0.1:9', cache=Path(sys.argv[3])).location)"
    )
    words = ["acme/sharded", commit if revision == "commit" else revision, str(tmp_path)]
    environ = {**os.environ, "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", program]
    done = subprocess.run([*command, *words], env=environ, check=True, capture_output=True, text=True)
    assert done.stdout.strip().endswith(commit)
    shutil.rmtree(tmp_path)
    done = subprocess.run([*command, *words], env=environ, check=False, capture_output=True, text=True)
    assert "not wholly in the cache, and HF_HUB_OFFLINE forbids" in done.stderr


def test_files_that_are_here_outlive_their_token(
    hub_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    there = fetched(hub_url, tmp_path, "acme/gated", "main", token="hf_reader")
    with caplog.at_level("INFO", "scoring"):
        assert fetched(hub_url, tmp_path, "acme/gated", "main", token="hf_revoked") == there
    assert "wrong or expired (401); its files are here from before, and are served" in caplog.text


def test_what_is_half_here_is_not_served(hub_url: str, tmp_path: Path) -> None:
    fetched(hub_url, tmp_path, "acme/sharded")
    next(tmp_path.rglob(SHARDS[1])).unlink()
    with pytest.raises(WeightsMissing, match="cannot download"):
        fetched(DOWN, tmp_path, "acme/sharded")
    assert SHARDS[1] in fetched(hub_url, tmp_path, "acme/sharded")


def test_sizes_are_in_the_log(hub_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "scoring"):
        fetched(hub_url, tmp_path)
        fetched(hub_url, tmp_path)
    assert "5 files, 50.1 KB, 50.1 KB to be downloaded" in caplog.text
    assert "all of it is here already" in caplog.text


def test_adapters_come_with_their_rank(hub_url: str, tmp_path: Path) -> None:
    adapters = (AdapterSettings("sql", model="acme/lora"),)
    found = fetch_weights(Wanted("acme/plain", adapters=adapters, environ={}), hub_url, 5, tmp_path).adapters[0]
    assert (found.name, found.rank) == ("sql", 24)
    assert sorted(os.listdir(found.folder)) == ["adapter_config.json", "adapter_model.safetensors"]


def test_an_adapter_that_is_none_is_named(hub_url: str, tmp_path: Path) -> None:
    adapters = (AdapterSettings("sql", model="acme/sharded"),)
    with pytest.raises(WeightsMissing, match="adapter sql: acme/sharded holds no adapter"):
        fetch_weights(Wanted("acme/plain", adapters=adapters, environ={}), hub_url, 5, tmp_path)


def test_an_adapter_that_is_none_is_told_while_the_model_is_still_coming(
    hub_url: str, tmp_path: Path, faults: Faults
) -> None:
    faults({"path": "/acme/plain/resolve/.*/model.safetensors", "status": 503, "headers": {"Retry-After": "11"}})
    adapters = (AdapterSettings("sql", model="acme/sharded"),)
    with pytest.raises(WeightsMissing, match="adapter sql: acme/sharded holds no adapter"):
        fetch_weights(Wanted("acme/plain", adapters=adapters, environ={}), hub_url, 15, tmp_path)

"""Which file systems files are read ahead from, and where caches go."""

from pathlib import Path

import pytest

from scoring.weights.caches import settle_caches
from scoring.weights.mounts import file_system, load_strategy
from tests.scoring.weights.tensors import safetensors, write

MEMORY = "MemTotal: 999 kB\nMemAvailable:    {} kB\n"


@pytest.mark.parametrize(
    ("kind", "kilobytes", "strategy"),
    [
        pytest.param("fuse", 100_000, "prefetch", id="blobfuse"),
        pytest.param("fuse.s3fs", 100_000, "prefetch", id="s3fs"),
        pytest.param("cifs", 100_000, "prefetch", id="azure-files"),
        pytest.param("fuse", 10, None, id="memory-is-too-small"),
        pytest.param("nfs4", 100_000, None, id="vllm-knows-it"),
        pytest.param("ext4", 100_000, None, id="local"),
    ],
)
def test_what_comes_from_afar_is_read_ahead(tmp_path: Path, kind: str, kilobytes: int, strategy: str | None) -> None:
    folder = write(tmp_path / "my model", {"model.safetensors": safetensors(20_000)})
    escaped = str(tmp_path / "my model").replace(" ", "\\040")
    mounts = write(tmp_path, {"mounts": f"/dev/sda / ext4 rw 0 0\nm {escaped} {kind} rw 0 0\n"}) / "mounts"
    memory = write(tmp_path, {"meminfo": MEMORY.format(kilobytes)}) / "meminfo"
    assert load_strategy(folder, mounts, memory) == strategy
    assert file_system(tmp_path, mounts).kind == "ext4"


def test_nothing_is_known_without_a_table(tmp_path: Path) -> None:
    assert load_strategy(tmp_path, tmp_path / "none") is None


def test_caches_lie_below_the_folder_of_the_setting(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    environ = {"SCORING_CACHE_DIR": str(tmp_path), "TRITON_CACHE_DIR": "/own"}
    with caplog.at_level("INFO", "scoring"):
        settle_caches(environ)
    assert environ["HF_HOME"] == str(tmp_path / "huggingface")
    assert environ["VLLM_CACHE_ROOT"] == str(tmp_path / "vllm")
    assert environ["TRITON_CACHE_DIR"] == "/own"
    assert f"downloads go to HF_HOME {tmp_path}/huggingface (" in caplog.text
    assert "B free" in caplog.text


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({}, id="elsewhere"),
        pytest.param({"HF_HOME": "/own", "AML_APP_ROOT": "/var"}, id="already-set"),
        pytest.param({"AML_APP_ROOT": "/nowhere/at/all"}, id="no-volume"),
    ],
)
def test_caches_stay_where_they_are(environ: dict[str, str]) -> None:
    before = dict(environ)
    settle_caches(environ)
    assert environ == before

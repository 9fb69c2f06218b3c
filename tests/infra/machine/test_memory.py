"""The memory that is left is the machine's, or less where a control group allows less."""

from pathlib import Path

import pytest

from infra.errors import GateliftError
from infra.machine.memory import available_memory, told_memory

MEMINFO = "MemTotal: 8000 kB\nMemFree: 1 kB\nMemAvailable: 4000 kB\nHugePages_Total:       0\n"
FREE = 4000 * 1024
V2, V1 = ("memory.max", "memory.current", "inactive_file"), ("memory.limit_in_bytes", "memory.usage_in_bytes")


def group(root: Path, path: str, *, limit: object, used: int, files: int = 0, version: int = 2) -> None:
    folder = root / "sys/fs/cgroup" / path
    folder.mkdir(parents=True, exist_ok=True)
    names = ("memory.max", "memory.current") if version == 2 else ("memory.limit_in_bytes", "memory.usage_in_bytes")
    for name, value in zip(names, (limit, used), strict=True):
        (folder / name).write_text(f"{value}\n")
    key = "inactive_file" if version == 2 else "total_inactive_file"
    (folder / "memory.stat").write_text(f"anon 1\n{key} {files}\n")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text(MEMINFO)
    (tmp_path / "proc/self/cgroup").write_text("0::/user/session\n")
    return tmp_path


def test_without_limits_it_is_the_machines(root: Path) -> None:
    assert available_memory(root) == FREE
    group(root, "user/session", limit="max", used=10**9)
    assert available_memory(root) == FREE


@pytest.mark.parametrize("where", ["user/session", "user", ""], ids=["own", "above", "namespace"])
def test_a_limit_counts_wherever_it_is_set(root: Path, where: str) -> None:
    group(root, where, limit=1_000_000, used=700_000, files=200_000)
    assert available_memory(root) == 500_000


def test_a_limit_that_is_passed_leaves_nothing(root: Path) -> None:
    group(root, "user", limit=1_000, used=2_000)
    assert available_memory(root) == 0


def test_control_groups_of_version_1(root: Path) -> None:
    (root / "proc/self/cgroup").write_text("9:name=systemd:/\n4:memory:/docker/x\n0::/\n")
    group(root, "memory/docker/x", limit=9223372036854771712, used=5, version=1)
    assert available_memory(root) == FREE
    group(root, "memory/docker", limit=1_000_000, used=400_000, files=100_000, version=1)
    assert available_memory(root) == 700_000


def test_a_system_that_tells_nothing(tmp_path: Path) -> None:
    assert available_memory(tmp_path) is None


def test_this_machine_tells() -> None:
    assert (available_memory() or 0) > 0


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        pytest.param({}, None, id="nothing"),
        pytest.param({"GATELIFT_MEMORY_GB": " "}, None, id="blank"),
        pytest.param({"GATELIFT_MEMORY_GB": "1.5"}, 1_500_000_000, id="gigabytes"),
    ],
)
def test_a_person_may_say_what_to_reckon_with(environ: dict[str, str], told: int | None) -> None:
    assert told_memory(environ) == told


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(GateliftError, match="GATELIFT_MEMORY_GB is 'much', which is no number"):
        told_memory({"GATELIFT_MEMORY_GB": "much"})

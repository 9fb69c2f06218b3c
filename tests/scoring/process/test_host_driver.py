"""The library path for every kind of host and image, from files such as NVIDIA's driver and images have them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scoring.process.host_driver import DECIDED, LIBRARY_PATH, decide, settle

OLDER, NEWER, LIBRARY = "535.216.01", "595.45.04", "580.95.05"
CLOSED = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  {version}  Tue Sep 17 16:51:22 UTC 2024\nGCC version:  gcc 12\n"
)
OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {version}  Release Build  (dvs-builder@U22)\n"
IMAGE, COMPAT = "/usr/local/nvidia/lib:/usr/local/nvidia/lib64", "/usr/local/cuda/compat"
Machine = Callable[..., Path]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Makes the root folder of a container: the host's driver and the image's libraries."""

    def make(version: str = "", *, text: str = CLOSED, model: str = "NVIDIA A100 80GB PCIe", compat: str = "") -> Path:
        if version:
            gpu = tmp_path / "proc/driver/nvidia/gpus/0001:00:00.0"
            gpu.mkdir(parents=True)
            (gpu.parents[1] / "version").write_text(text.format(version=version))
            (gpu / "information").write_text(f"Model: \t\t {model}\nIRQ:   \t\t 0\n")
        if compat:
            folder = tmp_path / "usr/local/cuda-13.0/compat"
            folder.mkdir(parents=True)
            (folder / f"libcuda.so.{compat}").touch()
            (folder / "libcuda.so.1").symlink_to(f"libcuda.so.{compat}")
            (folder.parent / "version.json").write_text('{"cuda": {"name": "CUDA SDK", "version": "13.0.3"}}')
            (tmp_path / "usr/local/cuda").symlink_to("cuda-13.0")
        return tmp_path

    return make


IMAGES = {"absent": ("", IMAGE), "present": (LIBRARY, IMAGE), "first-already": (LIBRARY, f"{COMPAT}:{IMAGE}")}
KINDS = {"datacenter": "NVIDIA A100 80GB PCIe", "grid": "NVIDIA A10-24Q"}


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("driver", [OLDER, NEWER])
def test_compatibility_goes_first_on_an_older_datacenter_host_only(
    machine: Machine, driver: str, kind: str, image: str
) -> None:
    compat, before = IMAGES[image]
    decision = decide(before, root=machine(driver, model=KINDS[kind], compat=compat))
    wanted = driver == OLDER and kind == "datacenter" and image != "absent"
    assert decision.library_path == (f"{COMPAT}:{IMAGE}" if wanted else IMAGE)
    assert all(part in decision.log for part in (driver, "CUDA", compat or "none", decision.library_path))


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        pytest.param({"text": OPEN}, True, id="open-kernel-module"),
        pytest.param({"text": "GRID " + CLOSED}, False, id="grid-in-the-version"),
        pytest.param({"model": "GRID A100-40C"}, False, id="grid-in-the-model"),
        pytest.param({"model": "NVIDIA A100-SXM4-40GB"}, True, id="memory-in-the-model-is-no-profile"),
        pytest.param({"version": "580.95.06"}, False, id="newer-by-the-last-number"),
        pytest.param({"version": LIBRARY}, False, id="the-same"),
        pytest.param({"version": "580.9.99"}, True, id="compared-as-numbers"),
    ],
)
def test_hosts_are_told_apart(machine: Machine, changes: dict[str, str], first: bool) -> None:
    version = changes.pop("version", OLDER)
    path = decide("", root=machine(version, compat=LIBRARY, **changes)).library_path
    assert path == (COMPAT if first else "")


@pytest.mark.parametrize("before", ["", ":", f":{IMAGE}", f"{IMAGE}:", f"{COMPAT}::{IMAGE}", f"{COMPAT}/lib.real:"])
def test_no_element_of_the_path_is_empty(machine: Machine, before: str) -> None:
    assert "" not in decide(before, root=machine(OLDER, compat=LIBRARY)).library_path.split(":")


def test_the_loaders_own_configuration_is_outranked_on_a_newer_host(machine: Machine) -> None:
    root = machine(NEWER, compat=LIBRARY)
    for name, text in (("etc/ld.so.conf.d/00-compat.conf", COMPAT), ("usr/lib/x86_64-linux-gnu/libcuda.so.1", "")):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(text)
    assert decide(IMAGE, root=root).library_path == f"/usr/lib/x86_64-linux-gnu:{IMAGE}"


def test_without_a_driver_nothing_changes(machine: Machine) -> None:
    environ = {LIBRARY_PATH: f"{COMPAT}:{IMAGE}"}
    assert settle(environ, root=machine(compat=LIBRARY), restart=pytest.fail).startswith("no NVIDIA driver")
    assert environ == {LIBRARY_PATH: f"{COMPAT}:{IMAGE}"}


@pytest.mark.parametrize("version", ["", NEWER])
def test_empty_elements_go_whatever_the_host_and_other_spellings_are_known(machine: Machine, version: str) -> None:
    path = decide(f":{IMAGE}:", root=machine(version, compat=LIBRARY)).library_path
    assert path == IMAGE
    if version:
        assert decide("/usr/local/cuda-13.0//compat/:/x", root=machine()).library_path == "/x"


def test_an_empty_path_is_no_variable(machine: Machine) -> None:
    environ = {LIBRARY_PATH: COMPAT}
    settle(environ, root=machine(NEWER, compat=LIBRARY))
    assert environ == {}


PROGRAM = """
import os, sys
from pathlib import Path
from scoring.process.host_driver import LIBRARY_PATH, restart_process, settle
log = settle(os.environ, root=Path(sys.argv[1]), restart=restart_process)
assert not {"torch", "vllm"} & set(sys.modules)
print(os.getpid(), os.environ[LIBRARY_PATH], log, sep="\\n")
"""


def test_a_process_is_started_again_once_with_the_path(machine: Machine, repository: Path) -> None:
    root = machine(OLDER, compat=LIBRARY)
    arguments = [sys.executable, "-c", PROGRAM, str(root)]
    process = subprocess.Popen(
        arguments, cwd=repository, env={**os.environ, LIBRARY_PATH: IMAGE}, stdout=subprocess.PIPE, text=True
    )
    lines = process.communicate(timeout=60)[0].splitlines()
    log = (
        f"driver {OLDER}, CUDA 13.0.3, compatibility {LIBRARY}: LD_LIBRARY_PATH is {COMPAT}:{IMAGE}, since the driver "
        "is older than the compatibility libraries"
    )
    assert lines == [str(process.pid), f"{COMPAT}:{IMAGE}", log]


def test_the_second_process_decides_nothing(machine: Machine) -> None:
    environ = {LIBRARY_PATH: "as it is", DECIDED: "what the first one found"}
    assert settle(environ, root=machine(OLDER, compat=LIBRARY), restart=pytest.fail) == "what the first one found"
    assert environ == {LIBRARY_PATH: "as it is"}

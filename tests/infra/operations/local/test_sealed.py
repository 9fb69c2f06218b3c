"""`--local` stays on this machine: no proxy is asked for loopback, and no name of the network is looked up."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.azure.target import without_proxy
from infra.planning.desired import Sources
from infra.spec.model import to_values
from tests.infra.cli.conftest import clean_environ

DEAD = "http://127.0.0.1:9"
PROXIES = [
    pytest.param({}, id="no-proxy"),
    pytest.param({"HTTPS_PROXY": DEAD, "HTTP_PROXY": DEAD, "ALL_PROXY": DEAD}, id="upper-case"),
    pytest.param(
        {"https_proxy": DEAD, "http_proxy": DEAD, "all_proxy": DEAD, "no_proxy": "example.org"}, id="lower-case"
    ),
    pytest.param({"ALL_PROXY": "socks5://127.0.0.1:9"}, id="socks"),
]
# Python runs this at its start: every name that the process looks up is written down, and only loopback is found.
RESOLVER = """
import os, socket
real = socket.getaddrinfo
def resolve(host, *rest, **more):
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name not in ("127.0.0.1", "localhost", "::1"):
        with open(os.environ["LOOKED_UP"], "a") as file:
            file.write(name + "\\n")
        raise socket.gaierror(-2, "no such name")
    return real(host, *rest, **more)
socket.getaddrinfo = resolve
"""
UP = """
import os, sys
from pathlib import Path
from infra.planning.desired import Sources
from tests.infra.operations.conftest import Bench
code, environment = map(Path, sys.argv[2:])
bench = Bench({**os.environ}, Sources(code, environment))
print(bench.up(bench.spec(sys.argv[1])).answer)
"""


class Sealed:
    """Processes on a machine whose resolver finds nothing and tells what was asked."""

    def __init__(self, bench: Any, folder: Path) -> None:
        (folder / "sitecustomize.py").write_text(RESOLVER)
        self.asked = folder / "asked"
        self.asked.touch()
        environ = clean_environ(folder, GATELIFT_EMULATOR_STATE=bench.environ["GATELIFT_EMULATOR_STATE"])
        environ = {name: value for name, value in environ.items() if not name.lower().endswith("_proxy")}
        path = f"{folder}:{environ['PYTHONPATH']}"
        self.environ = environ | {"PYTHONPATH": path, "LOOKED_UP": str(self.asked), "HF_TOKEN": "hf_goodtoken001"}

    def run(self, *arguments: str, **proxies: str) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, env=self.environ | proxies, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.mark.parametrize("proxies", PROXIES)
def test_up_local_needs_neither_proxy_nor_names(
    bench: Any, sources: Sources, tmp_path: Path, proxies: dict[str, str], request: pytest.FixtureRequest
) -> None:
    sealed = Sealed(bench, tmp_path)
    name = f"sealed-{request.node.callspec.id}"
    said = sealed.run("-c", UP, name, str(sources.scoring), str(sources.environment), **proxies)
    assert said.strip() == "org/gated with a token"
    assert sealed.asked.read_text() == ""


@pytest.mark.parametrize("proxies", PROXIES)
@pytest.mark.parametrize("command", ["doctor", "plan", "token verify", "token set"])
def test_a_command_asks_for_no_name(bench: Any, tmp_path: Path, command: str, proxies: dict[str, str]) -> None:
    sealed = Sealed(bench, tmp_path)
    spec = tmp_path / "spec.yaml"
    stack = bench.spec("sealed-commands")
    bench.target(stack)  # which makes the workspace
    spec.write_text(json.dumps(to_values(stack)))
    sealed.run("-m", "infra.cli", *command.split(), str(spec), "--local", "--yes", **proxies)
    assert sealed.asked.read_text() == ""


def test_the_resolver_of_these_tests_tells_what_is_asked(bench: Any, tmp_path: Path) -> None:
    sealed = Sealed(bench, tmp_path)
    sealed.run(
        "-c", "import socket, contextlib\nwith contextlib.suppress(OSError): socket.getaddrinfo('huggingface.co', 443)"
    )
    assert sealed.asked.read_text() == "huggingface.co\n"


def test_hosts_that_need_no_proxy_already_are_kept() -> None:
    for given in ({"NO_PROXY": "a.b, 127.0.0.1"}, {"no_proxy": "a.b,127.0.0.1"}):
        assert without_proxy(given)["NO_PROXY"] == "a.b,127.0.0.1,localhost,::1"
        assert without_proxy(given)["no_proxy"] == without_proxy(given)["NO_PROXY"]

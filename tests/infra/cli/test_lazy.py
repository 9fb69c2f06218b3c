"""What starts fast stays fast: no command pays for what it does not use."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.emulator import launcher

HEAVY = (
    "asyncio",
    "azure",
    "httpx",
    "huggingface_hub",
    "infra.planning",
    "pydantic",
    "rich",
    "ruamel",
    "starlette",
    "typer",
)


def modules_after(*arguments: str, environ: dict[str, str] | None = None) -> set[str]:
    """The modules that a fresh interpreter has loaded after running this command line."""
    program = "import sys; from infra.cli.main import main; main(sys.argv[1:]); sys.stderr.write(' '.join(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **(environ or {})},
    )
    return set(result.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="alone"),
        pytest.param(["--help"], id="help"),
        pytest.param(["--version"], id="version"),
        pytest.param(["init", "--help"], id="help-of-a-command"),
        pytest.param(["explain"], id="explain"),
    ],
)
def test_what_needs_no_engine_loads_none(arguments: list[str]) -> None:
    assert modules_after(*arguments) & set(HEAVY) == set()


@pytest.mark.parametrize("command", ["plan", "up", "status", "connect"])
def test_a_command_loads_no_sdk_before_it_works(command: str) -> None:
    loaded = modules_after(command, "--help")
    assert loaded & {"azure.ai.ml", "azure.identity", "huggingface_hub", "rich", "httpx", "starlette", "typer"} == set()


# Each of them takes longer to import than a converged plan takes altogether.
SLOW = (
    "asyncio",
    "azure",
    "cryptography",
    "httpx",
    "huggingface_hub",
    "jinja2",
    "msal",
    "pydantic",
    "requests",
    "rich",
    "starlette",
    "typer",
    "urllib3",
    "yaml",
)
SPEC = """\
name: lazy
model: {id: org/gated}
workspace: {subscription_id: 00000000-0000-0000-0000-000000000001, resource_group: gatelift, name: local}
endpoint: {name: lazy-endpoint}
deployment: {instance_type: Standard_NC24ads_A100_v4}
catalog: {tags: {team: ours}}
"""


@pytest.fixture(scope="module")
def lazy_environ(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("lazy")
    tokens = [{"value": "hf_lazytoken001", "user": "reader", "role": "read", "gated_repos": True}]
    repo = {"id": "org/gated", "gated": "manual", "files": {"config.json": "{}"}, "access": {"reader": "accepted"}}
    (folder / "seed.json").write_text(json.dumps({"hub": {"tokens": tokens, "repos": [repo]}}))
    (folder / "spec.yaml").write_text(SPEC)
    (folder / "folder.yaml").write_text(SPEC.replace("{id: org/gated}", "{path: ./m}"))
    (folder / "m").mkdir()
    (folder / "m" / "config.json").write_text("{}")
    (folder / "m" / "model.safetensors").write_bytes(b"weights")
    launcher.start(folder / "state", seed=folder / "seed.json")
    yield {"GATELIFT_EMULATOR_STATE": str(folder / "state"), "HF_TOKEN": "hf_lazytoken001", "LAZY": str(folder)}
    launcher.stop(folder / "state")


@pytest.mark.parametrize(
    ("command", "spec"),
    [
        pytest.param("plan", "spec", id="plan"),
        pytest.param("status", "spec", id="status"),
        pytest.param("plan", "folder", id="plan-of-a-folder"),
    ],
)
def test_reading_what_there_is_loads_no_sdk_and_no_http_client(
    lazy_environ: dict[str, str], command: str, spec: str
) -> None:
    loaded = modules_after(command, f"{lazy_environ['LAZY']}/{spec}.yaml", "--local", environ=lazy_environ)
    assert "infra.planning.observe" in loaded
    assert loaded & set(SLOW) == set()


def test_in_azure_only_the_login_is_loaded_beyond_that(tmp_path: Path) -> None:
    """Without a login it ends there: nothing that belongs to later may have been imported before."""
    (tmp_path / "spec.yaml").write_text(SPEC)
    program = (
        "import sys; from pathlib import Path; from infra.operations import up; from infra.spec.file import load_spec; "
    )
    program += (
        "from infra.azure.target import open_target; spec = load_spec(Path('spec.yaml'), environ={}, local=False); "
    )
    program += "open_target(spec, local=False, environ={}); sys.stderr.write(' '.join(sys.modules))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert set(result.stderr.split()) & (set(SLOW) | {"azure.identity"}) == set()

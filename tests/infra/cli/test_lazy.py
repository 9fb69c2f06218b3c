"""What starts fast stays fast: no command pays for what it does not use."""

import subprocess
import sys

import pytest

HEAVY = ("azure", "httpx", "huggingface_hub", "pydantic", "rich", "ruamel", "starlette", "asyncio", "infra.stacks")


def modules_after(*arguments: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after running this command line."""
    program = "import sys; from infra.cli.main import main; main(sys.argv[1:]); sys.stderr.write(' '.join(sys.modules))"
    result = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    return set(result.stderr.split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []], ids=["help", "version", "alone"])
def test_what_needs_no_engine_loads_none(arguments: list[str]) -> None:
    assert modules_after(*arguments) & set(HEAVY) == set()


@pytest.mark.parametrize("command", ["plan", "up", "status", "connect"])
def test_a_command_loads_no_sdk_before_it_works(command: str) -> None:
    loaded = modules_after(command, "--help")
    assert loaded & {"azure.ai.ml", "azure.identity", "huggingface_hub", "rich", "httpx", "starlette"} == set()

"""The commands `adopt`, `rollback`, `logs` and `token set`, on stacks with a container that starts at once."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.cli.main import main
from infra.spec.model import StackSpec, to_values


@pytest.fixture
def typed(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, Any]]:
    """Run a command on a spec, with `--local --output json`; returns its exit code and its document."""
    for name, value in bench.environ.items():
        monkeypatch.setenv(name, value)

    def run(spec: StackSpec, *command: str) -> tuple[int, Any]:
        file = tmp_path / "spec.yaml"
        file.write_text(json.dumps(to_values(spec)), encoding="utf-8")  # JSON is YAML, too
        words = [word for word in command if not word.startswith("-")]
        flags = [word for word in command if word.startswith("-")]
        code = main([*words, str(file), *flags, "--local", "--output", "json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_a_log_that_may_not_be_read_is_an_error(bench: Any, typed: Callable[..., tuple[int, Any]]) -> None:
    spec = bench.spec("cli-logs")
    bench.up(spec)
    assert typed(spec, "logs")[0] == 0
    faults = f"{bench.target(spec).portal}/faults"
    rule = {"path": "getLogs", "status": 403, "code": "AuthorizationFailed"}
    httpx.put(faults, json=[rule], trust_env=False).raise_for_status()
    try:
        code, document = typed(spec, "logs")
        assert (code, document["error"]["code"]) == (1, "AuthorizationFailed")
        assert typed(spec, "status")[0] == 0
    finally:
        httpx.put(faults, json=[], trust_env=False)


def test_a_foreign_endpoint_is_adopted(bench: Any, typed: Callable[..., tuple[int, Any]]) -> None:
    spec = bench.spec("cli-adopt")
    target = bench.target(spec)
    body = {"location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": {"authMode": "Key"}}
    target.arm.put(target.cloud.workspace.endpoint(spec.endpoint.name), {**body, "tags": {"team": "theirs"}})
    code, refused = typed(spec, "plan")
    assert (code, refused["error"]["code"]) == (1, "not_ours")
    code, refused = typed(spec, "adopt", "--yes")
    assert (code, refused["error"]["code"]) == (1, "replace_refused")
    assert "enforce_access_to_default_secret_stores: disabled" in refused["error"]["hint"]
    assert target.arm.get(target.cloud.workspace.endpoint(spec.endpoint.name))["tags"] == {"team": "theirs"}
    code, shown = typed(spec, "status")
    assert (code, shown["endpoint"]["owner"]) == (0, "")
    assert "not created by gatelift" in shown["warnings"][-1]
    as_it_is = {"name": spec.endpoint.name, "enforce_access_to_default_secret_stores": "disabled"}
    spec = bench.spec("cli-adopt", endpoint=as_it_is)
    code, document = typed(spec, "adopt", "--yes")
    assert (code, document["adopted"]) == (0, [f"endpoint {spec.endpoint.name}"])
    assert {change["kind"]: change["action"] for change in document["changes"]}["deployment"] == "create"
    again = typed(spec, "adopt", "--yes")[1]
    assert again["adopted"] == []
    assert target.arm.get(target.cloud.workspace.endpoint(spec.endpoint.name))["tags"]["team"] == "theirs"
    other = bench.spec("cli-other", endpoint={"name": spec.endpoint.name}, workspace={"name": spec.workspace.name})
    assert typed(other, "adopt", "--yes")[1]["error"]["code"] == "not_ours"
    refused = typed(other, "down", "--yes")[1]["error"]
    assert (refused["code"], "that stack's spec" in refused["hint"]) == ("not_ours", True)


def test_requests_go_back_to_what_served_before(bench: Any, typed: Callable[..., tuple[int, Any]]) -> None:
    before = bench.spec("cli-back")
    bench.up(before)
    assert typed(before, "rollback", "--yes")[1]["error"]["code"] == "nothing_to_roll_back_to"
    after = bench.spec("cli-back", deployment={"instance_type": "Standard_NC48ads_A100_v4"})
    bench.up(after)
    serving = typed(after, "status")[1]["endpoint"]
    [(second, _)] = serving["traffic"].items()
    assert (second != "blue", serving["previous"]) == (True, "blue")
    assert typed(after, "logs")[1]["deployment"] == second  # the spec says blue: that name was taken
    code, document = typed(after, "rollback", "--yes")
    assert code == 0
    assert document == {
        "version": 1,
        "endpoint": before.endpoint.name,
        "deployment": "blue",
        "previous": second,
        "traffic": {"blue": 100},
    }
    assert typed(after, "rollback", "--yes")[1]["deployment"] == second


@pytest.mark.parametrize(
    ("token", "flags", "written"),
    [
        pytest.param("hf_nobodyknows1", [], False, id="unknown-to-the-hub"),
        pytest.param("hf_nobodyknows1", ["--yes"], False, id="yes-does-not-write-it"),
        pytest.param("hf_nobodyknows1", ["--force"], True, id="force-writes-it"),
        pytest.param("hf_waitingtok04", [], True, id="known-and-not-let-in-yet"),
        pytest.param("hf_goodtoken001", [], True, id="good"),
    ],
)
def test_a_token_that_the_hub_does_not_know_is_not_written(
    bench: Any,
    typed: Callable[..., tuple[int, Any]],
    tmp_path: Path,
    token: str,
    flags: list[str],
    written: bool,
) -> None:
    (tmp_path / "token").write_text(token)
    descriptor = os.open(tmp_path / "token", os.O_RDONLY)
    spec = bench.spec(f"cli-{''.join(flags).strip('-') or 'no'}-{token[-4:]}")
    bench.target(spec)  # makes the workspace, as `up` does
    code, document = typed(spec, "token", "set", f"--token-fd={descriptor}", *flags)
    assert code == (0 if written else 1), document
    if not written:
        assert document["error"]["code"] == "token_invalid", document
        assert "--force" in document["error"]["hint"]
    assert (typed(spec, "status")[1]["connection"] is not None) is written

"""`gatelift up --try-again`: what was moved back is refused until somebody asks for it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.cli.main import main
from infra.planning.prepare import prepare
from infra.resources.base import CANARY_TAG
from infra.resources.canary.record import Canary
from infra.spec.model import to_values
from tests.infra.cli.conftest import clean_environ, environment
from tests.infra.cli.machines import machine

SIZE = "Standard_NC40ads_H100_v5"  # the quota is enough for one of them, so that a new try ends before it starts
Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A machine with a stack whose new version was moved back, as the endpoint's tag tells."""
    folder = tmp_path_factory.mktemp("trying")
    with machine(folder) as bench:
        with environment(bench.environ):
            spec = bench.spec("again", model={"id": "org/open"}, deployment={"instance_type": SIZE}, rollout={})
            bench.up(spec)
            target = bench.target(spec)
            found = prepare(spec, target, token=None).rollout
            record = Canary(found.current, "blue", 5, "2026-12-01T18:20:00Z", found.print, "error_rate 23 %, limit 1%")
            id = target.cloud.workspace.endpoint(spec.endpoint.name)
            document = target.arm.get(id)
            document["tags"] |= {CANARY_TAG: record.to_tag()}
            target.cloud.poller.wait(target.arm.begin_put(id, document))
        (folder / "gatelift.yaml").write_text(json.dumps(to_values(spec)))
        (folder / "at-once.yaml").write_text(json.dumps(to_values(spec.but(rollout=None))))
        yield folder


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Run:
    monkeypatch.chdir(folder)

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        with environment(clean_environ(folder)):
            code = main([*arguments, "--local", "--yes", "--output", "json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_it_is_refused_until_somebody_asks_for_it(run: Run) -> None:
    code, answer = run("up")
    assert (code, answer["error"]["code"]) == (1, "moved_back")
    assert "error_rate 23 %, limit 1%" in answer["error"]["message"]
    assert "--try-again" in answer["error"]["hint"]
    code, answer = run("up", "--try-again")
    assert (code, answer["error"]["code"]) == (1, "OutOfQuota")


def test_without_steps_there_is_nothing_to_try_again(run: Run) -> None:
    code, answer = run("up", "at-once.yaml", "--try-again")
    assert (code, answer["error"]["code"]) == (1, "no_rollout")


def test_the_plan_tells_what_was_seen_and_of_earlier_responses(run: Run) -> None:
    reasons = {(change["kind"], change["action"]): change["reason"] for change in run("plan")[1]["changes"]}
    assert "at 5 % it was moved back: error_rate 23 %, limit 1%" in reasons["traffic", "update"]
    assert "previous_response_id may reach the other deployment, which answers 404" in reasons["deployment", "replace"]

"""`plan` and `up` while the Hub is not asked, or does not answer: what is known is used and told, else one error."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import snapshot_download

from infra.azure.target import Target
from infra.emulator.launcher import EmulatorProfile
from infra.errors import NotReady
from infra.hub.access import Hub
from infra.operations.doctor.model import ModelChecks
from infra.operations.doctor.verdicts import CheckWarning
from infra.operations.up import up
from infra.planning.prepare import Prepared, prepare
from infra.reporter import Silent
from infra.spec.model import StackSpec
from infra.timeouts import Timeouts
from tests.infra.emulator.hub.upstream.conftest import real_hub  # noqa: F401  a fixture

NOWHERE = "http://127.0.0.1:9"


class Away:
    """The Hub as it is away, and what was said about it."""

    def __init__(self, bench: Any, hub: Hub) -> None:
        self.bench, self.hub = bench, hub
        self.said: list[str] = []
        hub.tell_of_waits(self.said.append)

    def target(self, spec: StackSpec) -> Target:
        return dataclasses.replace(self.bench.target(spec), hub=self.hub)

    def prepare(self, spec: StackSpec, token: str | None = None) -> Prepared:
        return prepare(spec, self.target(spec), token=token, sources=self.bench.sources, with_credential=True)


@pytest.fixture(params=["forbidden", "silent"])
def away(bench: Any, request: pytest.FixtureRequest) -> Away:
    """Without a wait for the Hub."""
    forbidden = request.param == "forbidden"
    return Away(bench, Hub(NOWHERE, offline=forbidden, timeouts=Timeouts(hub_pauses=0.1)))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], None]:
    """Puts a model into huggingface_hub's cache: its id, a branch, and the commit of that."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))

    def put(model: str, branch: str, commit: str) -> None:
        folder = tmp_path / "hub" / f"models--{model.replace('/', '--')}"
        (folder / "refs").mkdir(parents=True)
        (folder / "refs" / branch).write_text(commit)
        (folder / "snapshots" / commit).mkdir(parents=True)
        (folder / "snapshots" / commit / "model.safetensors").write_bytes(b"x" * 3_000)

    return put


def test_a_running_stack_stays_as_it_is_and_can_be_changed(away: Away, bench: Any, cache: Any) -> None:
    name = f"away-{away.hub.offline}".lower()
    spec = bench.spec(name)
    bench.up(spec)
    assert not away.prepare(spec).plan.has_changes
    commit = bench.target(spec).hub.model("org/gated", None, None).revision
    assert f"org/gated is taken at the commit {commit[:12]}, as it is deployed" in away.said[-1]
    changed = bench.spec(name, deployment={"environment_variables": {"MORE": "1"}})
    plan = up(away.prepare(changed), away.target(changed), reporter=Silent()).plan
    assert {change.kind for change in plan.changes if str(change.action) != "none"} <= {"deployment", "traffic"}
    assert not bench.plan(changed).has_changes


def test_a_public_model_stays_public(away: Away, bench: Any, cache: Any) -> None:
    spec = bench.spec(f"away-open-{away.hub.offline}".lower(), model={"id": "org/open"})
    bench.up(spec, None)
    assert not away.prepare(spec, "hf_goodtoken001").plan.has_changes


def test_a_new_stack_needs_to_know_whether_the_model_is_gated(away: Away, bench: Any, cache: Any) -> None:
    cache("org/gated", "main", "c" * 40)
    name = f"away-new-{away.hub.offline}".lower()
    with pytest.raises(NotReady, match="only the Hub knows whether it needs a token") as error:
        away.prepare(bench.spec(name))
    assert ("`token: {}`" in error.value.hint, error.value.code.startswith("hub_")) == (True, True)
    prepared = away.prepare(bench.spec(name, token={}), "hf_goodtoken001")
    assert prepared.desired.found is not None
    facts = prepared.desired.found.facts
    assert (facts.revision, facts.needs_token, facts.weights) == ("c" * 40, True, 3_000)
    assert "which 'main' was when this machine's cache was filled" in away.said[-1]


@pytest.mark.parametrize("revision", [None, "v2"])
def test_a_commit_that_nobody_knows_is_one_error(away: Away, bench: Any, cache: Any, revision: str | None) -> None:
    spec = bench.spec("away-unknown", model={"id": "org/gated", "revision": revision}, token={})
    words = f"nobody here knows which commit '{revision or 'main'}'" if away.hub.offline else "does not answer"
    with pytest.raises(NotReady, match=words) as error:
        away.prepare(spec)
    assert ("full commit" in error.value.hint, bool(error.value.hint)) == (away.hub.offline, True)
    assert not away.said


def test_a_full_commit_is_enough(away: Away, bench: Any, cache: Any) -> None:
    spec = bench.spec("away-pinned", model={"id": "org/gated", "revision": "d" * 40}, token={})
    prepared = away.prepare(spec, "hf_goodtoken001")
    deployment = next(resource for resource in prepared.resources if resource.kind == "deployment")
    assert "d" * 40 in json.dumps(deployment.desired)
    assert "as the spec has it" in away.said[-1]


@pytest.mark.parametrize("network", [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": NOWHERE}], ids=["told", "unplugged"])
def test_a_gated_model_that_was_read_once_is_served_without_a_network(
    bench: Any,
    phases: Any,
    real_hub: EmulatorProfile,  # noqa: F811
    tmp_path: Path,
    network: dict[str, str],
) -> None:
    spec = bench.spec(f"pulled-{len(network)}-{'HF_ENDPOINT' in network}".lower(), model={"id": "acme/gated"})
    bench.environ |= {"HF_ENDPOINT": real_hub.hub, "GATELIFT_CACHE_DIR": str(tmp_path)}
    hub = bench.target(spec).hub.endpoint
    snapshot_download("acme/gated", endpoint=hub, token="hf_ann", cache_dir=tmp_path / "client")
    bench.environ |= network
    checks = ModelChecks(spec, bench.target(spec), "hf_ann")
    with pytest.raises(CheckWarning, match="the token is not checked"):
        checks.check_token()
    assert "model.safetensors can be read from here with the token" in checks.check_download()
    result = bench.up(spec, "hf_ann", phases)
    assert result.plan.has_changes
    assert any("the token is not checked: this token is none of the emulator's own" in note for note in phases.notes)

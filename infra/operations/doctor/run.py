"""Runs every check of `doctor`, except those that depend on a failed one."""

from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path

from infra.azure.login import describe_login
from infra.azure.target import Target, open_target
from infra.hub.demo_models import demo_model
from infra.hub.token_places import tokens_elsewhere
from infra.machine.local_vllm import check_vllm, local_fronts
from infra.operations.doctor.fit import check_fit
from infra.operations.doctor.memory import check_memory
from infra.operations.doctor.model import ModelChecks
from infra.operations.doctor.stack import StackChecks
from infra.operations.doctor.verdicts import Check, Verdict, attempt, opened
from infra.resources.catalog_home import check_home
from infra.spec.file import load_spec
from infra.spec.model import StackSpec

Tell = Callable[[str], None]


def run_checks(
    path: Path,
    *,
    local: bool,
    token: str | None,
    environ: MutableMapping[str, str],
    tell: Tell = lambda text: None,
) -> Iterator[Check]:
    """Run the checks for this spec; `tell` shows a line while Azure or the Hub is waited for."""
    spec, check = opened("spec", lambda: load_spec(path, environ=environ, local=local, folders=True), str(path))
    yield check
    if spec is None:
        return
    if local:
        yield from _local_checks(spec, environ)
    place = "emulator" if local else "login"
    target, check = opened(place, lambda: open_target(spec, local=local, environ=environ, absent="allow"), "")
    if target is None:
        yield check
        return
    target.arm.tell_of_waits(tell)
    target.hub.tell_of_waits(tell)
    yield (check := attempt(place, lambda: check_login(target)))
    checks = StackChecks(spec, target)
    if check.verdict is Verdict.OK:
        yield (check := attempt("workspace", checks.check_workspace))
    if check.verdict is Verdict.OK:
        yield from _stack_checks(checks, spec)
    yield from _model_checks(ModelChecks(spec, target, token), checks)
    if token is None and (elsewhere := tokens_elsewhere(environ)):
        yield Check("other tokens", Verdict.OK, elsewhere)


def check_login(target: Target) -> str:
    """The login on Azure works, or the emulator is running."""
    if target.local:
        return "is available"
    return f"{describe_login(target.arm.credential, target.arm.scope)}, in {target.azure.name}"


def _local_checks(spec: StackSpec, environ: MutableMapping[str, str]) -> Iterator[Check]:
    yield (check := attempt("vllm", check_vllm))
    if check.verdict is Verdict.OK:
        yield attempt("fronts", lambda: local_fronts(spec.deployment.environment_variables, environ))
    if (demo := demo_model(spec.model.hub_id)) is None:
        return
    if demo.is_ready(environ):
        yield Check("weights", Verdict.OK, str(demo.folder(environ)))
    else:
        prepare = "prepare them with `python -m infra.hub.demo_weights`"
        yield Check("weights", Verdict.FAIL, f"the weights of {demo.id} are missing", prepare)


def _stack_checks(checks: StackChecks, spec: StackSpec) -> Iterator[Check]:
    if not checks.target.local:
        yield attempt("role", checks.check_role)
        if spec.deployment.autoscale:
            yield attempt("autoscale", checks.check_autoscale)
    yield attempt("quota", checks.check_quota)
    yield attempt("image", checks.check_image)
    yield attempt("endpoint", checks.check_endpoint)
    yield attempt("connection", checks.check_connection)
    if spec.catalog and (registry := spec.catalog.registry):
        yield attempt("catalog", lambda: check_home(checks.cloud, registry))


def _model_checks(checks: ModelChecks, stack: StackChecks) -> Iterator[Check]:
    yield (model := attempt("model", checks.check_model))
    if model.verdict is not Verdict.FAIL:
        yield attempt("files", checks.check_files)
        yield attempt("disk", checks.check_disk)
        yield attempt("fit", lambda: check_fit(checks))
        if checks.target.local:
            yield attempt("memory", lambda: check_memory(checks))
    yield attempt("gpus", stack.check_gpus)
    if model.verdict is not Verdict.FAIL:
        yield (token := attempt("token", checks.check_token))
        if token.verdict is not Verdict.FAIL:
            yield attempt("download", checks.check_download)

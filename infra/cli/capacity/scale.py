"""`gatelift scale`: another number of instances, at once."""

from pathlib import Path

import click

from infra.cli.input.stack import currency_option, no_lock_option, open_stack
from infra.cli.terminal.invocation import DEFAULT_SPEC, PATH, Group, Integer, Invocation, command
from infra.cli.views.progress import progress
from infra.operations.capacity import scale as operation

app = Group()

EPILOG = """\b
Examples:
  gatelift scale gatelift.yaml 3
  gatelift scale 1                                     of gatelift.yaml
  gatelift scale gatelift.yaml 2 --deployment green --yes
"""
MOST = 50  # instances that Azure ML allows a deployment


@command(app, name="scale", epilog=EPILOG)
@click.argument("spec", type=PATH, help=f"The spec file; {DEFAULT_SPEC} if omitted.")
@click.argument("instances", type=Integer(0, MOST), required=False, help="How many instances it is to have.")
@click.option("--deployment", metavar="NAME", help="Another one of the stack's deployments.")
@currency_option
@no_lock_option
def scale(
    call: Invocation, spec: Path, instances: int | None, deployment: str | None, currency: str | None, no_lock: bool
) -> None:
    """Give the deployment that clients reach another number of instances.

    Running instances go on meanwhile. The quota is checked first, for the reserve that Azure adds, too. The spec does
    not change: where it has another instance_count, the next `up` sets that one again. Where Azure Monitor scales the
    deployment, the number must be within what its setting allows. There is no deployment without instances: `park`
    stops paying.
    """
    if instances is None:
        spec, instances = DEFAULT_SPEC, _number(spec)
    stack, target = open_stack(call, spec, no_lock=no_lock, currency=currency)
    planned = operation.plan_scale(stack, target, instances, deployment=deployment or "")
    if planned.before == planned.after:
        call.out.document({"stack": stack.name, **planned.to_json()})
        call.out.data(f"{planned.deployment} has {counted(planned.before)} already")
        return
    cost = f", {planned.cost}" if planned.cost else ""
    call.out.message(
        f"  ~ deployment {planned.deployment}: {planned.before} → {planned.after} x {planned.instance_type}{cost}"
    )
    for remark in planned.remarks:
        call.out.warn(remark)
    call.confirm("Scale it?", otherwise="nothing was changed")
    with progress(call.out) as reporter:
        done = operation.scale(stack, target, instances, reporter=reporter, deployment=deployment or "")
    call.out.document({"stack": stack.name, **done.to_json()})
    call.out.data(f"{done.deployment} has {counted(done.after)}")


def counted(instances: int) -> str:
    """A number of instances in words."""
    return f"{instances} instance{'' if instances == 1 else 's'}"


def _number(written: Path) -> int:
    """The only argument as a number of instances, where the spec was left out."""
    text = str(written)
    if not text.isdecimal() or int(text) > MOST:
        raise click.UsageError(f"Missing argument 'INSTANCES': how many instances, up to {MOST}.")
    return int(text)

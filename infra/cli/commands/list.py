"""`gatelift list`: shows the stacks of a workspace."""

from pathlib import Path

import click

from infra.cli.input.stack import currency_option, open_named_workspace, open_stack
from infra.cli.terminal.invocation import DEFAULT_SPEC, PATH, Group, Invocation, command
from infra.cli.terminal.output import table
from infra.cli.views.costs import workspace_cost_lines
from infra.operations.status import list_stacks
from infra.planning.costs.money import an_hour
from infra.planning.untagged import WAY_BACK, run_on

app = Group()

COLUMNS = ("stack", "endpoint", "deployments", "instances", "cost", "last change", "by")
EPILOG = """\b
Examples:
  gatelift list gatelift.yaml
  gatelift list --subscription-id ID --resource-group GROUP --workspace NAME --output json
"""


@command(app, name="list", epilog=EPILOG)
@click.argument("spec", type=PATH, required=False, help=f"A spec of the workspace; {DEFAULT_SPEC} if omitted.")
@click.option("--subscription-id", metavar="ID", help="The workspace's subscription, instead of a SPEC.")
@click.option("--resource-group", metavar="NAME", help="The workspace's resource group, instead of a SPEC.")
@click.option("--workspace", metavar="NAME", help="The workspace, instead of a SPEC.")
@currency_option
def list_command(
    call: Invocation,
    spec: Path | None,
    subscription_id: str | None,
    resource_group: str | None,
    workspace: str | None,
    currency: str | None,
) -> None:
    """Show the stacks of a workspace.

    Shows for each stack its endpoint, its deployments with their instances and what they cost an hour, and when and by
    whom it was changed last. Deployments that lost their tags are named in a warning. The workspace is that of a spec,
    or is named by the three options.
    """
    named = {"subscription_id": subscription_id, "resource_group": resource_group, "name": workspace}
    if any(named.values()):
        if spec is not None or not all(named.values()):
            raise click.UsageError("give a SPEC, or all of --subscription-id, --resource-group and --workspace")
        target = open_named_workspace(call, named, currency=currency)
    else:
        _, target = open_stack(call, spec or DEFAULT_SPEC, currency=currency)
    found = list_stacks(target)
    call.out.document(found)
    rows = [
        (
            stack["name"],
            stack["endpoint"],
            ", ".join(each["name"] for each in stack["deployments"]) or ("parked" if stack["parked"] else "-"),
            str(stack["instances"]),
            an_hour(stack["cost"]["hour"], found["cost"]["currency"]),
            str(stack["last_change"]["at"] or "")[:19],
            stack["last_change"]["by"] or "",
        )
        for stack in found["stacks"]
    ]
    if rows:
        call.out.data(table(COLUMNS, rows, call.out.paint))
        call.out.data("\n".join(["", *workspace_cost_lines(found["cost"], local=call.local)]))
    else:
        call.out.message(f"the workspace {found['workspace']} has no stack")
    for each in found["untagged"]:
        which = f"the deployment {each['deployment']} of {each['endpoint']}"
        call.out.warn(f"{which}: {run_on(each['instances'])}; {WAY_BACK}")

"""Shows to people what a plan costs, and what runs costs."""

from collections.abc import Mapping
from typing import Any

from infra.cli.terminal.output import Output
from infra.planning.costs.basis import month
from infra.planning.costs.forecast import Cost, DeploymentCost, Running
from infra.planning.costs.money import an_hour, total

ON_AZURE, LOCALLY = "Cost", "On Azure it would cost"
NOTHING_RUNS = "Nothing runs, so no instance is paid for"
TERMS = "pay as you go, without taxes; reservations and savings plans can make it less, endpoints cannot run on spot"


def show_cost(out: Output, cost: Cost, *, local: bool) -> None:
    """Print what a plan costs; programs get it in the command's JSON object."""
    lines = cost_lines(cost, local=local)
    out.data("\n".join([lines[0], *(out.paint(line, "dim") for line in lines[1:])]))


def cost_lines(cost: Cost, *, local: bool) -> list[str]:
    """What a plan costs: the total first, then each deployment, then where the prices are from."""
    currency = cost.basis.currency
    title = LOCALLY if local else ON_AZURE
    after = f"{an_hour(cost.after, currency)}, {total(month(cost.after), currency)} a month of 730 hours"
    if cost.before == cost.after:
        text = f"{title}: {after}; no change" if cost.after is not None else f"{title}: {after}"
    else:
        text = f"{title}: {an_hour(cost.before, currency)} → {after}"
    if cost.unknown:
        text = f"{title}: unknown, since there is no price of {', '.join(cost.unknown)} in {cost.basis.region}"
    lines = [text, *(deployment_line(each, currency) for each in cost.deployments)]
    if cost.beside and cost.during not in (None, cost.after):
        lines.append(f"  while both run: {an_hour(cost.during, currency)}")
    lines += [f"  {source_text(cost.basis.to_json())}", f"  {TERMS}"]
    return [*lines, "  nothing is billed here"] if local else lines


def deployment_line(each: DeploymentCost, currency: str) -> str:
    """One deployment: its instances and what they cost an hour, before and after."""
    text = f"  {each.name}: {_sides(each, currency)}"
    if each.kept:
        text += ", kept at 0 % for `gatelift rollback`"
    if scale := each.autoscale:
        hours = f"{an_hour(scale.least_hour, currency)} to {an_hour(scale.most_hour, currency)}"
        text += f"; autoscale: {scale.fewest} to {scale.most} instances, {hours}"
    return text


def source_text(basis: Mapping[str, Any]) -> str:
    """Where the prices are from."""
    if basis["note"] or not basis["as_of"]:
        return str(basis["note"] or f"no prices of {basis['region']}")
    return f"list prices of {basis['region']}, {basis['as_of']}"


def with_costs(document: Mapping[str, Any], *, local: bool) -> dict[str, Any]:
    """The document of `status` with its costs in words, those of each deployment beside it."""
    cost = document.get("cost")
    if not cost:
        return {key: value for key, value in document.items() if key != "cost"}
    currency = cost["currency"]
    each = {row["name"]: an_hour(row["hour"], currency) for row in cost["deployments"]}
    rows = [_with_cost(row, each.get(row["name"], "")) for row in document["deployments"]]
    return {**document, "deployments": rows, "cost": _sentence(cost, local=local)}


def workspace_cost_lines(cost: Mapping[str, Any], *, local: bool) -> list[str]:
    """What everything in a workspace costs."""
    if cost["hour"] == 0 and not cost["as_of"]:  # no price was looked up
        return [NOTHING_RUNS]
    text = f"{LOCALLY if local else 'All of it costs'} {_rates(cost)} ({source_text(cost)}: {TERMS})"
    return [f"{text}; nothing is billed here" if local else text]


def savings_line(saves: Mapping[str, Any], *, local: bool) -> str:
    """What the end of a stack's deployments saves."""
    if local:
        return f"On Azure this would save {_rates(saves)} ({source_text(saves)}); nothing is billed here"
    return f"This saves {_rates(saves)} ({source_text(saves)})"


def _with_cost(row: Mapping[str, Any], cost: str) -> dict[str, Any]:
    """The row of a deployment with what it costs beside the number of its instances."""
    shown: dict[str, Any] = {}
    for key, value in row.items():
        shown[key] = value
        if key == "instance_count":
            shown["cost"] = cost
    return {**shown, "cost": cost}


def _sentence(cost: Mapping[str, Any], *, local: bool) -> str:
    text = (
        f"{_rates(cost)}; about {total(cost['so_far'], cost['currency'])} so far ({cost['how']}; {source_text(cost)})"
    )
    return f"on Azure {text}; nothing is billed here" if local else text


def _rates(cost: Mapping[str, Any]) -> str:
    return f"{an_hour(cost['hour'], cost['currency'])}, {total(cost['month'], cost['currency'])} a month"


def _sides(each: DeploymentCost, currency: str) -> str:
    before, after = each.before, each.after
    if before and after and before != after:
        if before.instance_type == after.instance_type:
            count = f"{before.instances} → {after.instances} x {after.instance_type}"
            return f"{count}, {an_hour(before.hour, currency)} → {an_hour(after.hour, currency)}"
        return f"{_side(before, currency)} → {_side(after, currency)}"
    if after:
        return _side(after, currency)
    return f"{_side(before, currency)} → deleted" if before else "nothing"


def _side(side: Running, currency: str) -> str:
    return f"{side.instances} x {side.instance_type}, {an_hour(side.hour, currency)}"

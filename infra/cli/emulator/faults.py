"""`gatelift emulator fault …`: makes the emulator fail chosen requests."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from infra.cli.emulator.running import running_portal, state_option
from infra.cli.terminal.invocation import Group, Integer, Invocation, Number, command
from infra.errors import GateliftError

EPILOG = """\b
Examples:
  gatelift emulator fault add --path onlineEndpoints --status 503 --times 2
  gatelift emulator fault add --method PUT --path deployments/ --operation "OutOfQuota: no hosts in this region"
  gatelift emulator fault add --path /blobstore/ --reset
  gatelift emulator fault clear
"""


fault = Group("fault", help="Make the emulator fail chosen requests, to test how your tools react.", epilog=EPILOG)


@command(fault, name="add")
@state_option
@click.option("--method", help="Match requests with this method; any if omitted.")
@click.option("--path", help="Match requests by this regular expression, searched in path and query.")
@click.option(
    "--target",
    help="Match requests to arm (the default; with blobs and tokens), hub, endpoint, prices, or * for all.",
)
@click.option("--times", type=Integer(min=1), help="How many matching requests fail; all if omitted.")
@click.option("--skip", type=Integer(min=0), help="How many matching requests pass before the first one fails.")
@click.option("--probability", type=Number(0, 1), help="The probability that a matching request fails.")
@click.option("--seed", type=int, help="Seed for --probability: makes the same requests fail every time.")
@click.option("--delay", type=Number(min=0), help="Wait this many seconds before the request is served.")
@click.option("--status", type=Integer(200, 599), help="Answer with this status instead.")
@click.option("--code", help="The error code in that answer.")
@click.option("--message", help="The error message in that answer.")
@click.option("--header", multiple=True, metavar="'NAME: VALUE'", help="A header of that answer; may be repeated.")
@click.option("--after", is_flag=True, help="Serve the request, then drop its answer.")
@click.option("--reset", is_flag=True, help="Break the connection.")
@click.option("--hang", is_flag=True, help="Never answer.")
@click.option("--hold", is_flag=True, help="Serve the request only once the rules are removed or replaced.")
@click.option(
    "--operation",
    metavar="'CODE[: MESSAGE]'",
    help="Let the long-running operation that the request starts fail with this error; `never`: let it never end.",
)
def add(
    call: Invocation,
    state: Path | None,
    method: str | None,
    path: str | None,
    target: str | None,
    times: int | None,
    skip: int | None,
    probability: float | None,
    seed: int | None,
    delay: float | None,
    status: int | None,
    code: str | None,
    message: str | None,
    header: Sequence[str],
    after: bool,
    reset: bool,
    hang: bool,
    hold: bool,
    operation: str | None,
) -> None:
    """Add a fault rule; the first rule that matches a request is applied."""
    given = {
        "method": method,
        "path": path,
        "target": target,
        "times": times,
        "skip": skip,
        "probability": probability,
        "seed": seed,
        "delay": delay,
        "status": status,
        "code": code,
        "message": message,
        "headers": headers_of(header),
        "operation": operation_of(operation),
        "after": after or None,
        "reset": reset or None,
        "hang": hang or None,
        "hold": hold or None,
    }
    rule = {name: value for name, value in given.items() if value is not None}
    show(call, running_portal(call, state).add_fault(rule))


@command(fault, name="list")
@state_option
def list_faults(call: Invocation, state: Path | None) -> None:
    """List the fault rules, and how often each was applied."""
    show(call, running_portal(call, state).get("faults"))


@command(fault, name="clear")
@state_option
def clear(call: Invocation, state: Path | None) -> None:
    """Remove all fault rules; requests that hang because of one continue."""
    show(call, running_portal(call, state).clear_faults())


def show(call: Invocation, rules: list[dict[str, Any]]) -> None:
    """Print the rules, and how many requests each was applied to."""
    call.out.document({"faults": rules})
    for rule in rules:
        shown = {name: value for name, value in rule.items() if name not in ("struck", "hanging")}
        call.out.data(f"{json.dumps(shown)}  applied {rule.get('struck', 0)} times")
    if not rules:
        call.out.data("no rules")


def headers_of(lines: Sequence[str]) -> dict[str, str] | None:
    """The headers by name; None if there are none."""
    if not lines:
        return None
    pairs = [line.partition(":") for line in lines]
    if wrong := [name for name, colon, _ in pairs if not colon]:
        raise GateliftError(
            f"--header {wrong[0]!r} has no value", hint="write it as --header 'Retry-After: 1'", code="usage_error"
        )
    return {name.strip(): value.strip() for name, _, value in pairs}


def operation_of(text: str | None) -> str | dict[str, str] | None:
    """`never`, or the error `{"code", "message"?}` that the operation ends with."""
    if text is None or text == "never":
        return text
    code, _, message = text.partition(":")
    return {"code": code.strip(), **({"message": message.strip()} if message.strip() else {})}

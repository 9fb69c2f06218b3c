"""`gatelift emulator fault …`: make chosen requests to the emulator go wrong."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from infra.cli.input.emulator_state import running, state_option
from infra.cli.input.portal import portal_json
from infra.cli.terminal.invocation import Group, Integer, Invocation, Number, command
from infra.errors import GateliftError

EPILOG = """\b
Examples:
  gatelift emulator fault add --path onlineEndpoints --status 503 --times 2
  gatelift emulator fault add --method PUT --path deployments/ --operation "OutOfQuota: no hosts in this region"
  gatelift emulator fault add --path /blobstore/ --reset
  gatelift emulator fault clear
"""


fault = Group("fault", help="Make chosen requests go wrong, to see what your tools do then.", epilog=EPILOG)


@command(fault, name="add")
@state_option
@click.option("--method", help="Which requests: their method; any if left out.")
@click.option("--path", help="A regular expression, searched in path and query.")
@click.option("--target", help="arm (with blobs and tokens), hub, endpoint or *.")
@click.option("--times", type=Integer(min=1), help="How often it strikes; always if left out.")
@click.option("--skip", type=Integer(min=0), help="How many fitting requests it lets pass before.")
@click.option("--probability", type=Number(0, 1), help="How likely it strikes.")
@click.option("--seed", type=int, help="Makes the same requests be struck every time.")
@click.option("--delay", type=Number(min=0), help="Seconds to wait before the request is served.")
@click.option("--status", type=Integer(200, 599), help="Answer this status.")
@click.option("--code", help="The error code of that answer.")
@click.option("--message", help="Its message.")
@click.option("--header", multiple=True, metavar="'NAME: VALUE'", help="A header of it.")
@click.option("--after", is_flag=True, help="Serve the request first, then lose its answer.")
@click.option("--reset", is_flag=True, help="Break the connection.")
@click.option("--hang", is_flag=True, help="Never answer.")
@click.option("--operation", metavar="'CODE[: MESSAGE]'", help="Fail the operation it starts; `never`: never end.")
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
    operation: str | None,
) -> None:
    """Add a rule; the first rule that fits a request is applied."""
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
        "headers": _headers(header),
        "operation": _operation(operation),
        "after": after or None,
        "reset": reset or None,
        "hang": hang or None,
    }
    rule = {name: value for name, value in given.items() if value is not None}
    _show(call, portal_json(running(call, state).portal, "faults", "POST", rule))


@command(fault, name="list")
@state_option
def list_(call: Invocation, state: Path | None) -> None:
    """List the rules, and how often each has struck."""
    _show(call, portal_json(running(call, state).portal, "faults"))


@command(fault, name="clear")
@state_option
def clear(call: Invocation, state: Path | None) -> None:
    """Remove all rules; what hangs on one is let go."""
    _show(call, portal_json(running(call, state).portal, "faults", "PUT", []))


def _show(call: Invocation, rules: list[dict[str, Any]]) -> None:
    call.out.document(rules)
    for rule in rules:
        counted = {name: rule.pop(name) for name in ("struck", "hanging") if name in rule}
        call.out.data(f"{json.dumps(rule)}  struck {counted.get('struck', 0)}")
    if not rules:
        call.out.data("no rules")


def _headers(lines: Sequence[str]) -> dict[str, str] | None:
    if not lines:
        return None
    pairs = [line.partition(":") for line in lines]
    if wrong := [name for name, colon, _ in pairs if not colon]:
        raise GateliftError(f"--header {wrong[0]!r} has no value", hint="--header 'Retry-After: 1'", code="usage_error")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _operation(text: str | None) -> str | dict[str, str] | None:
    if text is None or text == "never":
        return text
    code, _, message = text.partition(":")
    return {"code": code.strip(), **({"message": message.strip()} if message.strip() else {})}

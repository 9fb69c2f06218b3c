"""`gatelift emulator fault …`: make chosen requests to the emulator go wrong."""

import json
from typing import Annotated, Any

import typer

from infra.cli.emulator_state import State, running
from infra.cli.invocation import Invocation, command, group
from infra.cli.portal import portal_json
from infra.errors import GateliftError

EPILOG = """\b
Examples:
  gatelift emulator fault add --path onlineEndpoints --status 503 --times 2
  gatelift emulator fault add --method PUT --path deployments/ --operation "OutOfQuota: no hosts in this region"
  gatelift emulator fault add --path /blobstore/ --reset
  gatelift emulator fault clear
"""


def add_fault_commands(emulator: typer.Typer) -> None:
    """Give the group `emulator` its sub-group."""
    fault = group("fault", "Make chosen requests go wrong, to see what your tools do then.", emulator, epilog=EPILOG)
    command(fault, name="add")(add)
    command(fault, name="list")(list_)
    command(fault, name="clear")(clear)


def add(
    call: Invocation,
    state: State = None,
    method: Annotated[str | None, typer.Option(help="Which requests: their method; any if left out.")] = None,
    path: Annotated[str | None, typer.Option(help="A regular expression, searched in path and query.")] = None,
    target: Annotated[str | None, typer.Option(help="arm (with blobs and tokens), hub, endpoint or *.")] = None,
    times: Annotated[int | None, typer.Option(min=1, help="How often it strikes; always if left out.")] = None,
    skip: Annotated[int | None, typer.Option(min=0, help="How many fitting requests it lets pass before.")] = None,
    probability: Annotated[float | None, typer.Option(min=0, max=1, help="How likely it strikes.")] = None,
    seed: Annotated[int | None, typer.Option(help="Makes the same requests be struck every time.")] = None,
    delay: Annotated[float | None, typer.Option(min=0, help="Seconds to wait before the request is served.")] = None,
    status: Annotated[int | None, typer.Option(min=200, max=599, help="Answer this status.")] = None,
    code: Annotated[str | None, typer.Option(help="The error code of that answer.")] = None,
    message: Annotated[str | None, typer.Option(help="Its message.")] = None,
    header: Annotated[list[str] | None, typer.Option(metavar="'NAME: VALUE'", help="A header of it.")] = None,
    after: Annotated[bool, typer.Option("--after", help="Serve the request first, then lose its answer.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Break the connection.")] = False,
    hang: Annotated[bool, typer.Option("--hang", help="Never answer.")] = False,
    operation: Annotated[
        str | None, typer.Option(metavar="'CODE[: MESSAGE]'", help="Fail the operation it starts; `never`: never end.")
    ] = None,
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


def list_(call: Invocation, state: State = None) -> None:
    """List the rules, and how often each has struck."""
    _show(call, portal_json(running(call, state).portal, "faults"))


def clear(call: Invocation, state: State = None) -> None:
    """Remove all rules; what hangs on one is let go."""
    _show(call, portal_json(running(call, state).portal, "faults", "PUT", []))


def _show(call: Invocation, rules: list[dict[str, Any]]) -> None:
    call.out.document(rules)
    for rule in rules:
        counted = {name: rule.pop(name) for name in ("struck", "hanging") if name in rule}
        call.out.data(f"{json.dumps(rule)}  struck {counted.get('struck', 0)}")
    if not rules:
        call.out.data("no rules")


def _headers(lines: list[str] | None) -> dict[str, str] | None:
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

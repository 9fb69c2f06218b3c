"""`gatelift catalog …`: manages the model's entry in the catalog."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from infra.cli.input.stack import open_stack, take_over_option, taking_over
from infra.cli.terminal.invocation import Group, Invocation, command, spec_argument
from infra.cli.terminal.output import table
from infra.cli.terminal.style import without_control_characters
from infra.errors import GateliftError
from infra.operations.catalog import catalog_hide, catalog_list, catalog_publish, catalog_show

EPILOG = """\b
An entry is hidden until the moment in its tag invisibleUntil; without the tag it is visible. That is what these
commands show: Azure's studio lists the models of a workspace whatever their tags say. With catalog.registry in the
spec the entries are those of that Azure ML registry.
\b
Examples:
  gatelift catalog publish gatelift.yaml
  gatelift catalog list gatelift.yaml --all --as-of 2026-01-16T00:00:00.000Z
  gatelift catalog hide gatelift.yaml --until 2027-01-01T00:00:00.000Z
"""
app = Group()
catalog = Group("catalog", help="Manage the model's entry in the catalog.", epilog=EPILOG)
app.add_command(catalog)

as_of_option = click.option(
    "--as-of", metavar="WHEN", help="Show what is visible at this time, e.g. 2026-01-16T00:00:00.000Z."
)


@command(catalog, name="publish")
@spec_argument
@take_over_option
def publish(call: Invocation, spec: Path, take_over: bool) -> None:
    """Create or update the model's entry from the spec.

    An entry that another stack or somebody else made is refused, unless --take-over is given.
    """
    stack, target = taking_over(open_stack(call, spec), take_over)
    show_entry(call, catalog_publish(stack, target))


@command(catalog, name="list")
@spec_argument
@click.option("--all", "include_hidden", is_flag=True, help="List hidden entries, too.")
@as_of_option
def list_entries(call: Invocation, spec: Path, include_hidden: bool, as_of: str | None) -> None:
    """List the visible entries of the catalog."""
    stack, target = open_stack(call, spec)
    entries = catalog_list(
        stack, target, include_hidden=include_hidden, as_of=moment(as_of, "--as-of") if as_of else None
    )
    call.out.document({"entries": entries})
    if not entries:
        call.out.message("the catalog is empty" if include_hidden else "no entry is visible")
        return
    rows = [
        (
            entry["name"],
            str(entry["model_version"]),
            "visible" if entry["visible"] else "hidden",
            entry.get("invisible_until") or "",
        )
        for entry in entries
    ]
    call.out.data(table(("name", "version", "state", "invisible until"), rows, call.out.paint))


@command(catalog, name="show")
@spec_argument
@as_of_option
def show(call: Invocation, spec: Path, as_of: str | None) -> None:
    """Show the model's entry with its model card."""
    stack, target = open_stack(call, spec)
    show_entry(call, catalog_show(stack, target, as_of=moment(as_of, "--as-of") if as_of else None))


@command(catalog, name="hide")
@spec_argument
@click.option("--until", required=True, metavar="WHEN", help="Hide it until this time, e.g. 2027-01-01T00:00:00.000Z.")
def hide(call: Invocation, spec: Path, until: str) -> None:
    """Hide the model's entry until a given time."""
    stack, target = open_stack(call, spec)
    show_entry(call, catalog_hide(stack, target, moment(until, "--until")))


@command(catalog, name="reveal")
@spec_argument
def reveal(call: Invocation, spec: Path) -> None:
    """Make the model's entry visible now."""
    stack, target = open_stack(call, spec)
    show_entry(call, catalog_hide(stack, target, None))


def moment(text: str, option: str) -> str:
    """Convert any ISO 8601 time with an offset to the form of the tag; raises GateliftError for anything else."""
    try:
        parsed = datetime.fromisoformat(text)
        in_utc = parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise GateliftError(
            f"{option} {text!r} is not a time with an offset",
            hint="write it as 2026-01-16T00:00:00.000Z",
            code="invalid_moment",
        )
    return in_utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def show_entry(call: Invocation, entry: dict[str, Any]) -> None:
    """Print one entry: whether it is visible, then its tags, then its card."""
    call.out.document(entry)
    if call.out.is_json:
        return
    state = "visible" if entry["visible"] else f"hidden until {entry.get('invisible_until')}"
    call.out.data(
        f"{call.out.paint(entry['name'], 'bold')}  version {entry['model_version']}  {state}  {entry['catalog']}"
    )
    for tag, value in entry.get("tags", {}).items():
        call.out.data(f"  {tag}: {without_control_characters(str(value))}")
    if card := entry.get("card"):
        call.out.data(f"\n{without_control_characters(card)}")

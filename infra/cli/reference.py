"""Generates the README's table of commands from the commands; `python -m infra.cli.reference` writes it there."""

from collections.abc import Iterator
from pathlib import Path

import click

from infra.cli.app import app

BEGIN, END = "<!-- commands -->", "<!-- /commands -->"
SHARED = {"local", "output", "yes"}


def command_table() -> str:
    """A Markdown table: each command with its arguments, its summary and its own options."""
    rows = [
        f"| `{path}` | {command.get_short_help_str(limit=200)} | {options(command)} |"
        for path, command in all_commands("gatelift", app)
    ]
    return "\n".join(["| command | what it does | options |", "| --- | --- | --- |", *rows])


def all_commands(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Every command that is not a group, with the words that call it, in the order of the help."""
    context = click.Context(command)
    if not isinstance(command, click.Group):
        arguments = [each.make_metavar(context) for each in command.params if isinstance(each, click.Argument)]
        yield " ".join([path, *arguments]), command
        return
    for name in command.list_commands(context):
        if found := command.get_command(context, name):
            yield from all_commands(f"{path} {name}", found)


def options(command: click.Command) -> str:
    """The long names of the options that the command does not share with all others."""
    own = [each for each in command.params if isinstance(each, click.Option) and each.name not in SHARED]
    return ", ".join(f"`{max(option.opts, key=len)}`" for option in own)


def updated(document: str) -> str:
    """The README with the current table between its markers."""
    before, rest = document.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    return f"{before}{BEGIN}\n{command_table()}\n{END}{after}"


if __name__ == "__main__":
    readme = Path(__file__).resolve().parents[2] / "README.md"
    readme.write_text(updated(readme.read_text(encoding="utf-8")), encoding="utf-8")

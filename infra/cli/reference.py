"""The command table of the README, made from the commands; `python -m infra.cli.reference` writes it there."""

from collections.abc import Iterator
from pathlib import Path

import click

from infra.cli.app import app

BEGIN, END = "<!-- commands -->", "<!-- /commands -->"
SHARED = {"local", "output", "yes"}


def command_table() -> str:
    """A markdown table: each command with its arguments, its summary, and the options that are its own."""
    rows = [
        f"| `{path}` | {command.get_short_help_str(limit=200)} | {options(command)} |"
        for path, command in leaves("gatelift", app)
    ]
    return "\n".join(["| command | what it does | options |", "| --- | --- | --- |", *rows])


def leaves(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with the words that call it, in the order of the help."""
    context = click.Context(command)
    if not isinstance(command, click.Group):
        arguments = [each.make_metavar(context) for each in command.params if isinstance(each, click.Argument)]
        yield " ".join([path, *arguments]), command
        return
    for name in command.list_commands(context):
        if found := command.get_command(context, name):
            yield from leaves(f"{path} {name}", found)


def options(command: click.Command) -> str:
    """The long names of the options that not every command has."""
    own = [each for each in command.params if isinstance(each, click.Option) and each.name not in SHARED]
    return ", ".join(f"`{max(option.opts, key=len)}`" for option in own)


def updated(document: str) -> str:
    """The README with the present table between its markers."""
    before, rest = document.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    return f"{before}{BEGIN}\n{command_table()}\n{END}{after}"


if __name__ == "__main__":
    readme = Path(__file__).resolve().parents[2] / "README.md"
    readme.write_text(updated(readme.read_text(encoding="utf-8")), encoding="utf-8")

"""The command table of the README, made from the commands; `python -m infra.cli.reference` writes it there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from infra.cli.app import app

BEGIN, END = "<!-- commands -->", "<!-- /commands -->"
SHARED = {"local", "output", "yes"}


def command_table() -> str:
    """A markdown table: each command with its arguments, its summary, and the options that are its own."""
    rows = [
        f"| `{path}` | {command.get_short_help_str(limit=200)} | {options(command)} |"
        for path, command in leaves("gatelift", typer.main.get_command(app))
    ]
    return "\n".join(["| command | what it does | options |", "| --- | --- | --- |", *rows])


def leaves(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with the words that call it, in the order of the help."""
    if not hasattr(command, "commands"):
        arguments = [f"[{parameter.metavar}]" for parameter in command.params if is_argument(parameter)]
        yield " ".join([path, *arguments]), command
        return
    for name in command.commands:
        yield from leaves(f"{path} {name}", command.commands[name])


def options(command: Any) -> str:
    """The long names of the options that not every command has."""
    own = [parameter for parameter in command.params if not is_argument(parameter) and parameter.name not in SHARED]
    return ", ".join(f"`{max(option.opts, key=len)}`" for option in own)


def is_argument(parameter: Any) -> bool:
    """Whether this is a positional argument."""
    return bool(parameter.param_type_name == "argument")


def updated(document: str) -> str:
    """The README with the present table between its markers."""
    before, rest = document.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    return f"{before}{BEGIN}\n{command_table()}\n{END}{after}"


if __name__ == "__main__":
    readme = Path(__file__).resolve().parents[2] / "README.md"
    readme.write_text(updated(readme.read_text(encoding="utf-8")), encoding="utf-8")

"""What every command has: the options that all commands share, the environment and the streams."""

import functools
import math
import os
import sys
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from infra.cli.terminal.output import Output, OutputFormat
from infra.errors import GateliftError

# Whether a file exists and can be read is checked where it is read.
PATH = click.Path(path_type=Path, readable=False)
DEFAULT_SPEC = Path("gatelift.yaml")


class Integer(click.IntRange):
    """An integer within bounds; Click's own error would call it an `integer range`."""

    name = "integer"


class Number(click.FloatRange):
    """A number within bounds; Click's own range lets NaN pass."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number, or a usage error."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a valid {self.name}", param, ctx)
        return number


spec_argument = click.argument(
    "spec", type=PATH, default=DEFAULT_SPEC, help=f"The spec file; {DEFAULT_SPEC} if omitted."
)


@dataclass
class Invocation:
    """One run of a command: its shared options, the environment and the output."""

    local: bool = False
    output: OutputFormat = OutputFormat.TEXT
    yes: bool = False
    environ: MutableMapping[str, str] = field(default_factory=lambda: os.environ)

    @functools.cached_property
    def out(self) -> Output:
        """Where this command writes."""
        return Output(self.output)

    def confirm(self, question: str, *, otherwise: str) -> bool:
        """Ask on the terminal; True if it was asked and confirmed, False if there was no need to ask.

        There is none with `--yes`, nor with `--local` and no terminal. Raises GateliftError if the answer is no, with
        `otherwise` as its message (e.g. `nothing was changed`), or if there is no terminal to ask on.
        """
        if self.yes:
            return False
        if not sys.stdin.isatty():
            if self.local:
                return False
            raise GateliftError(
                f"{question.rstrip('?')}: there is no terminal to ask on",
                hint="add --yes in a script or in CI",
                code="confirmation_needed",
            )
        self.out.message(f"{question} [y/N] ", end="")
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise GateliftError(otherwise, code="declined")
        return True


def command(group: click.Group, **settings: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command of `group` and give it `--local`, `--output` and `--yes`.

    The function's first parameter is the Invocation; its own options and arguments follow.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(*, local: bool, output: str, yes: bool, **arguments: Any) -> None:
            function(Invocation(local=local, output=OutputFormat(output), yes=yes), **arguments)

        registered = click.command(**settings)(run)
        registered.params += shared_options()
        group.add_command(registered)
        return function

    return register


def shared_options() -> list[click.Parameter]:
    """The options that every command has, last in its help."""
    formats = click.Choice([each.value for each in OutputFormat])
    output = "`json`: print one JSON object to stdout; messages go to stderr."
    return [
        click.Option(["--local"], is_flag=True, help="Use the emulator on this machine instead of Azure."),
        click.Option(["--output", "-o"], type=formats, default=OutputFormat.TEXT.value, help=output),
        click.Option(["--yes", "-y"], is_flag=True, help="Answer every question with yes."),
    ]


class Group(click.Group):
    """A group that keeps its commands in order and shows its help, without an error, when no command follows."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order in which the commands were added."""
        return list(self.commands)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the help when nothing follows."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

"""What every command gets: the options that all commands share, the environment and the streams."""

import functools
import inspect
import os
import sys
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from infra.cli.output import Output, OutputFormat
from infra.errors import GateliftError

SpecPath = Annotated[Path, typer.Argument(metavar="SPEC", help="The spec file.", show_default=True)]
DEFAULT_SPEC = Path("gatelift.yaml")

Local = Annotated[bool, typer.Option("--local", help="Work on this machine's emulator instead of Azure.")]
Format = Annotated[
    OutputFormat, typer.Option("--output", "-o", help="`json`: one JSON document on stdout, talk on stderr.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, go ahead.")]


@dataclass
class Invocation:
    """One run of one command: its shared options and everything it may touch of the process around it."""

    local: bool = False
    output: OutputFormat = OutputFormat.TEXT
    yes: bool = False
    environ: MutableMapping[str, str] = field(default_factory=lambda: os.environ)

    @functools.cached_property
    def out(self) -> Output:
        """Where this command speaks."""
        return Output(self.output)

    def confirm(self, question: str, *, otherwise: str) -> bool:
        """Ask on the terminal and return True; False if `--yes` or, without a terminal, `--local` said it already."""
        if self.yes:
            return False
        if not sys.stdin.isatty():
            if self.local:
                return False
            raise GateliftError(
                f"{question.rstrip('?')}: there is no terminal to ask on",
                hint="add --yes when this runs in a script or in CI",
                code="confirmation_needed",
            )
        self.out.talk(f"{question} [y/N] ", end="")
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise GateliftError(otherwise, code="declined")
        return True


def command(app: typer.Typer, **settings: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a command of `app` and give it `--local`, `--output` and `--yes`.

    The function's first parameter is the Invocation; typer sees the shared options in its place.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(function).parameters.values())[1:]
        shared = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for name, annotation, default in (
                ("local", Local, False),
                ("output", Format, OutputFormat.TEXT),
                ("yes", Yes, False),
            )
        ]

        @functools.wraps(function)
        def run(*, local: bool, output: OutputFormat, yes: bool, **arguments: Any) -> None:
            function(Invocation(local=local, output=output, yes=yes), **arguments)

        parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own] + shared
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        del run.__wrapped__
        app.command(**settings)(run)
        return function

    return register


class Group(TyperGroup):
    """A group that shows its help when it is called alone: asking what there is, is no mistake."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Show the help when nothing follows."""
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help())
            raise typer.Exit
        return super().parse_args(ctx, args)


def group(name: str, help_text: str, parent: typer.Typer, **settings: Any) -> typer.Typer:
    """A group of commands below `parent`, e.g. `gatelift token …`."""
    app = new_app(help=help_text, **settings)
    parent.add_typer(app, name=name)
    return app


def new_app(**settings: Any) -> typer.Typer:
    """A typer app as all of ours are: plain help (rich would double the start-up), no completion options."""
    ours: dict[str, Any] = {
        "cls": Group,
        "add_completion": False,
        "rich_markup_mode": None,
        "pretty_exceptions_enable": False,
        "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 110},
    }
    return typer.Typer(**ours | settings)

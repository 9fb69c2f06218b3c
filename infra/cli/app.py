"""The map of the command line: which command lives in which module, in the order in which help shows them."""

import importlib
import signal
import sys

import click

from infra.cli.completion import completion_options
from infra.cli.terminal.invocation import Group

# Help shows these lines without importing the modules; a test holds them equal to the commands' own.
SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Begin": {
        "init": ("infra.cli.commands.init", "Write a commented spec into the current folder."),
        "doctor": ("infra.cli.commands.doctor", "Check everything that can fail later, before anything is created."),
    },
    "Provision": {
        "plan": ("infra.cli.commands.provision", "Show what would change, and why."),
        "up": ("infra.cli.commands.provision", "Plan, apply, wait by phases and smoke-test the endpoint."),
        "rollback": ("infra.cli.commands.rollout", "Give the requests back to the deployment that served before."),
        "adopt": ("infra.cli.commands.rollout", "Take over an endpoint that exists."),
        "down": ("infra.cli.commands.provision", "Remove what the stack owns, nothing else."),
    },
    "Use": {
        "status": ("infra.cli.commands.status", "Show the state of the endpoint and what serves it."),
        "logs": ("infra.cli.commands.logs", "Show a container's log, or follow it."),
        "chat": ("infra.cli.commands.chat", "Chat with the model in the terminal."),
        "connect": ("infra.cli.commands.connect", "Print base URL and key for any OpenAI client."),
    },
    "Manage": {
        "token": ("infra.cli.commands.token", "The Hugging Face token in its workspace connection."),
        "catalog": ("infra.cli.commands.catalog", "The model's card in the catalog, and from when it shows."),
        "emulator": ("infra.cli.commands.emulator", "The emulator on its own, for other tools."),
        "explain": ("infra.cli.commands.explain", "What an error code of Azure means, and what to do."),
    },
}
MODULES = {name: module for section in SECTIONS.values() for name, (module, _) in section.items()}

EXAMPLES = """\b
Examples:
  gatelift init --model HuggingFaceTB/SmolLM2-135M-Instruct
  gatelift up gatelift.yaml --local       the whole way on this machine, without Azure
  gatelift chat gatelift.yaml --local
  gatelift plan gatelift.yaml             what `up` would do in Azure

\b
Every command takes --local, --output json and --yes. SPEC is gatelift.yaml where it is left out.
Exit codes: 0 done, 1 failed, 2 changes pending (plan --detailed-exitcode) or wrong usage.
"""


class RootGroup(Group):
    """`gatelift` itself: help by sections, a module is imported when one of its commands is looked up."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the help."""
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command by its name; None if there is none."""
        if cmd_name in MODULES and cmd_name not in self.commands:
            self.commands.update(commands_of(MODULES[cmd_name]))
        return self.commands.get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; Click itself would suggest only names that are imported already."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=MODULES, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command list from the map above."""
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(8), summary) for name, (_, summary) in commands.items()])


def commands_of(module: str) -> dict[str, click.Command]:
    """The commands that a module brings; a signal waits until it is imported, or it could get lost in there."""
    if sys.platform == "win32":  # which has no way to make one wait
        return dict(importlib.import_module(module).app.commands)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        return dict(importlib.import_module(module).app.commands)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print the version and end."""
    if wanted and not context.resilient_parsing:
        from infra.cli.terminal.version import version  # importlib.metadata costs a tenth of the start-up

        click.echo(f"gatelift {version()}")
        context.exit()


@click.group(
    cls=RootGroup,
    epilog=EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110, "show_default": True},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=show_version,
    help="Show the version and exit.",
)
@completion_options
def app() -> None:
    """Run Hugging Face models, gated ones above all, with vLLM on Azure Machine Learning.

    One YAML file names a model and where it should run. `gatelift up` turns it into a working, secured endpoint;
    `gatelift up --local` does the very same on this machine, without Azure.
    """

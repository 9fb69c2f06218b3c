"""The map of the command line: which module has which command, in the order of the help."""

import importlib
import signal
import sys

import click

from infra.cli.completion import completion_option
from infra.cli.terminal.invocation import Group

# Help shows these lines without importing the modules; a test checks that they are the commands' own.
SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Begin": {
        "init": ("infra.cli.commands.init", "Write a commented spec into the current folder."),
        "size": (
            "infra.cli.capacity.size",
            "Say which GPU sizes a model fits on, what they cost, and how fast it would be.",
        ),
        "doctor": ("infra.cli.commands.doctor", "Check everything that `up` needs, without creating anything."),
    },
    "Provision": {
        "plan": ("infra.cli.commands.plan", "Show what `up` would change, and why."),
        "up": ("infra.cli.commands.up", "Create or update the stack, wait until it is ready, and test the endpoint."),
        "rollback": ("infra.cli.commands.rollback", "Send the requests back to the previous deployment."),
        "adopt": ("infra.cli.commands.adopt", "Make an existing endpoint part of the stack."),
        "scale": ("infra.cli.capacity.scale", "Give the deployment that clients reach another number of instances."),
        "park": ("infra.cli.capacity.park", "Delete the stack's deployments, so that they cost nothing, until `wake`."),
        "wake": ("infra.cli.capacity.wake", "Bring back what `park` has deleted, as it was."),
        "down": ("infra.cli.commands.down", "Remove what the stack owns, and nothing else."),
    },
    "Use": {
        "list": ("infra.cli.commands.list", "Show the stacks of a workspace."),
        "status": ("infra.cli.commands.status", "Show the state of the stack."),
        "logs": ("infra.cli.commands.logs", "Show a container's log, or follow it."),
        "chat": ("infra.cli.commands.chat", "Chat with the model in the terminal."),
        "connect": ("infra.cli.commands.connect", "Print base URL and key for any OpenAI client."),
        "bench": ("infra.cli.capacity.bench", "Measure a running endpoint under load."),
    },
    "Manage": {
        "token": ("infra.cli.groups.token", "Manage the Hugging Face token in its workspace connection."),
        "image": ("infra.cli.groups.image", "Build the container's image ahead of a deployment."),
        "catalog": ("infra.cli.groups.catalog", "Manage the model's entry in the catalog."),
        "hub": ("infra.cli.groups.hub", "Look after the models that the emulated Hub keeps."),
        "emulator": ("infra.cli.emulator.group", "Run the emulator on its own, for other tools."),
        "unlock": ("infra.cli.commands.unlock", "End the lock of a command that hangs, after asking."),
        "explain": ("infra.cli.commands.explain", "Explain an error code of Azure, and what to do about it."),
    },
}
MODULES = {name: module for section in SECTIONS.values() for name, (module, _) in section.items()}

EXAMPLES = """\b
Examples:
  gatelift init --model HuggingFaceTB/SmolLM2-135M-Instruct
  gatelift up gatelift.yaml --local       everything on this machine, without Azure
  gatelift chat gatelift.yaml --local
  gatelift plan gatelift.yaml             what `up` would do in Azure

\b
Every command takes --local, --output json and --yes. SPEC is gatelift.yaml if omitted.
Exit codes: 0 done, 1 failed, 2 changes pending (plan --detailed-exitcode) or wrong usage.
"""


class RootGroup(Group):
    """`gatelift` itself: help by sections; a module is only imported when its command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the help."""
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command by its name; None if there is no such command."""
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
    """Import the commands of a module; signals are held back meanwhile, since they could get lost in an import."""
    if sys.platform == "win32":  # signals cannot be held back there
        return dict(importlib.import_module(module).app.commands)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        return dict(importlib.import_module(module).app.commands)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print the version and exit."""
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
@completion_option
def app() -> None:
    """Run Hugging Face models, gated ones above all, with vLLM on Azure Machine Learning.

    One YAML file, the spec, says which model to run and where. `gatelift up` creates a secured endpoint from it;
    `gatelift up --local` does the same on this machine, without Azure.
    """

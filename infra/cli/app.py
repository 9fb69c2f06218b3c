"""The map of the command line: which command lives in which module, in the order in which help shows them."""

import importlib
from collections.abc import Iterator, MutableMapping
from typing import Annotated, Any

import typer

from infra.cli.invocation import Group, new_app

# Help shows these lines without importing the modules; a test holds them equal to the commands' own.
SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Begin": {
        "init": ("infra.cli.init", "Write a commented spec into the current folder."),
        "doctor": ("infra.cli.doctor", "Check everything that can fail later, before anything is created."),
    },
    "Provision": {
        "plan": ("infra.cli.provision", "Show what would change, and why."),
        "up": ("infra.cli.provision", "Plan, apply, wait by phases and smoke-test the endpoint."),
        "rollback": ("infra.cli.rollout", "Give the requests back to the deployment that served before."),
        "adopt": ("infra.cli.rollout", "Take over an endpoint that exists."),
        "down": ("infra.cli.provision", "Remove what the stack owns, nothing else."),
    },
    "Use": {
        "status": ("infra.cli.status", "Show the state of the endpoint and what serves it."),
        "logs": ("infra.cli.logs", "Show a container's log, or follow it."),
        "chat": ("infra.cli.chat", "Chat with the model in the terminal."),
        "connect": ("infra.cli.connect", "Print base URL and key for any OpenAI client."),
    },
    "Manage": {
        "token": ("infra.cli.token_commands", "The Hugging Face token in its workspace connection."),
        "catalog": ("infra.cli.catalog", "The model's card in the catalog, and from when it shows."),
        "emulator": ("infra.cli.emulator", "The emulator on its own, for other tools."),
        "explain": ("infra.cli.explain", "What an error code of Azure means, and what to do."),
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


class LazyCommands(MutableMapping[str, Any]):
    """The commands by name; a module is imported when one of its commands is looked up."""

    def __init__(self) -> None:
        self.loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self.loaded:
            module = importlib.import_module(MODULES[name])
            self.loaded |= typer.main.get_group(module.app).commands
        return self.loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in MODULES

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)

    def __setitem__(self, name: str, command: Any) -> None:
        self.loaded[name] = command

    def __delitem__(self, name: str) -> None:
        raise TypeError("the commands are fixed")


class RootGroup(Group):
    """`gatelift` itself: help by sections, commands imported when they are called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = LazyCommands()

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the command list from the map above."""
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(8), summary) for name, (_, summary) in commands.items()])


def show_version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        from infra.cli.version import version  # importlib.metadata costs a tenth of the start-up

        typer.echo(f"gatelift {version()}")
        raise typer.Exit


app = new_app(cls=RootGroup, epilog=EXAMPLES, add_completion=True)


@app.callback()
def gatelift(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Run Hugging Face models, gated ones above all, with vLLM on Azure Machine Learning.

    One YAML file names a model and where it should run. `gatelift up` turns it into a working, secured endpoint;
    `gatelift up --local` does the very same on this machine, without Azure.
    """

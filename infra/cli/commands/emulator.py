"""`gatelift emulator …`: the emulator on its own."""

from pathlib import Path
from typing import Any

import click

from infra.cli.commands.emulator_faults import fault
from infra.cli.input.emulator_state import running, state_folder, state_option
from infra.cli.input.portal import portal_json
from infra.cli.terminal.invocation import PATH, Group, Integer, Invocation, command
from infra.emulator import launcher
from infra.emulator.launcher import EmulatorProfile
from infra.errors import GateliftError

EPILOG = """\b
Examples:
  gatelift emulator start
  gatelift emulator start --port 0 --state /tmp/azure --seed seed.json --output json
  export HF_TOKEN=$(gatelift emulator token)
  gatelift emulator fault add --method PUT --path onlineEndpoints --status 429 --header "Retry-After: 1" --times 2
  gatelift emulator stop
"""
app = Group()
emulator = Group("emulator", help="The emulator on its own, for other tools.", epilog=EPILOG)
app.add_command(emulator)


@command(emulator, name="start")
@state_option
@click.option("--port", type=Integer(0, 65535), default=0, help="Port of the resource manager; 0: any free one.")
@click.option("--seed", type=PATH, metavar="FILE", help="JSON: workspaces, quota, Hub users and repositories.")
@click.option("--foreground", is_flag=True, help="Stay, and end with Ctrl-C.")
def start(call: Invocation, state: Path | None, port: int, seed: Path | None, foreground: bool) -> None:
    """Start the emulator and return when it is ready.

    A second start with the same state returns the running one. It lives on after this command, until `emulator stop`;
    its state outlives it, and the next start brings its deployments back.
    """
    folder = state_folder(call, state)
    if seed and not seed.is_file():
        raise GateliftError(f"--seed {seed}: no such file", code="file_error")
    launcher.start(folder, port=port, seed=seed, foreground=foreground, on_ready=lambda profile: show(call, profile))


@command(emulator, name="stop")
@state_option
def stop(call: Invocation, state: Path | None) -> None:
    """Stop the emulator and every process it started; its state stays."""
    stopped = launcher.stop(state_folder(call, state))
    call.out.document({"stopped": stopped})
    call.out.data("stopped" if stopped else "none was running")


@command(emulator, name="status")
@state_option
def status(call: Invocation, state: Path | None) -> None:
    """Show where the emulator listens; exit code 1 if none runs."""
    show(call, running(call, state))


@command(emulator, name="token")
@state_option
def token(call: Invocation, state: Path | None) -> None:
    """Print the demo user's Hub token, good for nothing but this emulator."""
    answer = portal_json(running(call, state).portal, "token")
    if "token" not in answer:
        raise GateliftError(
            "this emulator has no demo user: its seed names its own",
            hint="use a token of the seed",
            code="no_demo_user",
        )
    call.out.document(answer)
    call.out.data(answer["token"])


@command(emulator, name="inspect")
@state_option
def inspect(call: Invocation, state: Path | None) -> None:
    """List the resources it holds; with --output json their documents, none of which has a secret."""
    documents = portal_json(running(call, state).portal, "resources")
    call.out.document(documents)
    for document in documents:
        provisioned = (document.get("properties") or {}).get("provisioningState", "")
        call.out.data(f"{document['id']}  {provisioned}".rstrip())


@command(emulator, name="reset")
@state_option
def reset(call: Invocation, state: Path | None) -> None:
    """Stop the emulator and forget everything it knew: the next start begins anew."""
    folder = state_folder(call, state)
    call.confirm(f"Forget everything in {folder}?", otherwise="nothing was removed")
    removed = launcher.reset(folder)
    call.out.document({"removed": removed})
    call.out.data("reset" if removed else "there was nothing")


emulator.add_command(fault)


def show(call: Invocation, profile: EmulatorProfile) -> None:
    """Where everything is; for people with the lines that aim other tools at it."""
    document: dict[str, Any] = profile.to_json()
    call.out.document(document)
    for key, value in document.items():
        call.out.data(f"{key:<18}  {value}")
    call.out.data("\n# for tools that use the Azure SDKs and the Hugging Face Hub")
    for name, value in exports(profile).items():
        call.out.data(f"export {name}={value}")


def exports(profile: EmulatorProfile) -> dict[str, str]:
    """The environment variables that aim unmodified tools at this emulator."""
    return {
        "REQUESTS_CA_BUNDLE": str(profile.ca_bundle),
        "SSL_CERT_FILE": str(profile.ca_bundle),
        "IDENTITY_ENDPOINT": profile.identity_endpoint,
        "IDENTITY_HEADER": "gatelift",
        "HF_ENDPOINT": profile.hub,
    }

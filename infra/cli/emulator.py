"""`gatelift emulator …`: the emulator on its own."""

from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.emulator_faults import add_fault_commands
from infra.cli.emulator_state import State, running, state_folder
from infra.cli.invocation import Invocation, command, group, new_app
from infra.cli.portal import portal_json
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
app = new_app()
emulator = group("emulator", "The emulator on its own, for other tools.", app, epilog=EPILOG)
add_fault_commands(emulator)


@command(emulator, name="start")
def start(
    call: Invocation,
    state: State = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the resource manager; 0: any free one.")] = 0,
    seed: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON: workspaces, quota, Hub users and repositories.")
    ] = None,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay, and end with Ctrl-C.")] = False,
) -> None:
    """Start the emulator and return when it is ready.

    A second start with the same state returns the running one. It lives on after this command, until `emulator stop`;
    its state outlives it, and the next start brings its deployments back.
    """
    folder = state_folder(call, state)
    if seed and not seed.is_file():
        raise GateliftError(f"--seed {seed}: no such file", code="file_error")
    launcher.start(folder, port=port, seed=seed, foreground=foreground, on_ready=lambda profile: show(call, profile))


@command(emulator, name="stop")
def stop(call: Invocation, state: State = None) -> None:
    """Stop the emulator and every process it started; its state stays."""
    stopped = launcher.stop(state_folder(call, state))
    call.out.document({"stopped": stopped})
    call.out.data("stopped" if stopped else "none was running")


@command(emulator, name="status")
def status(call: Invocation, state: State = None) -> None:
    """Show where the emulator listens; exit code 1 if none runs."""
    show(call, running(call, state))


@command(emulator, name="token")
def token(call: Invocation, state: State = None) -> None:
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
def inspect(call: Invocation, state: State = None) -> None:
    """List the resources it holds; with --output json their documents, none of which has a secret."""
    documents = portal_json(running(call, state).portal, "resources")
    call.out.document(documents)
    for document in documents:
        provisioned = (document.get("properties") or {}).get("provisioningState", "")
        call.out.data(f"{document['id']}  {provisioned}".rstrip())


@command(emulator, name="reset")
def reset(call: Invocation, state: State = None) -> None:
    """Stop the emulator and forget everything it knew: the next start begins anew."""
    folder = state_folder(call, state)
    call.confirm(f"Forget everything in {folder}?", otherwise="nothing was removed")
    removed = launcher.reset(folder)
    call.out.document({"removed": removed})
    call.out.data("reset" if removed else "there was nothing")


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

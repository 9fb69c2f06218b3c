"""`gatelift emulator …`: runs the emulator on its own."""

from pathlib import Path
from typing import Any

import click

from infra.cli.emulator.faults import fault
from infra.cli.emulator.running import running_emulator, running_portal, state_folder, state_option
from infra.cli.terminal.invocation import PATH, Group, Integer, Invocation, command
from infra.emulator import launcher
from infra.emulator.launcher import EmulatorProfile
from infra.errors import GateliftError
from infra.redaction import SEEN

EPILOG = """\b
Examples:
  gatelift emulator start
  gatelift emulator start --port 0 --state /tmp/azure --seed seed.json --output json
  export HF_TOKEN=$(gatelift emulator token)
  gatelift emulator fault add --method PUT --path onlineEndpoints --status 429 --header "Retry-After: 1" --times 2
  gatelift emulator stop
"""
# For requests and azure-core; for Python's ssl, aiohttp, httpx, Go and OpenSSL; for curl; for Node.js.
CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
app = Group()
emulator = Group("emulator", help="Run the emulator on its own, for other tools.", epilog=EPILOG)
app.add_command(emulator)


@command(emulator, name="start")
@state_option
@click.option("--port", type=Integer(0, 65535), default=0, help="Port of Resource Manager; 0 takes a free one.")
@click.option("--seed", type=PATH, metavar="FILE", help="JSON file with workspaces, quota, Hub users and repositories.")
@click.option("--foreground", is_flag=True, help="Stay in the foreground until Ctrl-C.")
def start(call: Invocation, state: Path | None, port: int, seed: Path | None, foreground: bool) -> None:
    """Start the emulator and return when it is ready.

    It keeps running in the background until `emulator stop`. One that already runs with this state folder is left as it
    is. The state is kept when the emulator stops: the next start brings its deployments back.
    """
    folder = state_folder(call, state)
    if seed and not seed.is_file():
        raise GateliftError(f"--seed {seed}: no such file", code="file_error")
    launcher.start(folder, port=port, seed=seed, foreground=foreground, on_ready=lambda profile: show(call, profile))


@command(emulator, name="stop")
@state_option
def stop(call: Invocation, state: Path | None) -> None:
    """Stop the emulator and every process that it started; its state is kept."""
    stopped = launcher.stop(state_folder(call, state))
    call.out.document({"stopped": stopped})
    call.out.data("stopped" if stopped else "no emulator was running")


@command(emulator, name="status")
@state_option
def status(call: Invocation, state: Path | None) -> None:
    """Show where the emulator listens; exits with 1 if it is not running."""
    show(call, running_emulator(call, state))


@command(emulator, name="token")
@state_option
def token(call: Invocation, state: Path | None) -> None:
    """Print the demo user's Hub token, which is valid in this emulator only."""
    answer = running_portal(call, state).get("token")
    if "token" not in answer:
        raise GateliftError(
            "this emulator has no demo user, because its seed file defines other users",
            hint="use a token from the seed file",
            code="no_demo_user",
        )
    call.out.document(answer, secret=True)
    call.out.data(answer["token"], secret=True)


@command(emulator, name="inspect")
@state_option
def inspect(call: Invocation, state: Path | None) -> None:
    """List the emulator's resources; with --output json as documents without secrets."""
    resources = running_portal(call, state).get("resources")
    SEEN.learn_document(resources)
    call.out.document({"resources": SEEN.redact_all(resources, quoted=True)})
    for resource in resources:
        provisioning_state = (resource.get("properties") or {}).get("provisioningState", "")
        call.out.data(f"{resource['id']}  {provisioning_state}".rstrip())


@command(emulator, name="reset")
@state_option
def reset(call: Invocation, state: Path | None) -> None:
    """Stop the emulator and delete its state."""
    folder = state_folder(call, state)
    call.confirm(f"Delete the emulator's state in {folder}?", otherwise="nothing was removed")
    removed = launcher.reset(folder)
    call.out.document({"removed": removed})
    call.out.data("state deleted" if removed else "there was no state to delete")


emulator.add_command(fault)


def show(call: Invocation, profile: EmulatorProfile) -> None:
    """Print its addresses; for people also the lines that make other tools use it."""
    document: dict[str, Any] = profile.to_json()
    call.out.document({**document, "environment": exports(profile)})
    for key, value in document.items():
        call.out.data(f"{key:<18}  {value}")
    call.out.data("\n# for tools that use the Azure SDKs or the Hugging Face Hub")
    for name, value in exports(profile).items():
        call.out.data(f"export {name}={value}")


def exports(profile: EmulatorProfile) -> dict[str, str]:
    """The environment variables that make unmodified tools use this emulator."""
    return {
        **dict.fromkeys(CA_VARIABLES, str(profile.ca_bundle)),
        "NO_PROXY": "127.0.0.1,localhost,::1",
        "IDENTITY_ENDPOINT": profile.identity_endpoint,
        "IDENTITY_HEADER": "gatelift",
        "HF_ENDPOINT": profile.hub,
    }

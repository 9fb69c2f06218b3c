"""`gatelift doctor`: prints the result of every check in `infra/operations/doctor`."""

from pathlib import Path

import click

from infra.cli.input.token import token_fd_option, token_if_needed
from infra.cli.terminal.invocation import Group, Invocation, command, spec_argument
from infra.cli.terminal.style import Painter
from infra.operations.doctor.run import run_checks
from infra.operations.doctor.verdicts import Check, Verdict

app = Group()

CHECK_FAILED = 1
SIGNS = {Verdict.OK: ("ok", "green"), Verdict.WARN: ("warn", "yellow"), Verdict.FAIL: ("FAIL", "red")}
EPILOG = """\b
Checks the spec, the login, the workspace, your role, the quota, the endpoint's name, the token's connection; the model:
its files, its disk, the token's access to it, and whether a file can be downloaded from here. With --local vLLM, the
weights and the emulator instead of login and role.
Exits with 1 if a check failed; a warning is not a failure.
\b
Examples:
  gatelift doctor gatelift.yaml
  HF_TOKEN=… gatelift doctor gatelift.yaml --output json
"""


@command(app, name="doctor", epilog=EPILOG)
@spec_argument
@token_fd_option
def doctor(call: Invocation, spec: Path, token_fd: int | None) -> None:
    """Check everything that `up` needs, without creating anything."""
    token = token_if_needed(token_fd, call.environ)
    checks = []
    for check in run_checks(spec, local=call.local, token=token, environ=call.environ, tell=call.out.message):
        checks.append(check)
        call.out.data(check_text(check, call.out.paint))
    failed = sum(check.verdict is Verdict.FAIL for check in checks)
    call.out.document({"ok": not failed, "checks": [check.to_json() for check in checks]})
    if failed:
        call.out.data(f"\n{failed} of {len(checks)} checks failed")
        raise click.exceptions.Exit(CHECK_FAILED)


def check_text(check: Check, paint: Painter) -> str:
    """One check in a line, and below it how to fix what is wrong."""
    sign, colour = SIGNS[check.verdict]
    fix = f"\n      {'':<14}fix: {check.fix}" if check.fix and check.verdict is not Verdict.OK else ""
    return f"{paint(f'{sign:<4}', colour)}  {check.name:<14}{check.detail}{fix}"

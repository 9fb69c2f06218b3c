"""`gatelift explain`: what an error code means, without a look into Azure's documents."""

from typing import Any

import click

from infra.azure.diagnosis import explain as explanation
from infra.azure.diagnosis import known_codes
from infra.azure.diagnosis_table import TSG
from infra.cli.terminal.invocation import Group, Invocation, command
from infra.errors import NotFound

app = Group()

EPILOG = """\b
Examples:
  gatelift explain                        every code there is
  gatelift explain SecretsInjectionError
"""


@command(app, name="explain", epilog=EPILOG)
@click.argument("code", required=False, help="A code as Azure or gatelift shows it; all are listed if left out.")
def explain(call: Invocation, code: str | None) -> None:
    """What an error code of Azure means, and what to do.

    Each cause with its way out; where a code has several, the words of the message tell which one it is.
    """
    if code is None:
        call.out.document({"codes": known_codes()})
        call.out.data("\n".join(known_codes()))
        return
    found = explanation(code)
    if found is None:
        hint = "`gatelift explain` lists the codes; Azure's own list: https://aka.ms/oe-tsg"
        raise NotFound(f"the code {code!r} is not known here", hint=hint, code="unknown_code")
    causes: list[dict[str, Any]] = [
        {"cause": one.cause, "hint": one.hint, "told_by": list(one.words)} for one in found.causes
    ]
    call.out.document({"code": found.code, "causes": causes, "see": TSG})
    call.out.data(call.out.paint(found.code, "bold"))
    for one in causes:
        told = f"  (the message says: {', '.join(one['told_by'])})" if one["told_by"] else ""
        call.out.data(f"\ncause  {one['cause']}{told}\nhint   {one['hint']}")
    call.out.data(f"\nAzure's own page: {TSG}")

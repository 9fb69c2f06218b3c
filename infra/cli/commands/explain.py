"""`gatelift explain`: explains an error code of Azure."""

from typing import Any

import click

from infra.azure.diagnosis.errors import explain as explanation
from infra.azure.diagnosis.errors import known_codes
from infra.azure.diagnosis.table import page_of
from infra.cli.terminal.invocation import Group, Invocation, command
from infra.errors import NotFound

app = Group()

EPILOG = """\b
Examples:
  gatelift explain                        lists all known codes
  gatelift explain SecretsInjectionError
  gatelift explain "Not enough quota available for Standard_NC24ads_A100_v4 …"
"""


@command(app, name="explain", epilog=EPILOG)
@click.argument(
    "code", required=False, help="The code or the text of an error; if omitted, all known codes are listed."
)
def explain(call: Invocation, code: str | None) -> None:
    """Explain an error code of Azure, and what to do about it.

    Takes the text of an error message, too, if it is put in quotes. Shows each possible cause with its remedy. Where
    there are several, the text of the error message tells which one applies.
    """
    if code is None:
        call.out.document({"codes": known_codes()})
        call.out.data("\n".join(known_codes()))
        return
    found = explanation(code)
    if found is None:
        hint = f"`gatelift explain` lists the known codes; Azure's own words are at {page_of(code)}"
        raise NotFound(
            f"{'the code' if code.isalnum() else 'the text'} {code!r} is not known to gatelift",
            hint=hint,
            code="unknown_code",
        )
    causes: list[dict[str, Any]] = [
        {"cause": one.cause, "hint": one.hint, "message_contains": list(one.words)} for one in found.causes
    ]
    call.out.document({"code": found.code, "causes": causes, "see": page_of(found.code)})
    call.out.data(call.out.paint(found.code, "bold"))
    for one in causes:
        words = f"  (the message says: {', '.join(one['message_contains'])})" if one["message_contains"] else ""
        call.out.data(f"\ncause  {one['cause']}{words}\nhint   {one['hint']}")
    call.out.data(f"\nAzure's documentation: {page_of(found.code)}")

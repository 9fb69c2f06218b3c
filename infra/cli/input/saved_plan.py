"""Plans on disk: what `plan --out` writes and `up --plan` reads."""

import json
import os
import stat
from pathlib import Path
from typing import Any

from infra.errors import GateliftError
from infra.planning.plan import Action, Change, FieldChange, Plan
from infra.redaction import SEEN

VERSION = 1
WRITES_ONE = "`gatelift plan SPEC --out FILE` writes one"


class BadPlanFile(GateliftError):
    """The file is not a plan that this version can apply."""

    code = "bad_plan_file"


def write_plan(plan: Plan, file: Path) -> None:
    """Write the plan as JSON; each change also has a fingerprint of the live state that it was made against."""
    document = {"version": VERSION, **plan.to_json()}
    for written, change in zip(document["changes"], plan.changes, strict=True):
        written["planned_against"] = change.planned_against
    try:
        write_private(file, json.dumps(SEEN.redact_all(document), indent=2) + "\n")
    except OSError as error:
        raise GateliftError(
            f"{file} cannot be written: {error.strerror}", hint="choose another file with --out", code="file_error"
        ) from None


def write_private(file: Path, text: str) -> None:
    """Write a file that nobody else may read, also where it was there and was readable."""
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):  # not of `/dev/stdout` or a pipe
            os.fchmod(stream.fileno(), 0o600)
        stream.write(text)


def read_plan(file: Path) -> Plan:
    """Read what `write_plan` wrote; raises BadPlanFile for anything else."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadPlanFile(f"{file} is not a saved plan: {error}", hint=WRITES_ONE) from None
    except RecursionError:
        raise BadPlanFile(f"{file} is not a saved plan: nested too deeply", hint=WRITES_ONE) from None
    try:
        if document["version"] != VERSION:
            message = f"{file} has plan version {document['version']}, this gatelift reads {VERSION}"
            raise BadPlanFile(message, hint=WRITES_ONE)
        return Plan(document["stack"], tuple(read_change(change) for change in document["changes"]))
    except KeyError as error:
        raise BadPlanFile(f"{file} is not a saved plan: {error} is missing", hint=WRITES_ONE) from None
    except TypeError:
        raise BadPlanFile(f"{file} is not a saved plan: its parts have the wrong types", hint=WRITES_ONE) from None
    except ValueError as error:
        raise BadPlanFile(f"{file} is not a saved plan: {error}", hint=WRITES_ONE) from None


def read_change(document: dict[str, Any]) -> Change:
    """One change of a saved plan."""
    return Change(
        action=Action(str(document["action"])),
        kind=str(document["kind"]),
        name=str(document["name"]),
        reason=str(document["reason"]),
        diff=tuple(FieldChange(d["path"], d["before"], d["after"], d["forces_replace"]) for d in document["diff"]),
        planned_against=str(document["planned_against"]),
    )

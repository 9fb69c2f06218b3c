"""Runs `llm-comply`, as it is, against a server: `python -m tests.scoring.compliance NAME=http://…/v1 …`.

Prints a line of a Markdown table for each server; the model is `scripted-deepseek-r`, see `tests/scripted_model.py`,
unless COMPLIANCE_MODEL names another.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CHAT, RESPONSES = "openai-chat", "open-responses"
MODEL = "scripted-deepseek-r"  # the tool takes what is called so for a model that reasons


def comply(url: str, form: str, model: str = MODEL) -> dict[str, list[str]]:
    """Return the tests of the tool by their names, each with what is wrong; warnings of those that pass begin so."""
    command = [Path(sys.executable).with_name("llm-comply"), "-u", url, "-k", "unused", "-m", model]
    ran = subprocess.run([*command, "--format", form, "--json"], capture_output=True, text=True, timeout=600)
    assert ran.stdout, ran.stderr
    return {one["id"]: _wrong(one) for one in json.loads(ran.stdout)["results"]}


def _wrong(result: Mapping[str, Any]) -> list[str]:
    if result["status"] == "passed":
        return [f"warning: {one}" for one in result.get("warnings", ())]
    return list(result.get("errors", ())) or [result["status"]]


def passes(wrong: list[str]) -> bool:
    """Whether the tool says so: there are warnings at most."""
    return all(one.startswith("warning: ") for one in wrong)


def main(arguments: list[str]) -> None:
    """Print the table."""
    sys.stdout.write("| server | Open Responses | chat |\n| --- | --- | --- |\n")
    for argument in arguments:
        name, _, url = argument.partition("=")
        runs = [comply(url, form, os.environ.get("COMPLIANCE_MODEL", MODEL)) for form in (RESPONSES, CHAT)]
        passed = [f"{sum(map(passes, run.values()))} of {len(run)}" for run in runs]
        sys.stdout.write(f"| {name} | {' | '.join(passed)} |\n")
        for test, wrong in (pair for run in runs for pair in run.items() if pair[1]):
            sys.stderr.write(f"  {test}: {'; '.join(wrong)[:200]}\n")


if __name__ == "__main__":
    main(sys.argv[1:])

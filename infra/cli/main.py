"""The entry point: parses, runs the command, and turns any error into a message and an exit code, in one place."""

import os
import re
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from types import FrameType
from typing import Any

import click

from infra.cli.app import app
from infra.cli.input.secrets_guard import refuse_secrets
from infra.cli.terminal.output import Output, OutputClosed, OutputFormat
from infra.errors import GateliftError
from infra.hub.token_places import NEEDY, tokens_elsewhere
from infra.redaction import SEEN, RedactedStream, redact_quoted, told

REPORT_AT = "https://github.com/gatelift/gatelift/issues"
# Two arguments in a row: `--output json`, `--output=json`, `-o json`, `-ojson`, or after other short flags: `-yo json`.
JSON_WANTED = re.compile(r"(--output[ =]|-[a-z]*o ?)json( |$)")
FAILED, WRONG_USAGE, OUTPUT_CLOSED = 1, 2, 128 + signal.SIGPIPE
NO_ANSWER = GateliftError("no answer, so nothing was done", hint="answer the question, or add --yes", code="declined")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    open_closed_streams()
    out = Output(OutputFormat.JSON if wants_json(arguments) else OutputFormat.TEXT)
    with redacted_streams():
        try:
            return run(arguments, out)
        except OutputClosed:
            return OUTPUT_CLOSED
        except GateliftError as error:  # what went wrong could not be written to stdout
            return report_error(Output(OutputFormat.TEXT), error)


def run(arguments: list[str], out: Output) -> int:
    """Run the command line, report how it ended, and return its exit code."""
    try:
        refuse_secrets(arguments, os.environ)
        with stoppable() as stopped_by:
            code = app.main(arguments, prog_name="gatelift", standalone_mode=False)
        return report_interruption(out, stopped_by[0], arguments) if stopped_by else int(code or 0)
    except GateliftError as error:
        return report_error(out, error)
    except click.ClickException as error:
        return report_usage(out, error, arguments)
    except click.Abort:
        return report_error(out, NO_ANSWER)
    except OutputClosed:
        raise
    except Exception as error:
        return report_unexpected(out, error)


def open_closed_streams() -> None:
    """Replace a closed stream (`>&-`) by the null device, before a file that is opened gets its descriptor number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


@contextmanager
def redacted_streams() -> Iterator[None]:
    """Let everything that this run writes pass the redaction, whoever writes it."""
    SEEN.clear()
    SEEN.learn_environment(os.environ)
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = RedactedStream(sys.stdout), RedactedStream(sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether the arguments ask for JSON; errors in parsing them must be reported as JSON, too."""
    return any(JSON_WANTED.match(f"{argument} {value}") for argument, value in pairwise([*arguments, ""]))


@contextmanager
def stoppable() -> Iterator[list[int]]:
    """Turn the first SIGINT or SIGTERM into a KeyboardInterrupt and add it to the list; exit at once on the second."""
    stopped_by: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if stopped_by:
            os._exit(128 + number)
        stopped_by.append(number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped_by
    except (KeyboardInterrupt, click.Abort) as error:
        if isinstance(error.__cause__, EOFError):  # Click makes an Abort of an input that ends, too
            raise
        if not stopped_by:
            stopped_by.append(signal.SIGINT)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def report_error(out: Output, error: GateliftError, exit_code: int = FAILED) -> int:
    """Print the error to stderr, after the log lines that it carries; in JSON mode also as an object to stdout."""
    found = error_object(error)
    for line in found["log"]:
        out.message(out.paint_stderr(f"  {line}", "dim"))
    from_service = bool(error.request_id or error.cause)
    code = f"{error.code}: " if from_service and error.code not in found["message"] else ""
    request_id = f" (request id {error.request_id})" if error.request_id else ""
    out.message(f"{out.paint_stderr('error:', 'red', 'bold')} {code}{found['message']}{request_id}")
    if "cause" in found:
        out.message(f"{out.paint_stderr('cause:', 'yellow')} {found['cause']}")
    if found["hint"]:
        out.message()
        out.hint(found["hint"])
    out.document({"error": found})
    return exit_code


def error_object(error: GateliftError) -> dict[str, Any]:
    """`{"code", "message", "hint", "cause"?, "log", "request_id"}`."""
    hint = error.hint
    if error.code in NEEDY and (elsewhere := tokens_elsewhere(os.environ)):
        hint = f"{hint}; {elsewhere}" if hint else elsewhere
    found: dict[str, Any] = {"code": error.code, "message": told(error), "hint": hint}
    found |= {"cause": error.cause} if error.cause else {}
    return found | {"log": [redact_quoted(line) for line in error.log], "request_id": error.request_id}


def report_usage(out: Output, error: click.ClickException, arguments: Sequence[str]) -> int:
    """Say what is wrong with the arguments, and how to see the right ones."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "gatelift"
    message = error.format_message()
    if path.startswith("gatelift token") and "extra argument" in message:
        message = "the command takes one argument, the spec; a token is never an argument"
    usage = GateliftError(message.rstrip("."), hint=f"`{path} --help` shows the arguments", code="usage")
    # `plan --detailed-exitcode` keeps 2 for "there are changes", so a mistyped option must not look like them.
    plan = arguments[:1] == ["plan"] and any(argument.startswith("--detailed-exitcode") for argument in arguments)
    return report_error(out, usage, FAILED if plan else WRONG_USAGE)


def report_interruption(out: Output, number: int, arguments: Sequence[str]) -> int:
    """Say that the command was stopped, in one line: Ctrl-C is also how a followed log or a conversation ends."""
    message = f"stopped by {signal.Signals(number).name}"
    for command in (["up"], ["down"], ["park"], ["wake"], ["token", "rotate"]):
        if arguments[: len(command)] == command:
            message += f"; nothing is lost: run `{shlex.join(['gatelift', *arguments])}` again to continue"
    out.message(message)
    out.document({"error": error_object(GateliftError(message, code="interrupted"))})
    return 128 + number


def report_unexpected(out: Output, error: Exception) -> int:
    """Report an error that nobody expected in one line; the traceback only on request."""
    if os.environ.get("GATELIFT_DEBUG"):
        import traceback  # rarely needed, and slow to import

        out.message("".join(traceback.format_exception(error)), end="")
    cause = " ".join(str(error).split())
    message = f"unexpected {type(error).__name__}{': ' if cause else ''}{cause}"
    hint = f"GATELIFT_DEBUG=1 shows the traceback; please report it with that at {REPORT_AT}"
    return report_error(out, GateliftError(message, hint=hint, code="unexpected"))


if __name__ == "__main__":
    sys.exit(main())

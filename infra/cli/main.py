"""The entry point: parse, run, and turn whatever happened into words and an exit code, once."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from types import FrameType
from typing import Any

import click

from infra.cli.app import app
from infra.cli.input.secrets_guard import redact, refuse_secrets
from infra.cli.terminal.output import Output, OutputClosed, OutputFormat
from infra.errors import GateliftError

REPORT_AT = "https://github.com/gatelift/gatelift/issues"
FAILED, WRONG_USAGE, OUTPUT_CLOSED = 1, 2, 128 + signal.SIGPIPE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    open_closed_streams()
    out = Output(OutputFormat.JSON if wants_json(arguments) else OutputFormat.TEXT)
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
        return report(out, "no answer, so nothing was done", hint="answer the question, or add --yes", code="declined")
    except OutputClosed:
        return OUTPUT_CLOSED
    except Exception as error:
        return report_unexpected(out, error)


def open_closed_streams() -> None:
    """Put nothing in the place of a stream that is closed (`>&-`), before a file that is opened takes its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether the arguments ask for JSON, read before (and without) parsing them."""
    return any(
        argument in {"--output=json", "-ojson"} or (argument in {"--output", "-o"} and value == "json")
        for argument, value in pairwise([*arguments, ""])
    )


@contextmanager
def stoppable() -> Iterator[list[int]]:
    """Make the first SIGINT or SIGTERM a KeyboardInterrupt, noted in the list, and the second one the end."""
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


def report(out: Output, message: str, *, hint: str, code: str, cause: str = "", exit_code: int = FAILED) -> int:
    """Say what went wrong and the way out, on stderr; a program reads the same as JSON on stdout."""
    message, hint = redact(message, os.environ), redact(hint, os.environ)
    out.talk(f"{out.paint_talk('error:', 'red', 'bold')} {message}")
    if cause:
        out.talk(f"{out.paint_talk('cause:', 'yellow')} {cause}")
    if hint:
        out.talk()
        out.hint(hint)
    error: dict[str, Any] = {"code": code, "message": message, "hint": hint} | ({"cause": cause} if cause else {})
    out.document({"error": error})
    return exit_code


def report_error(out: Output, error: GateliftError) -> int:
    """Report a deliberate error with the log lines and the request id that it carries."""
    for line in error.log:
        out.talk(out.paint_talk(f"  {redact(line, os.environ)}", "dim"))
    azures = bool(error.request_id or error.cause)
    message = f"{error.code}: {error}" if azures and error.code not in str(error) else str(error)
    message += f" (request id {error.request_id})" if error.request_id else ""
    return report(out, message, hint=error.hint, code=error.code, cause=error.cause)


def report_usage(out: Output, error: click.ClickException, arguments: Sequence[str]) -> int:
    """Say what is wrong with the arguments, and where the right ones are written."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "gatelift"
    message = error.format_message()
    if path.startswith("gatelift token") and "extra argument" in message:
        message = "the command takes one argument, the spec; a token is never an argument"
    # `plan --detailed-exitcode` keeps 2 for "there are changes", so a mistyped option must not look like them.
    plan = arguments[:1] == ["plan"] and any(argument.startswith("--detailed-exitcode") for argument in arguments)
    return report(
        out,
        message.rstrip("."),
        hint=f"`{path} --help` shows the arguments",
        code="usage",
        exit_code=FAILED if plan else WRONG_USAGE,
    )


def report_interruption(out: Output, number: int, arguments: Sequence[str]) -> int:
    """Say that it was stopped, and that this breaks nothing; Ctrl-C is how a log or a chat ends anyway."""
    message = f"stopped by {signal.Signals(number).name}"
    for command in (["up"], ["down"], ["token", "rotate"]):
        if arguments[: len(command)] == command:
            message += f"; nothing is lost: `gatelift {' '.join(command)}` goes on from here when it is run again"
    out.talk(message)
    out.document({"error": {"code": "interrupted", "message": message, "hint": ""}})
    return 128 + number


def report_unexpected(out: Output, error: Exception) -> int:
    """One line for what nobody foresaw; the traceback only on request."""
    if os.environ.get("GATELIFT_DEBUG"):
        import traceback  # rarely needed, and slow to import

        out.talk(redact("".join(traceback.format_exception(error)), os.environ), end="")
    cause = " ".join(str(error).split())
    return report(
        out,
        f"unexpected {type(error).__name__}{': ' if cause else ''}{cause}",
        hint=f"GATELIFT_DEBUG=1 shows the traceback; please report it with that at {REPORT_AT}",
        code="unexpected",
    )


if __name__ == "__main__":
    sys.exit(main())

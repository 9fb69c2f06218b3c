"""`gatelift chat`: one question to the model, or a conversation with it."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from infra.cli.input.stack import open_stack
from infra.cli.terminal.invocation import DEFAULT_SPEC, Group, Integer, Invocation, Number, command, spec_argument
from infra.cli.terminal.style import without_control_characters
from infra.errors import GateliftError
from infra.operations.chat import Answer, ChatClient
from infra.operations.connect import connect
from infra.resources.scaling.parked import parked_error

app = Group()

SPEC_SUFFIXES = (".yaml", ".yml", ".json")
EPILOG = """\b
Examples:
  gatelift chat gatelift.yaml                                   a conversation; Ctrl-D ends it
  gatelift chat "What is the capital of France?"                with the spec gatelift.yaml
  gatelift chat other.yaml "What is the capital of France?"
  git diff | gatelift chat gatelift.yaml --system "Write a commit message"
"""


@command(app, name="chat", epilog=EPILOG)
@spec_argument
@click.argument(
    "message",
    required=False,
    help="The message; read from standard input if omitted. On a terminal a conversation begins.",
)
@click.option("--system", help="The system message.")
@click.option("--max-tokens", type=Integer(min=1), metavar="N", help="Maximum length of the answer in tokens.")
@click.option(
    "--temperature", type=Number(0, 2), help="Sampling temperature; with 0 the answer is the same every time."
)
def chat(
    call: Invocation,
    spec: Path,
    message: str | None,
    system: str | None,
    max_tokens: int | None,
    temperature: float | None,
) -> None:
    """Chat with the model in the terminal.

    With a message as an argument or on standard input the model answers once: the answer goes to stdout, its reasoning
    (if the model shows it) to stderr. Without one a conversation begins.
    """
    spec, message = spec_and_message(spec, message)
    question = one_question(message)
    if question is None and call.out.is_json:
        raise GateliftError(
            "a conversation cannot be one JSON object",
            hint="pass the message as an argument or on standard input",
            code="message_missing",
        )
    stack, target = open_stack(call, spec)
    messages = [{"role": "system", "content": system}] if system else []
    info = connect(stack, target)
    if info.parked:
        raise parked_error(stack.name, info.parked)
    with ChatClient(info, max_tokens=max_tokens, temperature=temperature) as client:
        if question is None:
            converse(call, client, messages)
            return
        answer = ask(call, client, [*messages, {"role": "user", "content": question}])
    call.out.document(answer.to_json())


def spec_and_message(spec: Path, message: str | None) -> tuple[Path, str | None]:
    """The spec and the message: one argument alone that is no file, and is not named like one, is the message."""
    if message is not None or spec.exists() or spec.suffix in SPEC_SUFFIXES:
        return spec, message
    return DEFAULT_SPEC, str(spec)


def one_question(message: str | None) -> str | None:
    """The question from the argument or from standard input; None if a conversation is wanted."""
    if message is None and sys.stdin.isatty():
        return None
    text = (sys.stdin.read() if message in (None, "-") else message or "").strip()
    if not text:
        raise GateliftError(
            "the message is empty",
            hint='use `gatelift chat SPEC "…"`, or pipe the message in',
            code="message_missing",
        )
    return text


def converse(call: Invocation, client: ChatClient, messages: list[dict[str, str]]) -> None:
    """Read a message and print the answer, again and again until the input ends."""
    with suppress(ImportError):
        import readline  # noqa: F401  (makes input() editable; optional, and it writes to the terminal when imported)
    call.out.message(f"{client.model}  (Ctrl-D ends)")
    while (question := read_line(call)) is not None:
        if not question:
            continue
        try:
            answer = ask(call, client, [*messages, {"role": "user", "content": question}])
        except GateliftError as error:
            call.out.message(f"{call.out.paint_stderr('error:', 'red', 'bold')} {error}\n")
            continue
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer.content}]


def read_line(call: Invocation) -> str | None:
    """The next line that is typed; None at the end of the input."""
    try:
        return input("\n> ").strip()
    except EOFError:
        call.out.message()
        return None


def ask(call: Invocation, client: ChatClient, messages: list[dict[str, Any]]) -> Answer:
    """Print one answer as it comes, and return it as a whole."""
    thinking = False
    for kind, text in client.stream(messages):
        shown = without_control_characters(text)
        if kind == "reasoning":
            thinking = True
            call.out.message(call.out.paint_stderr(shown, "dim"), end="")
            continue
        if thinking:
            thinking = False
            call.out.message("\n")
        call.out.data(shown, end="")
    call.out.data()
    answer = client.answer
    if answer.finish_reason == "length":
        call.out.warn("the answer was cut off at the token limit (--max-tokens or the model's context length)")
    return answer

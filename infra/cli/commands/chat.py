"""`gatelift chat`: one question or a conversation with the endpoint, in the terminal."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from infra.cli.input.stack import open_stack
from infra.cli.terminal.invocation import Group, Integer, Invocation, Number, command, spec_argument
from infra.cli.terminal.style import without_control_characters
from infra.errors import GateliftError
from infra.operations.chat import Answer, ChatClient
from infra.operations.connect import connect

app = Group()

EPILOG = """\b
Examples:
  gatelift chat gatelift.yaml                                   a conversation; Ctrl-D ends it
  gatelift chat gatelift.yaml "What is the capital of France?"
  git diff | gatelift chat gatelift.yaml --system "Write a commit message"
"""


@command(app, name="chat", epilog=EPILOG)
@spec_argument
@click.argument("message", required=False, help="What to ask; from standard input, or asked for, if left out.")
@click.option("--system", help="What the model should be told first.")
@click.option("--max-tokens", type=Integer(min=1), metavar="N", help="The longest answer, in tokens.")
@click.option("--temperature", type=Number(0, 2), help="0 answers the same each time.")
def chat(
    call: Invocation,
    spec: Path,
    message: str | None,
    system: str | None,
    max_tokens: int | None,
    temperature: float | None,
) -> None:
    """Chat with the model in the terminal.

    With a message, or one on standard input, it answers once: the answer on stdout, the model's reasoning (if it shows
    any) dimmed on stderr. Otherwise it holds a conversation.
    """
    question = one_question(message)
    if question is None and call.out.is_json:
        raise GateliftError("a conversation is no JSON document", hint="give the message as an argument or on stdin")
    stack, target = open_stack(call, spec)
    messages = [{"role": "system", "content": system}] if system else []
    with ChatClient(connect(stack, target), max_tokens=max_tokens, temperature=temperature) as client:
        if question is None:
            converse(call, client, messages)
            return
        answer = ask(call, client, [*messages, {"role": "user", "content": question}])
    call.out.document(answer.to_json())


def one_question(message: str | None) -> str | None:
    """The question from the argument or from standard input; None if there is a person to ask."""
    if message is None and sys.stdin.isatty():
        return None
    text = (sys.stdin.read() if message in (None, "-") else message or "").strip()
    if not text:
        raise GateliftError(
            "there is nothing to ask: the message is empty",
            hint='`gatelift chat SPEC "…"`, or pipe the message in',
            code="empty_message",
        )
    return text


def converse(call: Invocation, client: ChatClient, messages: list[dict[str, str]]) -> None:
    """Ask for a message, answer it, again and again until the input ends."""
    with suppress(ImportError):
        import readline  # noqa: F401  (optional, and it writes to the terminal when imported; input() edits with it)
    call.out.talk(f"{client.model}  (Ctrl-D ends)")
    while (question := read_line(call)) is not None:
        if not question:
            continue
        try:
            answer = ask(call, client, [*messages, {"role": "user", "content": question}])
        except GateliftError as error:
            call.out.talk(f"{call.out.paint_talk('error:', 'red', 'bold')} {error}\n")
            continue
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer.content}]


def read_line(call: Invocation) -> str | None:
    """The next line that the person types; None when there is no more."""
    try:
        return input("\n> ").strip()
    except EOFError:
        call.out.talk()
        return None


def ask(call: Invocation, client: ChatClient, messages: list[dict[str, Any]]) -> Answer:
    """Stream one answer to the terminal and return it whole."""
    thinking = False
    for kind, text in client.stream(messages):
        shown = without_control_characters(text)
        if kind == "reasoning":
            thinking = True
            call.out.talk(call.out.paint_talk(shown, "dim"), end="")
            continue
        if thinking:
            thinking = False
            call.out.talk("\n")
        call.out.data(shown, end="")
    call.out.data()
    answer = client.answer
    if answer.finish_reason == "length":
        call.out.warn("the answer was cut at the token limit (--max-tokens, or the model's context)")
    return answer

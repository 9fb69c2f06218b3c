"""Reads tool calls in the form of Hermes and Qwen alike in streams and in whole answers.

vLLM's parser cuts a call at a `</tool_call>` within a string argument (vllm#45167), tells a wrong name where
`arguments` come before `name` in a stream (vllm#5649), encodes arguments twice that are a string already (vllm#54964,
vllm#25729), tells a call without `arguments` as text (vllm#28806, vllm#11392), and loses in a stream what it tells as
text in a whole answer: text between the tags that is no call, an open tag, the beginning of a tag at the end.
Not mended upstream as of 0.33.
"""

import importlib
from argparse import Namespace
from collections.abc import Iterable
from typing import Any

from scoring.engine.repairs.hermes.tagged_calls import Call, CallReader, Piece, Text

VLLMS = "Hermes2ProToolParser"


def install(vllm: Any, parsed: Namespace) -> None:
    """Register ours under the name that is asked for, if that is vLLM's parser for this form or one made from it."""
    name = parsed.tool_call_parser
    parser = vllm.tool_parsers.get_tool_parser(name) if name else None
    if parser is not None and any(kind.__name__ == VLLMS for kind in parser.__mro__):
        vllm.tool_parsers.register_module(name, module=parser_class(parser))


def parser_class(base: Any) -> Any:
    """Return vLLM's parser with another way of reading."""
    protocol = importlib.import_module("vllm.entrypoints.generate.base.protocol")
    make_id = importlib.import_module("vllm.renderers.chat_utils").make_tool_call_id

    class HermesToolParser(base):  # type: ignore[misc]
        engine_based_streaming = True  # has vLLM call `finish_streaming`, and keep no text for us

        def __init__(self, tokenizer: Any, tools: Any = None) -> None:
            super().__init__(tokenizer, tools)
            self._reader = self._new_reader()

        def extract_tool_calls(self, model_output: str, request: Any) -> Any:
            if request.tool_choice == "none":
                return protocol.ExtractedToolCallInformation(
                    tools_called=False, tool_calls=[], content=model_output or None
                )
            reader = self._new_reader()
            content, calls = _collected([*reader.feed(model_output), *reader.finish()])
            return protocol.ExtractedToolCallInformation(
                tools_called=bool(calls),
                tool_calls=[
                    protocol.ToolCall(type="function", function=protocol.FunctionCall(name=name, arguments=arguments))
                    for name, arguments in calls
                ],
                content=content or None,
            )

        def extract_tool_calls_streaming(
            self, previous_text: str, current_text: str, delta_text: str, *arguments: Any, **named: Any
        ) -> Any:
            request = named.get("request") or arguments[-1]
            if request.tool_choice == "none":
                return protocol.DeltaMessage(content=delta_text) if delta_text else None
            first = self._reader.calls
            return self._message(self._reader.feed(delta_text), first)

        def finish_streaming(self) -> Any:
            return self._message(self._reader.finish(), self._reader.calls)

        def _new_reader(self) -> CallReader:
            return CallReader(self.tool_call_start_token, self.tool_call_end_token)

        def _message(self, pieces: list[Piece], calls: int) -> Any:
            """Say the pieces as vLLM's message, where so many calls have begun before them."""
            deltas: list[Any] = []
            texts = ""
            for piece in pieces:
                if isinstance(piece, Text):
                    texts += piece.text
                elif isinstance(piece, Call):
                    calls += 1
                    function = protocol.DeltaFunctionCall(name=piece.name, arguments="")
                    deltas.append(
                        protocol.DeltaToolCall(index=calls - 1, type="function", id=make_id(), function=function)
                    )
                elif deltas and deltas[-1].index == calls - 1:
                    deltas[-1].function.arguments += piece.text
                else:
                    function = protocol.DeltaFunctionCall(arguments=piece.text)
                    deltas.append(protocol.DeltaToolCall(index=calls - 1, function=function))
            if not texts and not deltas:
                return None
            message = protocol.DeltaMessage(content=texts) if texts else protocol.DeltaMessage()
            if deltas:
                message.tool_calls = deltas
            return message

    return HermesToolParser


def _collected(pieces: Iterable[Piece]) -> tuple[str, list[tuple[str, str]]]:
    """Return the text of an answer, and name and arguments of its calls."""
    texts: list[str] = []
    calls: list[tuple[str, list[str]]] = []
    for piece in pieces:
        if isinstance(piece, Text):
            texts.append(piece.text)
        elif isinstance(piece, Call):
            calls.append((piece.name, []))
        else:
            calls[-1][1].append(piece.text)
    return "".join(texts), [(name, "".join(arguments)) for name, arguments in calls]

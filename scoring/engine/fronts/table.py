"""Which front answers a request: vLLM's Rust front, unless a row here sends it to vLLM's Python app."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

RELAYED = frozenset({"/v1/chat/completions", "/v1/completions"})
BOTH = ("0.32", "0.33")


@dataclass(frozen=True)
class FrontFacts:
    """What the choice depends on besides the request; `version` is vLLM's, as "0.32"."""

    version: str
    max_model_len: int
    tool_parser: str | None = None
    reasoning_parser: str | None = None
    multimodal: bool = False


Applies = Callable[[str, Mapping[str, Any], FrontFacts], bool]


@dataclass(frozen=True)
class Row:
    """Requests that vLLM's Python app answers; only those with one of `members` in their body are looked at."""

    name: str
    reason: str
    members: tuple[str, ...]
    applies: Applies
    test: str
    versions: tuple[str, ...] = BOTH


def python_row(path: str, document: Mapping[str, Any], facts: FrontFacts) -> Row | None:
    """Return the row that sends a checked request to the Python app, or None: the Rust front answers."""
    if path not in RELAYED:
        return NOT_RELAYED
    rows_of = INDEX.get(facts.version)
    if rows_of is None:
        return UNKNOWN_VERSION
    for member in document:
        for row in rows_of.get(member, ()):
            if row.applies(path, document, facts):
                return row
    return None


def _always(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    return True


def _given(*members: str) -> Applies:
    def applies(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
        return any(document.get(member) is not None for member in members)

    return applies


def _several(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    return document.get("n") not in (None, 1) or document.get("use_beam_search") not in (None, False)


def _no_text_prompt(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    return not isinstance(document["prompt"], str)


def _unusual_messages(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    messages = document["messages"]
    return not isinstance(messages, list) or any(_is_unusual(message) for message in messages)


def _is_unusual(message: Any) -> bool:
    if not isinstance(message, dict):
        return True
    content = message.get("content")
    if isinstance(content, list):
        return not all(isinstance(part, dict) and part.get("type") == "text" for part in content)
    return False


def _response_format(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    wanted = document["response_format"]
    return wanted is not None and not (isinstance(wanted, dict) and wanted.get("type") == "text")


def _tool_choice(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    return document["tool_choice"] not in (None, "auto", "none")


def _unusual_tools(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    tools = document["tools"]
    if tools is None:
        return False
    return not isinstance(tools, list) or not tools or any(_is_strict(tool) for tool in tools)


def _is_strict(tool: Any) -> bool:
    function = tool.get("function") if isinstance(tool, dict) else None
    return not isinstance(function, dict) or bool(function.get("strict"))


def _beyond_context(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    for member in ("max_tokens", "max_completion_tokens"):
        most = document.get(member)
        if most is not None and (type(most) is not int or most > facts.max_model_len):
            return True
    return False


NOT_RELAYED = Row("another path", "vllm-rs has no such route, or not all of it.", (), _always, "test_table")
UNKNOWN_VERSION = Row("unknown version", "Nobody has compared the fronts of this vLLM.", (), _always, "test_table")
ROWS: tuple[Row, ...] = (
    Row(
        "several answers",
        "vllm-rs makes one answer to one prompt.",
        ("n", "use_beam_search"),
        _several,
        "test_answers",
    ),
    Row(
        "structured outputs",
        "Invalid ones and `choice` end in a 500, and what a backend cannot enforce is not refused.",
        ("structured_outputs",),
        _given("structured_outputs"),
        "test_answers",
    ),
    Row(
        "response format",
        "An invalid schema ends in a 500, and what a backend cannot enforce is not refused.",
        ("response_format",),
        _response_format,
        "test_answers",
    ),
    Row("no text prompt", "vllm-rs takes one text.", ("prompt",), _no_text_prompt, "test_answers"),
    Row(
        "content that is no text",
        "vllm-rs cannot be given the hosts that media may come from.",
        ("messages",),
        _unusual_messages,
        "test_answers",
    ),
    Row(
        "bound tool choice",
        "A call that is cut off at `max_tokens` is told differently.",
        ("tool_choice",),
        _tool_choice,
        "test_answers",
    ),
    Row(
        "strict tools",
        "Their schemas bind the answer; none at all is refused.",
        ("tools",),
        _unusual_tools,
        "test_answers",
    ),
    Row(
        "more tokens than the context has",
        "vllm-rs cuts the number, vLLM's Python front refuses it.",
        ("max_tokens", "max_completion_tokens"),
        _beyond_context,
        "test_answers",
    ),
    Row(
        "members that vllm-rs lacks",
        "They are refused, ignored or trusted.",
        (
            "chat_template",
            "thinking_token_budget",
            "prompt_embeds",
            "mm_processor_kwargs",
            "media_io_kwargs",
            "documents",
        ),
        _given(
            "chat_template",
            "thinking_token_budget",
            "prompt_embeds",
            "mm_processor_kwargs",
            "media_io_kwargs",
            "documents",
        ),
        "test_answers",
    ),
)


def _index(version: str) -> dict[str, tuple[Row, ...]]:
    held = [row for row in ROWS if version in row.versions]
    names = {member for row in held for member in row.members}
    return {name: tuple(row for row in held if name in row.members) for name in names}


INDEX = {version: _index(version) for version in BOTH}


@dataclass(frozen=True)
class ServerRow:
    """Arguments of a server with which vllm-rs is not started."""

    name: str
    reason: str
    arguments: tuple[str, ...]  # by vLLM's own names; given a value other than None, False or empty


SERVER_ROWS: tuple[ServerRow, ...] = (
    ServerRow("traces", "vllm-rs sends no spans.", ("otlp_traces_endpoint",)),
    ServerRow(
        "plugins",
        "vllm-rs loads no Python.",
        ("tool_parser_plugin", "reasoning_parser_plugin", "logits_processors", "middleware"),
    ),
    ServerRow("defaults of one's own", "vllm-rs does not know them.", ("override_generation_config",)),
)

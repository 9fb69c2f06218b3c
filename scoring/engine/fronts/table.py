"""Which front answers a request: vLLM's Rust front, unless a row here sends it to vLLM's Python app.

What the Rust front refuses is asked of the Python app again, so a row is needed only where it would answer otherwise
than the Python app; members that nobody has compared go to the Python app, too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
RELAYED = frozenset({CHAT, COMPLETIONS})
BOTH = ("0.32", "0.33")

# Members that both fronts read alike, or both pass over, whatever their value; what is wrong the Rust front refuses.
ALIKE = (
    *("model", "stop", "stop_token_ids", "logit_bias", "parallel_tool_calls"),
    *("user", "metadata", "service_tier", "store", "safety_identifier", "prompt_cache_key"),
)
PENALTIES = ("presence_penalty", "frequency_penalty", "repetition_penalty")
NUMBERS = ("temperature", "top_p", "top_k", "min_p", "seed", "min_tokens", *PENALTIES)
BOOLEANS = ("stream", "ignore_eos", "skip_special_tokens", "include_stop_str_in_output")
ROLES = frozenset({"system", "user", "assistant"})
PLAIN_MESSAGE = 2  # members: role and content


@dataclass(frozen=True)
class FrontFacts:
    """What the choice depends on besides the request; `version` is vLLM's, as "0.32"."""

    version: str
    max_model_len: int
    reasoning_parser: str | None = None
    multimodal: bool = False
    adapters: frozenset[str] = frozenset()


Applies = Callable[[str, Mapping[str, Any], FrontFacts], bool]


@dataclass(frozen=True)
class Row:
    """Requests that vLLM's Python app answers; only those with one of `members` in their body are looked at.

    `test` is the file that proves it; the row holds for `versions` of vLLM.
    """

    name: str
    reason: str
    members: tuple[str, ...]
    applies: Applies
    test: str = "tests/scoring/served/fronts/test_answers.py"
    versions: tuple[str, ...] = BOTH


@dataclass(frozen=True)
class ServerRow:
    """Arguments of vLLM, by its own names, with which the Rust front is not started at all."""

    name: str
    reason: str
    arguments: tuple[str, ...]


def python_row(path: str, document: Mapping[str, Any], facts: FrontFacts) -> Row | None:
    """Return the row that sends a checked request to the Python app, or None: the Rust front answers."""
    if path not in RELAYED:
        return OTHER_PATH
    rows_of = INDEX.get(facts.version)
    if rows_of is None:
        return OTHER_VERSION
    for member in document:
        rows = rows_of.get(member)
        if rows is None:
            return OTHER_MEMBER
        for row in rows:
            if row.applies(path, document, facts):
                return row
    return None


def _always(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    return True


def _given(member: str) -> Applies:
    return lambda path, document, facts: document[member] is not None


def _several(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    return type(document["n"]) is not int or document["n"] != 1


def _no_numbers(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    return not all(
        type(value) in (int, float) or (value is None and name != "min_tokens")
        for name, value in document.items()
        if name in NUMBERS
    )


def _no_booleans(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    return not all(type(document[name]) is bool for name in BOOLEANS if name in document)


def _no_text(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    return path == COMPLETIONS and not isinstance(document["prompt"], str)


def _reasoning(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    return path == CHAT and facts.reasoning_parser is not None


def _multimodal(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    return path == CHAT and facts.multimodal


def _adapter(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    return isinstance(document["model"], str) and document["model"] in facts.adapters


def _unusual_messages(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    messages = document["messages"]
    if not isinstance(messages, list):
        return True
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            return True
        content = message.get("content")
        if not isinstance(content, str) and not _is_one_text(content):
            return True
        if len(message) != PLAIN_MESSAGE and not _says_no_more(message):
            return True
    return False


def _is_one_text(content: Any) -> bool:
    if not isinstance(content, list) or len(content) != 1 or not isinstance(content[0], dict):
        return False
    return content[0].get("type") == "text" and isinstance(content[0].get("text"), str)


def _says_no_more(message: Mapping[str, Any]) -> bool:
    """Tell whether a message has only empty members besides, as clients send answers back."""
    return all(name in ("role", "content") or value is None or value == [] for name, value in message.items())


def _response_format(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    return document["response_format"] not in (None, {"type": "text"})


def _tool_choice(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    return document["tool_choice"] not in (None, "none")


def _beyond_context(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    for member in ("max_tokens", "max_completion_tokens"):
        most = document.get(member)
        if most is not None and (type(most) is not int or most > facts.max_model_len):
            return True
    return False


def _logprobs(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    return path == COMPLETIONS or type(document.get("logprobs")) is not bool


def _stream_options(path: str, document: Mapping[str, Any], facts: FrontFacts) -> bool:
    options = document["stream_options"]
    return not isinstance(options, dict) or any(
        name != "include_usage" or type(value) is not bool for name, value in options.items()
    )


OTHER_PATH = Row("another route", "The Rust front has no such route, or not all of it.", (), _always)
OTHER_VERSION = Row("another version of vLLM", "Nobody has compared its fronts.", (), _always)
OTHER_MEMBER = Row(
    "any other member",
    "The Rust front does not know it, reads it otherwise, or nobody has compared it: `echo`, `prompt_logprobs`,"
    " `return_token_ids`, `chat_template`, `chat_template_kwargs`, `continue_final_message`, `suffix`,"
    " `reasoning_effort`, `truncate_prompt_tokens`, `bad_words`, `priority`, `documents` …",
    (),
    _always,
)
ROWS: tuple[Row, ...] = (
    Row(
        "unusual messages",
        "Several parts are joined without a line break, media come from any host, other roles than `system`, `user` and"
        " `assistant` are rendered otherwise, and names and calls are read otherwise.",
        ("messages",),
        _unusual_messages,
    ),
    Row("prompts other than one text", "The Rust front takes one prompt.", ("prompt",), _no_text),
    Row(
        "tools",
        "Calls that are not quite well-formed lose their tags, their arguments or the text around them.",
        ("tools",),
        _given("tools"),
    ),
    Row(
        "a choice of tools",
        "It is refused, or a call that is cut off is told otherwise.",
        ("tool_choice",),
        _tool_choice,
    ),
    Row(
        "a server with a reasoning parser",
        "Where the prompt opens the reasoning, all of it is told as content; white space and stop strings differ.",
        ("messages",),
        _reasoning,
    ),
    Row(
        "a model that takes media",
        "Nobody has compared how the two fronts render its messages.",
        ("messages",),
        _multimodal,
    ),
    Row(
        "an adapter (LoRA)",
        "The Rust front 0.32 ends when it is given adapters: it has them loaded with a null that the engine refuses.",
        ("model",),
        _adapter,
        test="tests/scoring/served/fronts/test_adapters.py",
    ),
    Row(
        "`structured_outputs`",
        "A choice or an invalid grammar ends in a 500; what a backend cannot enforce is not refused.",
        ("structured_outputs",),
        _given("structured_outputs"),
    ),
    Row(
        "`response_format` other than text",
        "An invalid schema ends in a 500; what a backend cannot enforce is not refused.",
        ("response_format",),
        _response_format,
    ),
    Row(
        "log probabilities of completions",
        "More alternatives than wanted come when other requests want more.",
        ("logprobs", "top_logprobs"),
        _logprobs,
    ),
    Row("several answers", "The Rust front makes one.", ("n",), _several),
    Row(
        "more tokens than the context has",
        "The Rust front cuts the number, the Python app refuses it.",
        ("max_tokens", "max_completion_tokens"),
        _beyond_context,
    ),
    Row(
        "`stream_options` other than `include_usage`",
        "Their events differ.",
        ("stream_options",),
        _stream_options,
    ),
    Row(
        "no number where one belongs",
        "The Python app reads texts of digits, and refuses null for `min_tokens`.",
        NUMBERS,
        _no_numbers,
    ),
    Row("no true or false for a switch", "The Python app reads 1, 0 and words.", BOOLEANS, _no_booleans),
)
SERVER_ROWS: tuple[ServerRow, ...] = (
    ServerRow("traces", "the Rust front sends no spans", ("otlp_traces_endpoint",)),
    ServerRow(
        "plugins",
        "the Rust front loads no Python",
        ("tool_parser_plugin", "reasoning_parser_plugin", "logits_processors", "middleware"),
    ),
    ServerRow(
        "defaults for sampling",
        "the Rust front has no place for them",
        ("override_generation_config", "default_chat_template_kwargs"),
    ),
)


def _index(version: str) -> dict[str, tuple[Row, ...]]:
    held = [row for row in ROWS if version in row.versions]
    names = {*ALIKE, *(member for row in held for member in row.members)}
    return {name: tuple(row for row in held if name in row.members) for name in names}


INDEX = {version: _index(version) for version in BOTH}

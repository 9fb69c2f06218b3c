"""Members of a Responses request: what is taken and said again, and what is refused, by its place and in one line."""

from typing import Any

import pytest

from scoring.problems import Problem
from scoring.responses.events.machine import new_response
from scoring.responses.prompt.sealing import SealedTexts
from scoring.responses.request.request import Request, read_request
from tests.scoring.responses.checking import check_response

SEALING = SealedTexts(("a key of some length",))
SCHEMA = {"type": "object", "properties": {"a": {"type": "string", "default": None}}}
JSON_SCHEMA = {"type": "json_schema", "name": "thing", "schema": SCHEMA, "strict": True, "description": "A thing."}
NULLABLE = (
    *("background", "truncation", "store", "parallel_tool_calls", "tool_choice", "text", "reasoning", "include"),
    *("metadata", "temperature", "top_p", "service_tier", "max_tool_calls", "previous_response_id", "instructions"),
    *("tools", "prompt", "user", "stream_options", "top_logprobs", "max_output_tokens", "conversation", "stream"),
    *("safety_identifier", "prompt_cache_key", "presence_penalty", "frequency_penalty", "request_id", "seed", "n"),
)


def request_of(sealing: SealedTexts | None = SEALING, **members: Any) -> Request:
    return read_request({"model": "m", "input": "Hi", **members}, "m", sealing)


def said_of(**members: Any) -> dict[str, Any]:
    """Return what the response object repeats, which must make one by both documents."""
    said = request_of(**members).said
    check_response(new_response("resp_1", 1, said))
    return said


def refusal_of(**members: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        request_of(**members)
    problem = caught.value
    assert (problem.status, problem.kind) == (400, "invalid_request_error")
    assert "\n" not in problem.message
    assert len(problem.message) < 400
    return problem


@pytest.mark.parametrize("member", NULLABLE)
def test_null_is_as_if_it_were_not_given(member: str) -> None:
    given, absent = request_of(**{member: None}), request_of()
    assert said_of(**{member: None}) == absent.said
    assert (given.chat, given.stream, given.store, given.background) == (absent.chat, False, True, False)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        pytest.param({"model": ""}, {"model": "m"}, id="blank-model"),
        pytest.param({"model": None}, {"model": "m"}, id="null-model"),
        pytest.param({"temperature": 0}, {"temperature": 0}, id="temperature"),
        pytest.param({"top_p": 0.5}, {"top_p": 0.5}, id="top-p"),
        pytest.param({"max_output_tokens": 1}, {"max_output_tokens": 1}, id="one-token"),
        pytest.param({"max_output_tokens": 16.0}, {"max_output_tokens": 16}, id="a-whole-number-with-a-point"),
        pytest.param({"top_logprobs": 20}, {"top_logprobs": 20}, id="top-logprobs"),
        pytest.param({"max_tool_calls": 3}, {"max_tool_calls": 3}, id="max-tool-calls"),
        pytest.param({"metadata": {"k" * 64: "v" * 512}}, {"metadata": {"k" * 64: "v" * 512}}, id="metadata"),
        pytest.param({"instructions": ""}, {"instructions": ""}, id="no-instructions"),
        pytest.param({"store": False}, {"store": False}, id="not-stored"),
        pytest.param({"background": True}, {"background": True}, id="background"),
        pytest.param({"truncation": "auto"}, {"truncation": "auto"}, id="truncation"),
        pytest.param({"service_tier": "priority"}, {"service_tier": "default"}, id="the-only-tier"),
        pytest.param({"user": "u" * 64}, {"user": "u" * 64}, id="user"),
        pytest.param({"safety_identifier": "s"}, {"safety_identifier": "s"}, id="safety-identifier"),
        pytest.param({"prompt_cache_key": "p"}, {"prompt_cache_key": "p"}, id="prompt-cache-key"),
        pytest.param({"previous_response_id": "resp_0"}, {"previous_response_id": "resp_0"}, id="previous"),
        pytest.param({"conversation": "conv_1"}, {"conversation": {"id": "conv_1"}}, id="conversation"),
        pytest.param({"conversation": {"id": "conv_1"}}, {"conversation": {"id": "conv_1"}}, id="conversation-object"),
        pytest.param(
            {"reasoning": {"effort": "low", "generate_summary": "auto"}},
            {"reasoning": {"effort": "low", "summary": "auto"}},
            id="reasoning-in-old-words",
        ),
        pytest.param(
            {"reasoning": {"effort": "minimal"}}, {"reasoning": {"effort": "minimal", "summary": None}}, id="minimal"
        ),
        pytest.param({"reasoning": {"effort": "max"}}, {"reasoning": {"effort": "max", "summary": None}}, id="max"),
        pytest.param({"reasoning": {"effort": None}}, {"reasoning": {"effort": None, "summary": None}}, id="no-effort"),
        pytest.param(
            {"text": {"verbosity": "low"}}, {"text": {"format": {"type": "text"}, "verbosity": "low"}}, id="verbosity"
        ),
        pytest.param(
            {"text": {"format": None}}, {"text": {"format": {"type": "text"}, "verbosity": "medium"}}, id="no-format"
        ),
        pytest.param(
            {"text": {"format": {"type": "json_object"}}},
            {"text": {"format": {"type": "json_object"}, "verbosity": "medium"}},
            id="json-object",
        ),
        pytest.param(
            {"text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA, "strict": None}}},
            {
                "text": {
                    "format": {
                        "type": "json_schema",
                        "name": "a",
                        "description": None,
                        "schema": SCHEMA,
                        "strict": False,
                    },
                    "verbosity": "medium",
                }
            },
            id="json-schema-with-its-defaults",
        ),
    ],
)
def test_the_response_repeats_what_was_asked(members: dict[str, Any], said: dict[str, Any]) -> None:
    found = said_of(**members)
    assert {name: found[name] for name in said} == said


@pytest.mark.parametrize(
    ("members", "chat"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"max_output_tokens": 7}, {"max_completion_tokens": 7}, id="max-output-tokens"),
        pytest.param({"temperature": 0, "top_p": 1}, {"temperature": 0, "top_p": 1}, id="sampling"),
        pytest.param({"text": {"format": {"type": "text"}}}, {}, id="text"),
        pytest.param(
            {"text": {"format": {"type": "json_object"}}},
            {"response_format": {"type": "json_object"}},
            id="json-object",
        ),
        pytest.param(
            {"text": {"format": JSON_SCHEMA}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "thing", "schema": SCHEMA, "strict": True, "description": "A thing."},
                }
            },
            id="json-schema",
        ),
        pytest.param({"reasoning": {"effort": "none"}}, {"reasoning_effort": "none"}, id="no-reasoning"),
        pytest.param({"reasoning": {"summary": "auto"}}, {}, id="summary"),
        pytest.param(
            {"include": ["message.output_text.logprobs"], "top_logprobs": 2},
            {"logprobs": True, "top_logprobs": 2},
            id="log-probabilities",
        ),
        pytest.param(
            {"include": ["message.output_text.logprobs"]},
            {"logprobs": True, "top_logprobs": 0},
            id="the-chosen-ones-only",
        ),
        pytest.param({"top_logprobs": 2}, {}, id="log-probabilities-that-are-not-included"),
        pytest.param(
            {"include": ["file_search_call.results", "web_search_call.action.sources"]}, {}, id="about-hosted-tools"
        ),
        pytest.param(
            {"structured_outputs": {"choice": ["a"]}, "top_k": 3, "chat_template_kwargs": {"x": None}, "seed": None},
            {"structured_outputs": {"choice": ["a"]}, "top_k": 3, "chat_template_kwargs": {"x": None}},
            id="vllms-own",
        ),
        pytest.param({"user": "u", "metadata": {"a": "b"}, "store": True, "stream": True}, {}, id="not-the-engines"),
        pytest.param({"client_metadata": {"a": "b"}}, {}, id="what-codex-says-of-itself"),
    ],
)
def test_the_engine_is_asked_in_the_words_of_chat(members: dict[str, Any], chat: dict[str, Any]) -> None:
    assert request_of(**members).chat == chat


@pytest.mark.parametrize(
    ("members", "place", "words"),
    [
        pytest.param({"temperature": "hot"}, "temperature", 'a number from 0 to 2; "hot" was given', id="temperature"),
        pytest.param({"temperature": 2.1}, "temperature", "2.1 was given", id="too-hot"),
        pytest.param({"temperature": True}, "temperature", "true was given", id="true-is-no-number"),
        pytest.param({"top_p": 0}, "top_p", "above 0 and at most 1", id="top-p"),
        pytest.param({"presence_penalty": 3}, "presence_penalty", "-2 to 2", id="penalty"),
        pytest.param({"max_output_tokens": 0}, "max_output_tokens", "at least 1; 0 was given", id="no-tokens"),
        pytest.param({"max_output_tokens": -1}, "max_output_tokens", "at least 1; -1 was given", id="fewer"),
        pytest.param({"max_output_tokens": True}, "max_output_tokens", "true was given", id="true-tokens"),
        pytest.param({"max_output_tokens": "5"}, "max_output_tokens", '"5" was given', id="tokens-as-text"),
        pytest.param({"top_logprobs": 21}, "top_logprobs", "from 0 to 20; 21 was given", id="top-logprobs"),
        pytest.param({"top_logprobs": -1}, "top_logprobs", "from 0 to 20", id="all-logprobs"),
        pytest.param({"max_tool_calls": 0}, "max_tool_calls", "at least 1", id="max-tool-calls"),
        pytest.param({"max_tool_calls": "3"}, "max_tool_calls", '"3" was given', id="max-tool-calls-as-text"),
        pytest.param({"parallel_tool_calls": "no"}, "parallel_tool_calls", "true or false", id="parallel"),
        pytest.param({"stream": 1}, "stream", "true or false; 1 was given", id="stream"),
        pytest.param({"store": "no"}, "store", "true or false", id="store"),
        pytest.param({"background": []}, "background", "a list of 0 was given", id="background"),
        pytest.param({"background": True, "store": False}, "background", "needs store", id="background-unstored"),
        pytest.param(
            {"stream_options": {"include_obfuscation": 1}}, "stream_options.include_obfuscation", "true", id="so"
        ),
        pytest.param({"instructions": ["a"]}, "instructions", "a text", id="instructions"),
        pytest.param({"model": 1}, "model", "a text", id="model-number"),
        pytest.param({"input": None}, "input", "input is missing", id="no-input"),
        pytest.param({"input": []}, "input", "input is empty", id="empty-input"),
        pytest.param({"input": 5}, "input", "a text or a list of items; 5 was given", id="input"),
        pytest.param({"metadata": {str(n): "" for n in range(17)}}, "metadata", "at most 16", id="pairs"),
        pytest.param({"metadata": {"k" * 65: ""}}, "metadata", "65 characters", id="long-key"),
        pytest.param({"metadata": {"k": "v" * 513}}, "metadata.k", "one of 513 was given", id="long-value"),
        pytest.param({"metadata": {"k": 1}}, "metadata.k", "1 was given", id="value-that-is-no-text"),
        pytest.param({"metadata": "k"}, "metadata", "an object of texts", id="metadata"),
        pytest.param({"user": "u" * 65}, "user", "at most 64 characters; one of 65", id="user"),
        pytest.param({"safety_identifier": "u" * 65}, "safety_identifier", "one of 65", id="safety-identifier"),
        pytest.param({"prompt_cache_key": "u" * 65}, "prompt_cache_key", "one of 65", id="prompt-cache-key"),
        pytest.param({"include": ["x.y"]}, "include.0", 'unknown: "x.y"; known are message.output_text', id="include"),
        pytest.param({"include": "reasoning"}, "include", "a list of texts", id="include-as-text"),
        pytest.param({"text": {"format": {"type": "xml"}}}, "text.format.type", "text, json_object", id="format"),
        pytest.param({"text": {"format": {}}}, "text.format.type", "missing", id="format-without-type"),
        pytest.param({"text": {"format": {**JSON_SCHEMA, "name": None}}}, "text.format.name", "missing", id="no-name"),
        pytest.param({"text": {"format": {**JSON_SCHEMA, "name": "a b"}}}, "text.format.name", "letters", id="name"),
        pytest.param(
            {"text": {"format": {**JSON_SCHEMA, "schema": None}}}, "text.format.schema", "missing", id="schema"
        ),
        pytest.param(
            {"text": {"format": {**JSON_SCHEMA, "schema": "x"}}}, "text.format.schema", "schema", id="no-object"
        ),
        pytest.param({"text": {"format": {**JSON_SCHEMA, "strict": 1}}}, "text.format.strict", "true or", id="strict"),
        pytest.param(
            {"text": {"format": {"type": "json_schema", "json_schema": {}, "name": "a", "schema": {}}}},
            "text.format.json_schema",
            'no member "json_schema"',
            id="as-chat-says-it",
        ),
        pytest.param({"text": {"verbosity": "loud"}}, "text.verbosity", "low, medium or high", id="verbosity"),
        pytest.param({"text": "json"}, "text", "an object", id="text"),
        pytest.param({"reasoning": {"effort": "huge"}}, "reasoning.effort", '"huge" was given', id="effort"),
        pytest.param({"reasoning": {"efort": "low"}}, "reasoning.efort", 'no member "efort"', id="misspelt"),
        pytest.param({"reasoning": {"mode": "pro"}}, "reasoning.mode", "standard", id="mode"),
        pytest.param({"reasoning": {"summary": "long"}}, "reasoning.summary", "auto, concise or", id="summary"),
        pytest.param({"truncation": "middle"}, "truncation", "auto or disabled", id="truncation"),
        pytest.param({"service_tier": "gold"}, "service_tier", "priority", id="service-tier"),
        pytest.param({"prompt": {"id": "pmpt_1"}}, "prompt", "there are none here", id="stored-prompt"),
        pytest.param({"previous_response_id": 5}, "previous_response_id", "a text", id="previous"),
        pytest.param({"conversation": {}}, "conversation.id", "null was given", id="conversation-without-id"),
        pytest.param({"conversation": 5}, "conversation", "5 was given", id="conversation"),
        pytest.param(
            {"conversation": "c", "previous_response_id": "r"}, "conversation", "cannot be given together", id="both"
        ),
        pytest.param({"context_management": []}, "context_management", "/v1/responses/compact", id="compaction"),
        pytest.param({"moderation": {"model": "m"}}, "moderation", "not supported", id="moderation"),
        pytest.param({"request_id": "a/b"}, "request_id", "letters, digits, _ and -", id="response-id"),
        pytest.param({"request_id": "a" * 257}, "request_id", "1 to 256", id="long-response-id"),
        pytest.param({"messages": []}, "messages", "send input", id="messages"),
        pytest.param({"n": 2}, "n", "no member of a Responses request", id="several-answers"),
        pytest.param({"max_tokens": 5}, "max_tokens", "send max_output_tokens", id="max-tokens"),
        pytest.param({"response_format": {}}, "response_format", "send text.format", id="response-format"),
        pytest.param({"reasoning_effort": "low"}, "reasoning_effort", "send reasoning.effort", id="reasoning-effort"),
        pytest.param({"user": "x" * 100_000}, "user", "one of 100000", id="nobody-wants-it-back"),
    ],
)
def test_a_refusal_names_place_value_and_what_was_wanted(members: dict[str, Any], place: str, words: str) -> None:
    problem = refusal_of(**members)
    assert problem.param == place
    assert words in problem.message


def test_the_member_model_must_be_there() -> None:
    with pytest.raises(Problem, match="model is missing; it must be the name of the model served here, m") as caught:
        read_request({"input": "Hi"}, "m")
    assert (caught.value.status, caught.value.param) == (400, "model")


def test_reasoning_is_encrypted_only_with_a_key() -> None:
    include = ["reasoning.encrypted_content"]
    problem = refusal_of(sealing=None, include=include)
    assert (problem.param, "SCORING_RESPONSES_KEY" in problem.message) == ("include", True)
    assert request_of().seal is None
    seal = request_of(include=include).seal
    assert seal is not None
    assert SEALING.open(seal("why")) == "why"


@pytest.mark.parametrize("before", [{"previous_response_id": "r"}, {"conversation": "c"}])
def test_a_conversation_goes_on_without_new_input(before: dict[str, str]) -> None:
    assert request_of(**before, input=None).items == []
    assert request_of(**before, input=[]).items == []

"""Ceilings, admission and keys, with plain values."""

import json
from typing import Any

import pytest

from scoring.checks.body import parse_body
from scoring.checks.ceilings import check_ceilings, check_length, check_tokens, survey
from scoring.engine.modules import prepare_environment
from scoring.errors import BadSettings
from scoring.problems import Problem
from scoring.settings.limits import Limits, read_limits
from scoring.settings.settings import read_settings
from scoring.web.access import check_key, owner_of
from scoring.web.admission import Admission


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_admission_refuses_the_next_one_until_a_place_is_free() -> None:
    clock = Clock()
    gate = Admission(running=1, queued=1, clock=clock)
    first, second = gate.admitted(), gate.admitted()
    first.__enter__()
    second.__enter__()
    with pytest.raises(Problem) as caught:
        gate.check_room()
    assert caught.value.status == 429
    assert int(dict(caught.value.headers)[b"retry-after"]) >= 1
    clock.now = 30.0
    first.__exit__(None, None, None)
    gate.check_room()
    assert gate.inside == 1


def test_retry_after_grows_with_the_time_that_requests_take() -> None:
    clock = Clock()
    gate = Admission(running=1, queued=0, clock=clock)
    for _ in range(20):
        with gate.admitted():
            clock.now += 40
    with gate.admitted(), pytest.raises(Problem) as caught:
        gate.check_room()
    assert 20 <= int(dict(caught.value.headers)[b"retry-after"]) <= 60


@pytest.mark.parametrize("queued", [pytest.param(0, id="none"), pytest.param(5, id="five")])
def test_capacity_is_what_runs_and_what_waits(queued: int) -> None:
    assert Admission(running=3, queued=queued).capacity == 3 + queued


def scope(**headers: str) -> dict[str, object]:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "headers": pairs}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 401, id="none"),
        pytest.param({"authorization": "Bearer wrong"}, 401, id="wrong"),
        pytest.param({"authorization": "Basic key-one"}, 401, id="another-scheme"),
        pytest.param({"authorization": "Bearer"}, 401, id="empty"),
        pytest.param({"authorization": "Bearer key-one"}, 0, id="bearer"),
        pytest.param({"authorization": "bearer key-two"}, 0, id="second-key"),
        pytest.param({"api_key": "key-two"}, 0, id="api-key"),
    ],
)
def test_api_key(headers: dict[str, str], status: int) -> None:
    if not status:
        check_key(scope(**headers), ("key-one", "key-two"))
        return
    with pytest.raises(Problem) as caught:
        check_key(scope(**headers), ("key-one", "key-two"))
    assert caught.value.status == status


def test_keys_come_from_the_command_line_and_the_environment() -> None:
    settings = read_settings(["m", "--api-key", "a", "b", "--port", "1"], {"SCORING_API_KEY": "c"})
    assert settings.api_keys == ("a", "b", "c")
    assert "api_keys" not in repr(settings)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b'{"a": NaN}', 400, id="nan"),
        pytest.param(b'{"a": ' + b"[" * 65 + b"]" * 65 + b"}", 422, id="deep"),
        pytest.param(b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 422, id="very-deep"),
        pytest.param(b'{"a": "\xed\xa0\x80"}', 400, id="half-a-pair-in-bytes"),
    ],
)
def test_body_is_refused(body: bytes, status: int) -> None:
    with pytest.raises(Problem) as caught:
        parse_body(body, Limits())
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("body", "where"),
    [
        pytest.param(rb'{"stop": "\ud800"}', "stop", id="half-a-pair"),
        pytest.param(rb'{"stop": ["a", "b\uDFFFc"]}', "stop.1", id="half-a-pair-in-a-list"),
        pytest.param(rb'{"metadata": {"\ud800": 1}}', "metadata", id="half-a-pair-for-a-key"),
        pytest.param(rb'{"\ud800": 1}', None, id="half-a-pair-for-a-field"),
        pytest.param(rb'{"\ud800": "\ud800"}', None, id="half-a-pair-for-both"),
        pytest.param(b'{"temperature": 1e999}', "temperature", id="infinite"),
        pytest.param(b'{"top_k": 18446744073709551616}', "top_k", id="65-bits"),
        pytest.param(b'{"a": {"b": [-9223372036854775809]}}', "a.b.0", id="65-bits-below-zero"),
    ],
)
def test_what_the_engine_cannot_be_sent_is_refused(body: bytes, where: str | None) -> None:
    with pytest.raises(Problem) as caught:
        parse_body(body, Limits())
    assert (caught.value.status, caught.value.param) == (422, where)
    assert caught.value.message.isascii()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(rb'{"stop": "\ud83d\ude00 \\ud800"}', id="whole-pair"),
        pytest.param(b'{"top_k": 18446744073709551615, "seed": -9223372036854775808}', id="64-bits"),
        pytest.param('{"stop": "\u00fc"}'.encode("utf-16"), id="utf-16"),
    ],
)
def test_what_the_engine_can_be_sent_is_parsed(body: bytes) -> None:
    assert parse_body(body, Limits()) == json.loads(body)


@pytest.mark.parametrize(
    ("document", "refused"),
    [
        pytest.param({"n": 17}, True, id="number"),
        pytest.param({"n": "17"}, True, id="digits"),
        pytest.param({"n": " +1_7.0 "}, True, id="digits-as-pydantic-takes-them"),
        pytest.param({"top_logprobs": "21"}, True, id="digits-elsewhere"),
        pytest.param({"input": ["a"] * 2049}, True, id="texts-to-embed"),
        pytest.param({"tools": [{}] * 513}, True, id="tools"),
        pytest.param({"tools": [{}] * 512}, False, id="just-so-many-tools"),
        pytest.param({"input": [[1, 2]] * 2049}, True, id="lists-of-tokens-to-embed"),
        pytest.param({"input": [1] * 100_000}, False, id="one-list-of-tokens"),
        pytest.param({"input": ["a"] * 2048}, False, id="as-many-texts-as-allowed"),
        pytest.param({"input": [{"role": "user", "content": "a"}] * 2049}, False, id="messages-are-no-inputs"),
        pytest.param({"messages": [{"role": "user", "content": "a"}] * 8193}, True, id="messages"),
        pytest.param({"messages": [{"role": "user", "content": [{"text": "a"}] * 8192}]}, True, id="parts"),
        pytest.param({"messages": [{"role": "user", "content": ["a"] * 8192}]}, True, id="parts-without-a-type"),
        pytest.param({"input": [{"content": [{"text": "a"}] * 8192}]}, True, id="parts-of-a-response"),
        pytest.param({"messages": [{"content": [{"text": "a"}] * 8191}]}, False, id="as-many-parts-as-allowed"),
        pytest.param({"n": "16"}, False, id="as-many-as-allowed"),
        pytest.param({"n": "many"}, False, id="words-are-left-to-vllm"),
        pytest.param({"n": [17]}, False, id="lists-are-left-to-vllm"),
        pytest.param({"logprobs": True}, False, id="a-switch-is-no-number"),
    ],
)
def test_ceilings(document: dict[str, Any], refused: bool) -> None:
    if not refused:
        check_ceilings(document, survey(document), Limits(max_logprobs=0 if "logprobs" in document else 20))
        return
    with pytest.raises(Problem) as caught:
        check_ceilings(document, survey(document), Limits())
    assert caught.value.status == 422


def test_too_many_digits_are_said_to_be_so() -> None:
    with pytest.raises(Problem, match="not valid JSON: an integer has too many digits"):
        parse_body(b'{"a": ' + b"9" * 5000 + b"}", Limits())


def test_many_shallow_brackets_are_fine() -> None:
    assert parse_body(b'{"a": [' + b"{}," * 1000 + b"{}]}", Limits())


def test_media_are_found_wherever_a_message_hides_them() -> None:
    document = {
        "messages": [{"content": [{"image_url": {"url": "u1"}}, {"video_url": "u2"}]}],
        "input": [{"type": "message", "content": [{"type": "input_image", "image_url": "u3"}]}],
        "previous_input_messages": [{"content": [{"image_url": {"url": "u4"}}]}],
    }
    assert set(survey(document).media) == {"u1", "u2", "u3", "u4"}


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"messages": [[{"content": [{"image_url": {"url": "u"}}]}]]}, id="embeddings-of-conversations"),
        pytest.param({"input": {"content": [{"image_url": {"url": "u"}}]}}, id="embeddings-of-one-message"),
        pytest.param({"messages": [{"content": [{"video": {"image_url": {"url": "u"}}}]}]}, id="one-in-another"),
        pytest.param({"messages": [{"content": [{"image_url": [{"image_url": "u"}]}]}]}, id="in-a-list"),
    ],
)
def test_nested_media_are_found(document: dict[str, Any]) -> None:
    assert "u" in survey(document).media


def test_limits_are_read_from_the_environment() -> None:
    assert read_limits({"SCORING_MAX_N": "2"}).max_n == 2
    with pytest.raises(BadSettings, match="SCORING_MAX_N"):
        read_limits({"SCORING_MAX_N": "two"})


@pytest.mark.parametrize(
    ("document", "param"),
    [
        pytest.param({"max_tokens": 2049}, "max_tokens", id="chat"),
        pytest.param({"max_tokens": "2049"}, "max_tokens", id="digits"),
        pytest.param({"max_completion_tokens": 10**30}, "max_completion_tokens", id="huge"),
        pytest.param({"max_output_tokens": 4000}, "max_output_tokens", id="responses"),
        pytest.param({"max_tokens": 2048}, None, id="all-of-it"),
        pytest.param({"max_tokens": None}, None, id="not-given"),
    ],
)
def test_more_tokens_than_the_context_holds_are_refused(document: dict[str, Any], param: str | None) -> None:
    if param is None:
        check_length(document, 2048)
        return
    with pytest.raises(Problem, match="maximum context length is 2048 tokens") as caught:
        check_length(document, 2048)
    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize(
    ("document", "param"),
    [
        pytest.param({"prompt": [True]}, "prompt.0", id="for-a-prompt"),
        pytest.param({"prompt": ["a", False]}, "prompt.1", id="among-texts"),
        pytest.param({"prompt": [[1, True]]}, "prompt.0.1", id="among-tokens"),
        pytest.param({"input": [1, True]}, "input.1", id="to-embed"),
        pytest.param({"prompt": [0, 1]}, None, id="tokens"),
        pytest.param({"prompt": "true"}, None, id="text"),
        pytest.param({"input": [{"content": True}]}, None, id="elsewhere-it-is-left-to-vllm"),
    ],
)
def test_switches_are_no_tokens(document: dict[str, Any], param: str | None) -> None:
    if param is None:
        check_tokens(document)
        return
    with pytest.raises(Problem) as caught:
        check_tokens(document)
    assert (caught.value.status, caught.value.param) == (400, param)


def test_what_a_refusal_repeats_is_cut() -> None:
    problem = Problem(400, "m" * 10**6 + " is wrong", param="p" * 10**6, details={"loc": ["a" * 10**6] * 10**4})
    assert len(problem.message) <= 600
    assert problem.message.endswith(" is wrong")
    assert len(json.dumps([problem.param, problem.details])) < 10_000


def test_who_brings_one_key_is_one_owner_however_it_is_brought() -> None:
    keys = ("key-one", "key-two")
    brought = [{"api_key": "key-one"}, {"authorization": "Bearer key-one"}, {"authorization": "bearer  key-one "}]
    owners = {owner_of(scope(**headers), keys) for headers in brought}
    assert len(owners) == 1
    assert owner_of(scope(api_key="key-two"), keys) not in owners
    assert owner_of(scope(api_key="key-one"), ("key-one",)) in owners
    assert owner_of(scope(api_key="key-one"), ()) == ""


def test_vllms_own_app_does_not_ask_for_a_key_again() -> None:
    environ = {"VLLM_API_KEY": "key-one"}
    assert read_settings(["a/model"], environ).api_keys == ("key-one",)
    prepare_environment(environ)
    assert "VLLM_API_KEY" not in environ

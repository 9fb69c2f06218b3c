"""Prompts that are made at once: which ones, and that they are the prompts vLLM makes."""

import importlib
import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from scoring import inline_render
from scoring.inline_render import MOST_BYTES, is_small

WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
NO_IMAGE = "data:image/png;base64,iVBORw0KGgo="
USER = {"role": "user", "content": "Hi"}
SYSTEM = {"role": "system", "content": "Be brief. \U0001f98a"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"messages": [SYSTEM, {"role": "user", "content": "Hi"}]}, id="text"),
        pytest.param({"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]}, id="parts"),
        pytest.param({"messages": [{"role": "user", "content": "Weather?"}], "tools": [WEATHER]}, id="tools"),
        pytest.param(
            {
                "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "So"}],
                "add_generation_prompt": False,
                "continue_final_message": True,
            },
            id="continued",
        ),
        pytest.param({"messages": [SYSTEM], "truncate_prompt_tokens": 3}, id="cut-off"),
        pytest.param({"messages": [SYSTEM], "max_tokens": 4000}, id="too-many-tokens"),
        pytest.param(
            {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]}, id="no-ears"
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": NO_IMAGE}}]}]},
            id="no-eyes",
        ),
    ],
)
def test_a_prompt_is_the_same_whether_it_is_made_at_once_or_in_vllms_thread(chat_url: str, body: Any) -> None:
    answers = []
    for padding in (0, MOST_BYTES):
        sent = json.dumps({"max_tokens": 1, "temperature": 0, "return_token_ids": True, **body}) + " " * padding
        headers = {"content-type": "application/json"}
        answer = httpx.post(f"{chat_url}/v1/chat/completions", content=sent, headers=headers, timeout=60)
        told = answer.json()
        answers.append((answer.status_code, told.get("error"), told.get("prompt_token_ids"), told.get("usage")))
    assert answers[0] == answers[1]
    assert answers[0][1] or answers[0][2]


@pytest.mark.parametrize(
    ("fields", "size", "small"),
    [
        ({}, MOST_BYTES, True),
        ({}, MOST_BYTES + 1, False),
        ({"chat_template": "{% for i in range(10**9) %}{% endfor %}"}, 80, False),
        ({"chat_template_kwargs": {"chat_template": "{% for i in range(10**9) %}{% endfor %}"}}, 80, False),
        ({"chat_template_kwargs": {"times": 10**9}}, 80, False),
        ({"chat_template_kwargs": [10**9]}, 80, False),
        ({"chat_template_kwargs": {"enable_thinking": False, "date": "today"}}, 80, True),
        ({"chat_template_kwargs": None}, 80, True),
        ({"messages": [USER, {"role": "assistant", "content": None}, {"role": "tool", "content": "1"}]}, 80, True),
        ({"messages": [{"role": "user", "content": ["Hi", {"type": "text", "text": "Hi"}]}]}, 80, True),
        ({"messages": [USER, {"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]}, 80, False),
        ({"messages": [{"role": "user", "content": [{"image_url": "x"}]}]}, 80, False),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "", "image_url": "x"}]}]}, 80, False),
        ({"messages": [{"role": "user", "content": {"type": "prompt_embeds"}}]}, 80, False),
        ({"messages": "Hi"}, 80, False),
    ],
)
def test_only_prompts_that_are_made_in_no_time_are_made_at_once(fields: Any, size: int, small: bool) -> None:
    assert is_small({"messages": [USER], **fields}, size) is small


def test_while_vllms_thread_is_busy_nothing_is_made_beside_it() -> None:
    with ThreadPoolExecutor(1) as executor:
        pool = inline_render._Pool(executor)
        assert not pool.busy
        go_on = threading.Event()
        first = executor.submit(go_on.wait)
        second = executor.submit(int)
        assert pool.busy
        go_on.set()
        first.result(30)
        second.result(30)
        executor.submit(int).result(30)
    assert not pool.busy


def test_a_vllm_that_renders_otherwise_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    class Renderer:
        _executor = None
        model_config = SimpleNamespace(is_multimodal_model=False)

        def render_chat(self) -> None:
            """Do it some other way."""

        def render_chat_async(self) -> None:
            """Do it some other way."""

    caplog.set_level(logging.INFO)
    renderer = Renderer()
    assert not inline_render.install(renderer)
    assert not inline_render.install(object())
    assert not vars(renderer)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["[inline render] off"] * 2


def test_the_locked_vllm_is_known() -> None:
    hf: Any = pytest.importorskip("vllm.renderers.hf")
    tokenise = threading.Event()
    renderer: Any = object.__new__(hf.HfRenderer)  # its constructor wants a model's configuration
    renderer.model_config = SimpleNamespace(is_multimodal_model=False)
    renderer._executor = importlib.import_module("vllm.renderers.base")._SwappableExecutor(max_workers=1)
    renderer.render_chat = lambda *_: tokenise.set()
    renderer.tokenizer = SimpleNamespace(eos_token_id=2)
    assert inline_render.install(renderer)
    inline_render.small.set(True)
    with pytest.raises(StopIteration):  # done without waiting for anything
        renderer.render_chat_async([]).send(None)
    assert tokenise.is_set()
    renderer.tokenizer = None  # not asked again
    assert renderer.get_eos_token_id() == 2

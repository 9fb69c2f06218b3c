"""The smoke test: asks a running deployment one question, as any client would."""

import json
from collections.abc import Mapping
from typing import Any

from infra.azure.cloud import Cloud
from infra.clock import Clock
from infra.errors import NotReady, Refused
from infra.operations.connect import ConnectInfo
from infra.timeouts import Timeouts

QUESTION = "What is the capital of France?"
NO_CHAT = {"400", "404", "405", "422"}  # an embedding model, or one without a chat template, passes the test
RETRY_STATUSES = {401, 404, 424, 429, 502, 503, 504}


def smoke_test(info: ConnectInfo, cloud: Cloud, timeouts: Timeouts) -> str:
    """Ask one deployment and report this as a phase; returns the answer, raises what `ask` raises."""
    began = cloud.clock.now()
    cloud.reporter.phase_started("smoke test", info.deployment)
    text = ask(info, clock=cloud.clock, timeouts=timeouts)
    cloud.reporter.phase_finished("smoke test", info.deployment, cloud.clock.now() - began, "answered")
    return text


def ask(info: ConnectInfo, *, clock: Clock, timeouts: Timeouts) -> str:
    """The answer of `info.deployment` to a chat request, whatever its share of the traffic.

    Raises `Refused` for an answer that is not a chat completion, and `NotReady` where none comes within
    `timeouts.answer` seconds.
    """
    import httpx  # 0.3 s, only when something was applied

    headers = {"Authorization": f"Bearer {info.api_key}", "azureml-model-deployment": info.deployment}
    body = {
        "model": info.model,
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": 64,
        "temperature": 0,
    }
    longest = timeouts.answer
    deadline = clock.now() + longest
    retried = False
    while True:
        try:
            response = httpx.post(f"{info.base_url}/chat/completions", json=body, headers=headers, timeout=longest)
            if response.status_code == 200:
                return _text(response.text)
            inner = response.headers.get("ms-azureml-model-error-statuscode", "")
            if inner in NO_CHAT:
                return f"(the container is running, but answers chat requests with {inner}: this is not a chat model)"
            if response.status_code not in RETRY_STATUSES or clock.now() > deadline:
                raise _refused(response.status_code, response.headers, response.text)
        except httpx.TransportError as error:
            timed_out = isinstance(error, httpx.TimeoutException)  # one such answer may be an accident: ask once more
            if retried if timed_out else clock.now() > deadline:
                hint = "check the network between this machine and the endpoint; then try `gatelift chat`"
                raise NotReady(f"{info.base_url} does not answer: {error}", hint=hint, code="no_answer") from None
            retried = retried or timed_out
        clock.sleep(1)


def _text(body: str) -> str:
    try:
        message: Mapping[str, Any] = json.loads(body)["choices"][0]["message"]
        message.keys()
    except (ValueError, LookupError, TypeError, AttributeError):
        hint = "`gatelift logs` shows the container's log; the container may not be gatelift's"
        message_text = f"the endpoint answered 200, but not with a chat completion: {body[:500]}"
        raise Refused(message_text, hint=hint, code="smoke_test_failed") from None
    return str(message.get("content") or message.get("reasoning_content") or message.get("reasoning") or "").strip()


def _refused(status: int, headers: Mapping[str, str], text: str) -> Refused:
    inner = headers.get("ms-azureml-model-error-statuscode", "")
    message = f"the endpoint answered {status}" + (f" (the container {inner})" if inner else "")
    return Refused(
        f"{message}: {text[:500]}", hint="`gatelift logs` shows the container's log", code="smoke_test_failed"
    )

"""Asks a running endpoint one question, as any client would."""

import json
from collections.abc import Mapping
from typing import Any

from infra.azure.cloud import Cloud
from infra.clock import Clock
from infra.errors import NotReady, Refused
from infra.operations.connect import ConnectInfo
from infra.timeouts import Timeouts

QUESTION = "What is the capital of France?"
NO_CHAT = {"400", "404", "405", "422"}  # an embedding model, or one without a chat template, is no failure of ours
NOT_YET = {401, 404, 424, 429, 502, 503, 504}


def smoke_test(asked: ConnectInfo, cloud: Cloud, timeouts: Timeouts) -> str:
    """Ask one deployment as a phase of its own; returns its answer."""
    began = cloud.clock.now()
    cloud.reporter.phase_started("smoke test", asked.deployment)
    text = ask(asked, clock=cloud.clock, timeouts=timeouts)
    cloud.reporter.phase_finished("smoke test", asked.deployment, cloud.clock.now() - began, "answered")
    return text


def ask(asked: ConnectInfo, *, clock: Clock, timeouts: Timeouts) -> str:
    """The answer of `asked.deployment` to a chat request, whatever the traffic says.

    Raises `Refused` where it is no answer, and `NotReady` where none comes within `timeouts.answer` seconds.
    """
    import httpx  # 0.3 s, only when something was applied

    headers = {"Authorization": f"Bearer {asked.api_key}", "azureml-model-deployment": asked.deployment}
    body = {
        "model": asked.model,
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": 64,
        "temperature": 0,
    }
    longest = timeouts.answer
    deadline = clock.now() + longest
    asked_again = False
    while True:
        try:
            response = httpx.post(f"{asked.base_url}/chat/completions", json=body, headers=headers, timeout=longest)
            if response.status_code == 200:
                return _text(response.text)
            inner = response.headers.get("ms-azureml-model-error-statuscode", "")
            if inner in NO_CHAT:
                return f"(the container serves, but answers a chat with {inner}: this model does not chat)"
            if response.status_code not in NOT_YET or clock.now() > deadline:
                raise _refused(response.status_code, response.headers, response.text)
        except httpx.TransportError as error:
            hung = isinstance(error, httpx.TimeoutException)  # one answer that never comes says nothing of the next one
            if asked_again if hung else clock.now() > deadline:
                hint = "check the network between here and the endpoint; `gatelift chat` asks it again"
                raise NotReady(f"{asked.base_url} does not answer: {error}", hint=hint, code="no_answer") from None
            asked_again = asked_again or hung
        clock.sleep(1)


def _text(body: str) -> str:
    try:
        message: Mapping[str, Any] = json.loads(body)["choices"][0]["message"]
        message.keys()
    except (ValueError, LookupError, TypeError, AttributeError):
        hint = "is this a container of gatelift? `gatelift logs` shows what it says"
        said = f"the endpoint answered 200, but not with a chat completion: {body[:500]}"
        raise Refused(said, hint=hint, code="smoke_test_failed") from None
    return str(message.get("content") or message.get("reasoning_content") or message.get("reasoning") or "").strip()


def _refused(status: int, headers: Mapping[str, str], text: str) -> Refused:
    inner = headers.get("ms-azureml-model-error-statuscode", "")
    said = f"the endpoint answered {status}" + (f" (the container {inner})" if inner else "")
    return Refused(
        f"{said}: {text[:500]}", hint="`gatelift logs` shows what the container says", code="smoke_test_failed"
    )

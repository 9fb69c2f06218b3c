"""The smoke test: asks a running deployment one question, as any client would."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from infra.azure.cloud import Cloud
from infra.clock import Clock
from infra.errors import NotReady, Refused
from infra.load.answers import Outcome, outcome
from infra.operations.connect import ConnectInfo
from infra.timeouts import Timeouts

QUESTION = "What is the capital of France?"
ON_THEIR_WAY = frozenset({401, 404})  # from the front end: keys and routes that have just been made
SKIP = "`--skip-smoke-test` moves the traffic without a test"
PRIVATE = "endpoint_private"  # the code of the error for an endpoint that this machine cannot reach
PRIVATE_SECONDS = 10.0  # for a private endpoint: what cannot be reached from here will not be reachable later


class Surface(Struct, frozen=True):
    """One API to ask with: its path, the fields beside `model`, and what its answer says (`LookupError` if nothing)."""

    path: str
    fields: dict[str, Any]
    read: Callable[[Any], str]


def _chat_text(document: Any) -> str:
    message: Mapping[str, Any] = document["choices"][0]["message"]
    return str(message.get("content") or message.get("reasoning_content") or message.get("reasoning") or "").strip()


def _dimensions(document: Any) -> str:
    return f"(an embedding of {len(document['data'][0]['embedding'])} numbers: this is not a chat model)"


CHAT = Surface(
    "/chat/completions",
    {"model": "", "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 64, "temperature": 0},
    _chat_text,
)
# What a model that refuses to chat may do instead, by a word of its refusal.
OTHERWISE = {
    "chat template": Surface(
        "/completions",
        {"prompt": "The capital of France is", "max_tokens": 16, "temperature": 0},
        lambda document: str(document["choices"][0]["text"]).strip(),
    ),
    "": Surface("/embeddings", {"input": QUESTION}, _dimensions),
}


def smoke_test(info: ConnectInfo, cloud: Cloud, timeouts: Timeouts, *, private: bool = False) -> str:
    """Ask one deployment and report this as a phase; returns the answer, raises what `ask` raises.

    A `private` endpoint that cannot be reached from here raises `NotReady` with the code `endpoint_private`.
    """
    began = cloud.clock.now()
    cloud.reporter.phase_started("smoke test", info.deployment)
    text = ask(info, clock=cloud.clock, timeouts=timeouts, private=private)
    cloud.reporter.phase_finished("smoke test", info.deployment, cloud.clock.now() - began, "answered")
    return text


def ask(info: ConnectInfo, *, clock: Clock, timeouts: Timeouts, private: bool = False) -> str:
    """The answer of `info.deployment` to a question, whatever its share of the traffic.

    A model that does not chat is asked for an embedding or a completion. Raises `Refused` where the container answers
    with any other status than 200, or with something else than an answer, and `NotReady` where none comes within
    `timeouts.answer` seconds.
    """
    asking = _Asking(info, clock, timeouts, private)
    try:
        return asking.with_surface(CHAT)
    except _NotServed as refused:
        words = refused.text.lower()
        other = next(surface for word, surface in OTHERWISE.items() if word in words)
        try:
            return asking.with_surface(other)
        except (Refused, _NotServed):
            raise refused.error from None


class _NotServed(Exception):
    """The container refused the request itself: another kind of model may take another kind."""

    def __init__(self, error: Refused, text: str) -> None:
        self.error = error
        self.text = text


class _Asking:
    """Requests to one deployment, repeated while what stands in their way may pass."""

    def __init__(self, info: ConnectInfo, clock: Clock, timeouts: Timeouts, private: bool) -> None:
        self._info = info
        self._clock = clock
        self._private = private
        self._longest = timeouts.answer
        self._connect = timeouts.connect
        self._deadline = clock.now() + (min(self._longest, PRIVATE_SECONDS) if private else self._longest)

    def with_surface(self, surface: Surface) -> str:
        """The answer; raises `_NotServed` where the container answers 400, 404, 405 or 422."""
        import httpx  # 0.3 s, only when something was applied

        from infra.operations.chat import is_loopback

        info = self._info
        url = info.base_url + surface.path
        headers = {"Authorization": f"Bearer {info.api_key}", "azureml-model-deployment": info.deployment}
        body = {"model": info.model, **surface.fields}
        patience = httpx.Timeout(self._longest, connect=self._connect)
        retried, proxied = False, not is_loopback(info.base_url)
        while True:
            try:
                response = httpx.post(url, json=body, headers=headers, timeout=patience, trust_env=proxied)
                real = outcome(response.status_code, response.headers)
                if real.status == 200:
                    return _read(surface, response.text)
                if self._private and real.status == 403 and not real.by_container:
                    raise _unreachable(info, f"it answered 403: {response.text[:200]}")
                passes = real.may_pass or (not real.by_container and real.status in ON_THEIR_WAY)
                if not passes or self._clock.now() > self._deadline:
                    raise _refused(real, response.text)
            except httpx.TransportError as error:
                timed_out = isinstance(error, httpx.TimeoutException)  # may be an accident: ask once more
                if retried if timed_out else self._clock.now() > self._deadline:
                    raise self._no_answer(str(error)) from None
                retried = retried or timed_out
            self._clock.sleep(1)

    def _no_answer(self, why: str) -> NotReady:
        if self._private:
            return _unreachable(self._info, why)
        hint = f"check the network between this machine and the endpoint; then try `gatelift chat`; {SKIP}"
        return NotReady(f"{self._info.base_url} does not answer: {why}", hint=hint, code="no_answer")


def _read(surface: Surface, body: str) -> str:
    try:
        return surface.read(json.loads(body))
    except (ValueError, LookupError, TypeError, AttributeError):
        hint = f"`gatelift logs` shows the container's log; the container may not be gatelift's, and then {SKIP}"
        what = "a chat completion" if surface is CHAT else f"what {surface.path} gives"
        message_text = f"the endpoint answered 200, but not with {what}: {body[:500]}"
        raise Refused(message_text, hint=hint, code="smoke_test_failed") from None


def _refused(real: Outcome, text: str) -> Refused | _NotServed:
    error = Refused(
        f"the endpoint answered {real}: {text[:500]}",
        hint=f"`gatelift logs` shows the container's log; {SKIP}",
        code="smoke_test_failed",
    )
    return _NotServed(error, text) if real.by_container and real.status in (400, 404, 405, 422) else error


def _unreachable(info: ConnectInfo, why: str) -> NotReady:
    return NotReady(
        f"the endpoint {info.endpoint} is private (public_network_access: disabled), and this machine is outside its "
        f"network: {why}",
        hint=f"run the command again inside the workspace's virtual network (a VM, a runner or a VPN there); {SKIP}",
        code=PRIVATE,
    )

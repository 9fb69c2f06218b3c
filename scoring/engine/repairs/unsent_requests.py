"""Requests that could not be sent to the engine's process: vLLM counts them before, and then for good."""

from typing import Any


def forget_unsent(client: Any) -> None:
    """Have vLLM's client give up a request that it could not send: else it is waited for, and the engine looks hung."""
    core = client.engine_core
    send = core.add_request_async

    async def sent(request: Any) -> None:
        try:
            await send(request)
        except BaseException:
            await client.abort(request.request_id, internal=True)
            raise

    core.add_request_async = sent

"""Tells a tool call that `max_tokens` has cut by the finish_reason `length`, also in a whole answer.

vLLM 0.32 says `tool_calls` there, so that clients run a call with half its arguments; its stream says `length`.
Mended upstream in 0.33.
"""

from collections.abc import AsyncIterator
from typing import Any

CUT = "length"


def install(state: Any) -> None:
    """Have vLLM's chat handler say so; `state` is that of vLLM's app."""
    handler = getattr(state, "openai_serving_chat", None)
    if handler is None:
        return
    generate = handler.chat_completion_full_generator

    async def generated(request: Any, results: AsyncIterator[Any], *arguments: Any, **named: Any) -> Any:
        cut: set[int] = set()

        async def noted() -> AsyncIterator[Any]:
            async for result in results:
                cut.update(output.index for output in result.outputs if output.finish_reason == CUT)
                yield result

        answer = await generate(request, noted(), *arguments, **named)
        for choice in getattr(answer, "choices", ()):
            if choice.index in cut:
                choice.finish_reason = CUT
        return answer

    handler.chat_completion_full_generator = generated

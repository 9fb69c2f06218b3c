"""Tells parsers of reasoning the prompt also for a whole answer.

Where the prompt ends the reasoning already (`continue_final_message`, a template that switches thinking off), vLLM 0.32
tells a whole answer as reasoning, with `content: null`; its stream tells it as content. Mended upstream in 0.33.
"""

from collections.abc import Sequence
from typing import Any


def install(state: Any) -> None:
    """Have the parsers that vLLM has composed for this app hand the prompt on; `state` is that of vLLM's app."""
    handler = getattr(state, "openai_serving_chat", None)
    composed: Any = getattr(handler, "parser_cls", None)
    if handler is None or composed is None or composed.reasoning_parser_cls is None:
        return

    class Parser(composed):  # type: ignore[misc]
        def set_prompt_token_ids(self, prompt_token_ids: Sequence[int]) -> None:
            super().set_prompt_token_ids(prompt_token_ids)
            if hasattr(self.reasoning_parser, "set_prompt_token_ids"):  # ours: see `reasoning_text`
                self.reasoning_parser.set_prompt_token_ids(prompt_token_ids)

    handler.parser_cls = Parser

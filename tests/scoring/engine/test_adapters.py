"""Adapters in vLLM's words: room for their rank and their number, unless the engine's arguments say otherwise."""

import json
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scoring.engine.adapters import adapter_names, check_served, settle_adapters
from scoring.engine.modules import VllmModules
from scoring.errors import BadSettings
from scoring.weights.adapters import Adapter
from tests.scoring.weights.tensors import write

RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)


def add_options(parser: ArgumentParser) -> ArgumentParser:
    """Give a parser vLLM's options for adapters."""
    parser.add_argument("--enable-lora", action=BooleanOptionalAction)
    parser.add_argument("--lora-modules", nargs="+", type=lambda text: SimpleNamespace(**json.loads(text)))
    parser.add_argument("--max-lora-rank", type=int, choices=RANKS, default=16)
    parser.add_argument("--max-loras", type=int, default=1)
    parser.add_argument("--max-cpu-loras", type=int)
    parser.add_argument("--served-model-name", nargs="+", default=["base"])
    return parser


VLLM: Any = SimpleNamespace(argument_parser=ArgumentParser, make_arg_parser=add_options)


def settled(*arguments: str, ranks: tuple[int, ...] = (8,), names: str = "abcdefghijklmnop") -> Namespace:
    """Return the arguments with adapters of these ranks."""
    parsed = add_options(ArgumentParser()).parse_args(arguments)
    adapters = [Adapter(name, f"/{name}", rank) for name, rank in zip(names, ranks, strict=False)]
    settle_adapters(VLLM, parsed, arguments, adapters)
    return parsed


@pytest.mark.parametrize(
    ("arguments", "ranks", "expected"),
    [
        pytest.param((), (8,), (8, 1, None), id="one"),
        pytest.param((), (4, 24, 16), (32, 3, None), id="the-highest-rank"),
        pytest.param((), (300,), (320, 1, None), id="a-rank-of-vllm-s"),
        pytest.param((), (1,) * 10, (1, 8, 10), id="more-than-run-at-once"),
        pytest.param(("--max-loras=2",), (8,) * 3, (8, 2, None), id="fewer-at-once"),
        pytest.param(("--max-lora-rank", "64"), (8,), (64, 1, None), id="more-room"),
        pytest.param(('--lora-modules={"name": "own", "path": "/o"}',), (8,), (8, 2, None), id="beside-vllm-s-own"),
    ],
)
def test_there_is_room(arguments: tuple[str, ...], ranks: tuple[int, ...], expected: tuple[Any, ...]) -> None:
    parsed = settled(*arguments, ranks=ranks)
    assert parsed.enable_lora
    assert (parsed.max_lora_rank, parsed.max_loras, parsed.max_cpu_loras) == expected
    last = parsed.lora_modules[-1]
    assert (last.path, last.base_model_name) == (f"/{last.name}", "base")


def test_vllms_own_come_first() -> None:
    parsed = settled('--lora-modules={"name": "own", "path": "/o"}')
    assert adapter_names(parsed) == ["own", "a"]


def test_without_adapters_nothing_is_changed() -> None:
    assert not settled(ranks=()).enable_lora


@pytest.mark.parametrize(
    ("arguments", "ranks", "names", "words"),
    [
        pytest.param(("--max-lora-rank=8",), (8, 9), "ab", "adapter b has rank 9, and max_lora_rank is 8", id="rank"),
        pytest.param(("--no-enable-lora",), (8,), "a", "say no to enable_lora", id="no-lora"),
        pytest.param((), (600,), "a", "has rank 600, and vLLM takes at most 512", id="too-high"),
        pytest.param(("--served-model-name", "a"), (8,), "a", "adapter a has a name that is taken", id="model-s-name"),
    ],
)
def test_what_cannot_be_is_refused(arguments: tuple[str, ...], ranks: tuple[int, ...], names: str, words: str) -> None:
    with pytest.raises(BadSettings, match=words) as refused:
        settled(*arguments, ranks=ranks, names=names)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("more", "words"),
    [
        pytest.param({"use_dora": True}, "DoRA", id="dora"),
        pytest.param({"modules_to_save": ["lm_head"]}, "modules_to_save", id="whole-layers"),
        pytest.param({"bias": "all"}, "bias", id="bias"),
        pytest.param({"r": 0}, "rank", id="no-rank"),
        pytest.param({"lora_alpha": None}, "unsupported operand", id="no-alpha"),
    ],
)
def test_what_vllm_does_not_serve_is_told_before_a_model_is_loaded(
    tmp_path: Path, more: dict[str, Any], words: str
) -> None:
    plain = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"]}
    for name, config in {"good": plain, "odd": plain | more}.items():
        write(tmp_path / name, {"adapter_config.json": json.dumps(config)})
    good, odd = (Adapter(name, str(tmp_path / name), 8) for name in ("good", "odd"))
    room = Namespace(max_lora_rank=8)
    check_served(VllmModules(), room, [good])
    with pytest.raises(BadSettings, match=f"vLLM does not serve adapter odd: .*{words}"):
        check_served(VllmModules(), room, [good, odd])

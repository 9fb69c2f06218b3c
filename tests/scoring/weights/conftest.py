"""An emulated Azure with a Hub of a few repositories, and a workspace whose blob storage holds an adapter."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from infra.emulator import launcher
from infra.emulator.launcher import EmulatorProfile
from tests.scoring.weights.tensors import ADAPTER, index, safetensors, write

SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
CONFIG = {"config.json": "{}", "tokenizer.json": "{}"}
REPOS: dict[str, dict[str, str | bytes]] = {
    "plain": {
        **CONFIG,
        "model.safetensors": safetensors(50_000),
        "consolidated.safetensors": safetensors(70_000),
        "params.json": "{}",
        "pytorch_model.bin": b"old",
        "training_args.bin": b"left behind",
        "original/consolidated.00.pth": b"x",
        "onnx/model.onnx": b"x",
        "1_Pooling/config.json": "{}",
    },
    "sharded": {
        **CONFIG,
        "model.safetensors.index.json": index(*SHARDS),
        **{name: safetensors(2000 + number) for number, name in enumerate(SHARDS)},
        "model-copy.safetensors": safetensors(),
    },
    "lost": {**CONFIG, "model.safetensors.index.json": index(*SHARDS), SHARDS[0]: safetensors()},
    "gated": {**CONFIG, "model.safetensors": safetensors(3000)},
    "private": {**CONFIG, "model.safetensors": safetensors(4000)},
    "weightless": CONFIG,
    "lora": {**ADAPTER, "adapter_model.bin": b"old", "README.md": "# An adapter"},
}
GATED = {"gated": "manual", "access": {"reader": "accepted", "waiting": "pending", "unwanted": "rejected"}}
TOKENS = [{"value": f"hf_{user}", "user": user} for user in ("reader", "waiting", "unwanted", "stranger")]
PLACE = {"subscription_id": "00000000-0000-0000-0000-00000000dddd", "resource_group": "ml", "location": "eastus"}


@pytest.fixture(scope="session")
def hub_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProfile]:
    """The emulator of the tests in this folder."""
    folder = tmp_path_factory.mktemp("weights")
    repos: list[dict[str, Any]] = []
    for name, files in REPOS.items():
        write(folder / name, files)
        more = GATED if name == "gated" else {"private": True} if name == "private" else {}
        repos.append({"id": f"acme/{name}", "folder": f"./{name}", **more})
    seed = {"workspaces": [{**PLACE, "name": "lab"}], "hub": {"tokens": TOKENS, "repos": repos}}
    (folder / "seed.json").write_text(json.dumps(seed))
    yield launcher.start(folder / "state", seed=folder / "seed.json")
    launcher.stop(folder / "state")


@pytest.fixture
def hub_url(hub_emulator: EmulatorProfile) -> str:
    """The address of the Hub."""
    return hub_emulator.hub


@pytest.fixture
def faults(hub_emulator: EmulatorProfile) -> Iterator[Callable[..., None]]:
    """Make the Hub go wrong: rules of the emulator, for as long as a test lasts."""

    def set_rules(*rules: dict[str, Any]) -> None:
        httpx.put(f"{hub_emulator.portal}/faults", json=[{"target": "hub", **one} for one in rules]).raise_for_status()

    yield set_rules
    set_rules()

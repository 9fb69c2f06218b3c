"""An emulated Hub in this process, with a few repositories and tokens."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from infra.emulator.hub.app import HubApp
from infra.emulator.hub.repos import HubRepos
from infra.emulator.hub.seed import apply_hub_seed
from infra.emulator.world import World

SEED: dict[str, Any] = {
    "tokens": [
        {"value": "hf_reader", "user": "reader", "role": "read"},
        {"value": "hf_writer", "user": "acme", "role": "write"},
        {"value": "hf_fine", "user": "reader", "role": "fineGrained", "gated_repos": True},
        {"value": "hf_fine_blind", "user": "reader", "role": "fineGrained", "gated_repos": False},
        {"value": "hf_pending", "user": "waiting"},
        {"value": "hf_rejected", "user": "unwanted"},
        {"value": "hf_stranger", "user": "stranger"},
    ],
    "repos": [
        {
            "id": "acme/gated",
            "gated": "manual",
            "files": {
                "README.md": "---\nlicense: mit\npipeline_tag: text-generation\n---\n# Gated\n",
                "config.json": '{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}',
                "sub/deep/notes.txt": "notes",
                "model.safetensors": "weights " * 1000,
            },
            "access": {"reader": "accepted", "waiting": "pending", "unwanted": "rejected"},
        },
        {"id": "acme/open", "files": {"config.json": "{}"}},
        {"id": "acme/open-gate", "gated": "auto", "files": {"config.json": "{}"}},
        {"id": "acme/secret", "private": True, "files": {"config.json": "{}"}},
    ],
}


def repos_of(world: World) -> HubRepos:
    return HubRepos(world.store, world.paths.hub)


@pytest.fixture
def hub(bare_world: World) -> Iterator[str]:
    apply_hub_seed(bare_world.store, repos_of(bare_world), SEED)
    bare_world.settings.update({"hub_page_size": 2})
    app = HubApp(bare_world.store, bare_world.urls, repos_of(bare_world), bare_world.settings)
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    bare_world.urls.hub = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield bare_world.urls.hub
    server.should_exit = True
    thread.join()

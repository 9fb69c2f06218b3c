"""Two emulators: the second one plays the real Hub, which the first one reads through."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from huggingface_hub import HfApi

from infra.emulator import launcher
from infra.emulator.launcher import EmulatorProfile
from tests.infra.emulator.hub.upstream.between import Between, between

SHARD = bytes(range(256)) * 12_000  # 3 MB
ODD = ("with space.txt", "ünï.txt", "a#b.json", "q?x.json", "p%41.json", "sub/x y/y+z.json", "model #1?.safetensors")
NAMES = {name: name.encode() * 100 for name in ODD} | {"__init__.py": b"", "empty.safetensors": b""}
REPOS: list[dict[str, Any]] = [
    {"id": "acme/open", "folder": "./open"},
    {"id": "acme/moving", "folder": "./moving"},
    {
        "id": "acme/changed",
        "history": [{"config.json": "old"}],
        "files": {"config.json": "new"},
        "tags": {"v1": "main~1"},
    },
    {
        "id": "acme/gated",
        "gated": "manual",
        "files": {"README.md": "# Gated", "config.json": "{}", "model.safetensors": "weights " * 1000},
        "access": {"ann": "accepted", "pat": "pending", "roy": "rejected"},
    },
    {
        "id": "acme/formats",
        "files": {"README.md": "#", "config.json": "{}", "model.safetensors": "new", "pytorch_model.bin": "old"},
    },
    {"id": "acme/names", "folder": "./names"},
    {"id": "acme/secret", "private": True, "files": {"config.json": "{}"}},
]
USERS = ("ann", "bob", "pat", "roy", "acme")


@dataclass
class Through:
    """The first emulator, and where it keeps what it reads."""

    profile: EmulatorProfile
    real: EmulatorProfile
    cache: Path

    @property
    def hub(self) -> str:
        """The address of its Hub."""
        return self.profile.hub

    def put(self, **choice: Any) -> dict[str, Any]:
        """Tell it which Hub is upstream."""
        told = {"endpoint": self.real.hub, "cache": str(self.cache), **choice}
        answer = httpx.put(f"{self.profile.portal}/hub-upstream", json=told, trust_env=False)
        document: dict[str, Any] = answer.json()
        assert answer.status_code == 200, document
        return document

    def fault(self, **rule: Any) -> None:
        """Let the real Hub do something wrong."""
        rule = {"target": "hub", **rule}
        httpx.post(f"{self.real.portal}/faults", json=rule, trust_env=False).raise_for_status()

    def api(self, token: str | bool = False) -> HfApi:
        """huggingface_hub at its Hub; a user's token is `hf_` and the name."""
        return HfApi(endpoint=self.hub, token=token)

    def get(self, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        """A request of its Hub, redirects followed."""
        return httpx.request(
            method, self.hub + path, headers=headers, follow_redirects=True, trust_env=False, timeout=30
        )

    def blobs(self) -> list[str]:
        """The names of what is kept or begun."""
        return sorted(path.name for path in self.cache.glob("*/blobs/*"))


@pytest.fixture(scope="session")
def real_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProfile]:
    """A Hub with an open, a gated and a private repository."""
    folder = tmp_path_factory.mktemp("real")
    for name in ("open", "moving"):
        (folder / name).mkdir()
    (folder / "moving" / "config.json").write_text("old")
    (folder / "open" / "config.json").write_text('{"model_type": "llama"}')
    for number in (1, 2):
        (folder / "open" / f"model-0000{number}-of-00002.safetensors").write_bytes(SHARD + bytes([number]))
    hub = {"tokens": [{"value": f"hf_{user}", "user": user} for user in USERS], "repos": REPOS}
    for name, content in NAMES.items():
        (folder / "names" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "names" / name).write_bytes(content)
    (folder / "seed.json").write_text(json.dumps({"hub": hub}))
    yield launcher.start(folder / "state", seed=folder / "seed.json")
    launcher.stop(folder / "state")


@pytest.fixture(scope="session")
def reading_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProfile]:
    """An emulator with a Hub of its own, that is told what is upstream."""
    state = tmp_path_factory.mktemp("reading")
    yield launcher.start(state)
    launcher.stop(state)


@pytest.fixture
def through(reading_emulator: EmulatorProfile, real_hub: EmulatorProfile, tmp_path: Path) -> Iterator[Through]:
    """The emulator, with an empty cache, and the real Hub upstream."""
    found = Through(reading_emulator, real_hub, tmp_path / "kept")
    found.put()
    yield found
    httpx.put(f"{real_hub.portal}/faults", json=[], trust_env=False)


@pytest.fixture
def far(through: Through) -> Iterator[Between]:
    """A real Hub whose large files are on another host; it is upstream."""
    with between(through.real.hub) as found:
        through.put(endpoint=found.hub)
        yield found


@pytest.fixture
def unplugged(through: Through) -> Callable[[], None]:
    """Take the network away."""
    return lambda: through.put(endpoint="http://127.0.0.1:9") and None

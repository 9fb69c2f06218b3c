"""What the engine asks of every kind of resource; states are documents in the Azure ML YAML shape."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from msgspec import Struct, field

from infra.azure.cloud import Cloud
from infra.digests import fingerprint

OWNER_TAG = "gatelift"
NAMES_TAG = "gatelift_tags"  # which of the tags are ours, so that one taken out of the spec can be taken away
DESCRIBED = "/description"  # beside those names: no tag can have it, and it says that the description is ours, too
PREVIOUS_TAG = "gatelift_previous"  # on the endpoint: the deployment to which `gatelift rollback` goes back
State = dict[str, Any]
Wait = Callable[[], None]


class Live(Struct, frozen=True):
    """What exists: its state in the shape of the desired one, who owns it, and Azure's own document."""

    state: State
    owner: str = ""
    provisioning: str = "Succeeded"
    document: Mapping[str, Any] = field(default_factory=dict)


class Resource(ABC):
    """One desired resource and its verbs; it knows nothing of order and of other resources."""

    kind: ClassVar[str]
    updatable: ClassVar[frozenset[str]] = frozenset()
    """Top-level fields that may change in place; a change anywhere else means replace."""
    exact: ClassVar[frozenset[str]] = frozenset()
    """Fields in which a key that only the live state has is a difference, too."""
    shared: ClassVar[bool] = False
    """Whether several stacks may use one and the same: then it serves, whoever made it."""

    @property
    @abstractmethod
    def name(self) -> str:
        """How people call it."""

    @property
    @abstractmethod
    def desired(self) -> State:
        """What it should be."""

    def settle(self, live: Live) -> State:
        """The desired state beside a live one: it may leave something as it found it."""
        return self.desired

    @abstractmethod
    def read(self, cloud: Cloud) -> Live | None:
        """What exists."""

    @abstractmethod
    def create(self, cloud: Cloud, state: State) -> Wait | None:
        """Make it and wait until it serves; or come back once Azure has accepted it, with what is left to wait for."""

    def update(self, cloud: Cloud, live: Live, state: State) -> Wait | None:
        """Change it in place; most kinds have nothing to do."""
        return None

    @abstractmethod
    def delete(self, cloud: Cloud) -> None:
        """Take it away; absent is fine."""

    def resume(self, cloud: Cloud, live: Live) -> None:  # noqa: B027 only endpoints and deployments take their time
        """Wait for an operation that somebody began earlier, however it ends."""

    def obstacle(self, live: Live, traffic: Mapping[str, int]) -> str:
        """Why it must not be replaced now, as a way out; nothing where nothing is lost."""
        return ""


def owned(state: State, stack: str) -> State:
    """The state with our tags: whose it is, the hash of the desired state, and which tags are ours."""
    tags = dict(state.get("tags") or {})
    names = [*sorted(tags), *([DESCRIBED] if state.get("description") else [])]
    named = {NAMES_TAG: ",".join(names)} if names else {}
    return {**state, "tags": {**tags, OWNER_TAG: f"{stack}@{fingerprint(state)}", **named}}


def owner_of(tags: Mapping[str, Any] | None) -> str:
    """The stack that a tag names, or nothing."""
    return str((tags or {}).get(OWNER_TAG, "")).partition("@")[0]


def merged_tags(live: Mapping[str, str] | None, desired: Mapping[str, str] | None) -> dict[str, str]:
    """The desired tags beside those that others set; what we set once and no longer want is gone."""
    live = live or {}
    ours = {OWNER_TAG, NAMES_TAG, *live.get(NAMES_TAG, "").split(",")}
    return {**{name: value for name, value in live.items() if name not in ours}, **(desired or {})}

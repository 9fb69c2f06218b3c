"""The interface of every kind of resource; a state is a dictionary with the fields of the Azure ML YAML."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from msgspec import Struct, field

from infra.azure.cloud import Cloud
from infra.digests import fingerprint

OWNER_TAG = "gatelift"
NAMES_TAG = "gatelift_tags"  # the names of the tags that gatelift set, so that it can remove them later
DESCRIBED = "/description"  # among those names, it means that gatelift set the description; no tag can have this name
PREVIOUS_TAG = "gatelift_previous"  # on the endpoint: the deployment to which `gatelift rollback` goes back
CANARY_TAG = "gatelift_canary"  # on the endpoint: how far requests have moved to a new deployment, or why back
PARKED_TAG = "gatelift_parked"  # on the endpoint: since when its deployments are parked, and what they were
State = dict[str, Any]
Wait = Callable[[], None]


class Live(Struct, frozen=True):
    """A resource that exists.

    `state` has the fields of the desired state, `owner` is the stack whose tag it has (empty for none), and `document`
    is what Azure answered.
    """

    state: State
    owner: str = ""
    provisioning: str = "Succeeded"
    document: Mapping[str, Any] = field(default_factory=dict)
    seen: Mapping[str, Any] = field(default_factory=dict)
    """What else was found out, which a plan tells but does not compare."""


class Resource(ABC):
    """One desired resource: how to read, create, change and delete it; it knows no other resources and no order."""

    kind: ClassVar[str]
    updatable: ClassVar[frozenset[str]] = frozenset()
    """The top-level fields that can change in place; a change of any other field needs a replacement."""
    exact: ClassVar[frozenset[str]] = frozenset()
    """The top-level fields in which also a key that only the live state has counts as a difference."""
    shared: ClassVar[bool] = False
    """Whether several stacks may use the same resource; then one that somebody else created is used as it is."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name that people see."""

    @property
    @abstractmethod
    def desired(self) -> State:
        """The desired state of a new resource."""

    @property
    def remark(self) -> str:
        """What a plan adds to the reason for a change; empty for nothing."""
        return ""

    @property
    def outcome(self) -> str:
        """What to say of a change once it is made, beside that it is; empty for nothing."""
        return ""

    def settle(self, live: Live) -> State:
        """The desired state of an existing resource, which may keep some of its live values."""
        return self.desired

    def takes_over(self, live: Live) -> bool:
        """Whether the spec says to make it the stack's own although another stack or somebody else made it."""
        return False

    def remark_on(self, live: Live) -> str:
        """What a plan says of the existing resource beside what it changes; empty for nothing."""
        return ""

    @abstractmethod
    def read(self, cloud: Cloud) -> Live | None:
        """The resource as it exists; None where it does not."""

    def bring(self, cloud: Cloud) -> None:  # noqa: B027 only weights have something large
        """Do beforehand what takes long and disturbs nobody, outside of the lock of what stacks share."""

    @abstractmethod
    def create(self, cloud: Cloud, state: State) -> Wait | None:
        """Create it and wait until it is ready; or return once Azure has accepted it, with a function that waits."""

    def update(self, cloud: Cloud, live: Live, state: State) -> Wait | None:
        """Change it in place; returns like `create`. Kinds without `updatable` fields do nothing."""
        return None

    @abstractmethod
    def delete(self, cloud: Cloud) -> None:
        """Delete it; it need not exist."""

    def resume(self, cloud: Cloud, live: Live) -> None:  # noqa: B027 only endpoints and deployments have long operations
        """Wait for an operation that an earlier run started; it is no error if that failed."""

    def obstacle(self, live: Live, traffic: Mapping[str, int]) -> str:
        """The hint with which to refuse its replacement; empty where it may be replaced."""
        return ""


def owned(state: State, stack: str) -> State:
    """The state with gatelift's own tags: the owner with a hash of the state, and the names of the stack's tags."""
    tags = dict(state.get("tags") or {})
    names = [*sorted(tags), *([DESCRIBED] if state.get("description") else [])]
    named = {NAMES_TAG: ",".join(names)} if names else {}
    return {**state, "tags": {**tags, OWNER_TAG: f"{stack}@{fingerprint(state)}", **named}}


def owner_of(tags: Mapping[str, Any] | None) -> str:
    """The stack that gatelift's tag names; empty where there is no such tag."""
    return str((tags or {}).get(OWNER_TAG, "")).partition("@")[0]


def merged_tags(live: Mapping[str, str] | None, desired: Mapping[str, str] | None) -> dict[str, str]:
    """The desired tags and those that others set, without the tags that gatelift set earlier and no longer wants."""
    live = live or {}
    ours = {OWNER_TAG, NAMES_TAG, *live.get(NAMES_TAG, "").split(",")}
    return {**{name: value for name, value in live.items() if name not in ours}, **(desired or {})}

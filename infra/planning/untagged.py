"""Finds what of gatelift's making lost its tags when somebody wrote it without them: it runs on, and nobody owns it."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from infra.errors import Refused
from infra.planning.plan import Action, Change
from infra.resources.base import Live

NOT_TAGGED = "not tagged as yours"
MADE_BY = "SCORING_ENGINE_ARGS"  # an environment variable that every deployment of gatelift's has
NAMED_BY = ("SCORING_MODEL", "SCORING_SERVED_MODEL_NAME")
WAY_BACK = "`gatelift adopt` takes it back"


@contextmanager
def telling(deployments: Mapping[str, Live]) -> Iterator[None]:
    """Where the block refuses what is not the stack's, tell what runs on there without a tag."""
    try:
        yield
    except Refused as error:
        lost = [live for live in deployments.values() if not live.owner]
        if error.code != "not_ours" or not lost:
            raise
        raise Refused(f"{error}: {runs_on(*lost)}", hint=error.hint, code=error.code) from None


def untagged(deployments: Mapping[str, Live], known: Collection[str] = ()) -> Iterator[Change]:
    """A change that changes nothing for each of gatelift's deployments without its tag, except the `known` ones."""
    for name, live in sorted(deployments.items()):
        if name not in known and lost_tags(live):
            yield Change(Action.NONE, "deployment", name, f"{runs_on(live)}: {WAY_BACK} if it is this stack's")


def lost_tags(live: Live, *models: str) -> bool:
    """Whether gatelift made the deployment, for one of these models if any, and it has no owner's tag any more."""
    told = live.state["environment_variables"]
    serves = {told.get(name) for name in NAMED_BY} - {None}
    return not live.owner and MADE_BY in told and bool(serves) and (not models or bool(serves & set(models)))


def runs_on(*lost: Live) -> str:
    """That these deployments run on, and with how many instances."""
    return run_on(sum(int(live.state.get("instance_count") or 0) for live in lost))


def run_on(count: int) -> str:
    """That so many instances run on."""
    return f"{count} {'instance runs' if count == 1 else 'instances run'} on, {NOT_TAGGED}"


def is_untagged(change: Change) -> bool:
    """Whether a change tells of something that lost its tags."""
    return change.action is Action.NONE and NOT_TAGGED in change.reason

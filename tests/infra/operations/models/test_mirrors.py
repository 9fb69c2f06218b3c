"""Copies of the Hub's files in the workspace: made once for all stacks, used without the Hub and without a token."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from infra.errors import AccessDenied, GateliftError, NotReady
from infra.planning.plan import Plan
from tests.infra.operations.conftest import Phases

MIRRORED = {"id": "org/whole", "mirror": True}


def reason(plan: Plan) -> str:
    return next(change.reason for change in plan.changes if change.kind == "weights")


def test_a_mirrored_model_is_mounted_and_needs_neither_token_nor_connection(bench: Any, deployed: Any) -> None:
    spec = bench.spec("mirrored", model=MIRRORED)
    assert reason(bench.plan(spec)).startswith("does not exist; 13 bytes in 2 files to copy from the Hub")
    result = bench.up(spec)
    assert result.answer == "org/whole with no token"
    assert "connection" not in {change.kind for change in result.plan.changes}
    found = deployed(spec)
    assert found.model.startswith("org-whole-weights:")
    assert found.told == {"SCORING_MODEL": "org/whole", "SCORING_ENGINE_ARGS": "{}"}


def test_a_second_stack_finds_the_copy_and_needs_no_token(
    bench: Any, actions: Callable[[Plan], dict[str, str]]
) -> None:
    first, second = (bench.spec(name, model=MIRRORED, workspace={"name": "ws-copies"}) for name in ("copy-a", "copy-b"))
    bench.up(first)
    assert reason(bench.plan(second, None)) == "created by the stack copy-a: used as it is; 13 bytes, there already"
    assert bench.up(second, None).answer == "org/whole with no token"


def test_without_the_hub_the_copy_is_as_good(
    bench: Any, without_hub: Any, actions: Callable[[Plan], dict[str, str]]
) -> None:
    spec = bench.spec("offline", model=MIRRORED)
    bench.up(spec)
    commit = bench.target(spec).hub.model("org/whole", None, None).revision
    with without_hub(spec):
        plan = bench.plan(spec, None)
        assert actions(plan) == {}
        assert "there already; stays at the commit" in reason(plan)
        pinned = bench.spec("offline", model={**MIRRORED, "revision": commit})
        assert reason(bench.plan(pinned, None)) == "13 bytes, there already; the Hub is not asked"
        assert bench.up(pinned, None).plan.changing == set()
        for other in ({"id": "org/open"}, {"revision": "f" * 40}):  # the copy is of another commit
            with pytest.raises(GateliftError, match="500"):
                bench.plan(bench.spec("offline", model={**MIRRORED, **other}), None)


def test_files_that_somebody_deleted_are_copied_again(bench: Any, without_hub: Any) -> None:
    spec = bench.spec("emptied", model=MIRRORED)
    bench.up(spec)
    target = bench.target(spec)
    (version,) = target.arm.list(f"{target.cloud.workspace.id}/models/org-whole-weights/versions")
    place = version["properties"]["modelUri"].partition("/paths/")[2]
    assert target.cloud.assets.lacking((), place) == ""
    target.cloud.assets.remove(version["properties"]["modelUri"])
    again = bench.spec("emptied", model=MIRRORED, deployment={"engine": {"max_model_len": 64}})
    with without_hub(spec), pytest.raises(NotReady, match="were deleted") as refused:
        bench.up(again)
    assert "az ml model archive" in refused.value.hint
    phases = Phases()
    bench.up(again, phases=phases)
    assert [note for note in phases.notes if "sent again" in note]
    assert target.cloud.assets.lacking((), place) == ""


def test_a_copy_that_was_cut_off_is_continued_and_only_then_a_version(bench: Any) -> None:
    spec = bench.spec("cut-off", model=MIRRORED)
    target = bench.target(spec)
    versions = f"{target.cloud.workspace.id}/models/org-whole-weights/versions"
    fault = {"method": "PUT", "path": "/gatelift/weights/.*/model.safetensors", "status": 403}
    httpx.put(f"{target.portal}/faults", json=[fault]).raise_for_status()
    try:
        with pytest.raises(GateliftError):
            bench.up(spec)
    finally:
        httpx.put(f"{target.portal}/faults", json=[]).raise_for_status()
    assert target.arm.list(versions) == []
    assert bench.up(spec).answer == "org/whole with no token"
    (version,) = target.arm.list(versions)
    assert version["properties"]["tags"]["modelId"] == "org/whole"


def test_two_stacks_that_copy_at_once_share_one_copy(bench: Any) -> None:
    specs = [bench.spec(name, model=MIRRORED, workspace={"name": "ws-at-once"}) for name in ("once-a", "once-b")]
    target = bench.target(specs[0])  # makes the workspace
    with ThreadPoolExecutor() as both:
        answers = [result.answer for result in both.map(bench.up, specs)]
    assert answers == ["org/whole with no token"] * 2
    assert len(target.arm.list(f"{target.cloud.workspace.id}/models/org-whole-weights/versions")) == 1


def test_an_entry_stays_while_another_stack_serves_a_copy_of_the_model(bench: Any) -> None:
    plain, copied = (
        bench.spec(name, model={"id": "org/plain", **more}, workspace={"name": "ws-entry"})
        for name, more in {"entry-a": {}, "entry-b": {"mirror": True}}.items()
    )
    bench.up(plain, None)
    bench.up(copied, None)
    assert bench.down(plain)["model"] == "none"
    assert bench.down(copied)["weights"] == "none"


@pytest.mark.parametrize(
    ("token", "code", "words"),
    [
        pytest.param(None, "token_missing", "org/whole needs a token to be copied, and none was given", id="none"),
        pytest.param("hf_strangertok3", "access_not_requested", "has no access", id="of-a-stranger"),
    ],
)
def test_a_gated_model_is_not_copied_without_access(bench: Any, token: str | None, code: str, words: str) -> None:
    spec = bench.spec("denied", model=MIRRORED)
    with pytest.raises(AccessDenied, match=words) as refused:
        bench.up(spec, token)
    assert refused.value.code == code
    target = bench.target(spec)
    assert target.arm.list(f"{target.cloud.workspace.id}/models") == []


def test_what_has_no_weights_is_not_copied(bench: Any) -> None:
    with pytest.raises(GateliftError, match="org/grown cannot be copied: it has no weights"):
        bench.plan(bench.spec("weightless", model={"id": "org/grown", "mirror": True}))

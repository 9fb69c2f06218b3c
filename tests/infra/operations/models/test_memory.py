"""A model that this machine has no memory for is refused before anything is made."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.errors import GateliftError
from infra.planning.plan import Plan

TOO_MUCH = {"environment_variables": {"VLLM_CPU_KVCACHE_SPACE": "1000000"}}  # GiB


def test_a_new_stack_is_refused_and_nothing_is_made(
    bench: Any, folder: Path, actions: Callable[[Plan], dict[str, str]]
) -> None:
    spec = bench.spec("large", model={"id": None, "path": str(folder)}, deployment=TOO_MUCH)
    with pytest.raises(GateliftError, match="tuned does not fit into this machine's memory") as refused:
        bench.up(spec, None)
    assert refused.value.code == "memory"
    assert set(actions(bench.plan(spec, None)).values()) == {"create"}


def test_what_runs_is_not_weighed_again(bench: Any, folder: Path) -> None:
    spec = bench.spec("grows", model={"id": None, "path": str(folder)})
    bench.up(spec, None)
    tagged = bench.spec("grows", model={"id": None, "path": str(folder)}, deployment={"tags": {"team": "search"}})
    assert bench.up(tagged, None).plan.changing == {"deployment"}
    larger = bench.spec("grows", model={"id": None, "path": str(folder)}, deployment=TOO_MUCH)
    with pytest.raises(GateliftError, match="does not fit"):
        bench.up(larger, None)

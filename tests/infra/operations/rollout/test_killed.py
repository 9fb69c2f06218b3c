"""An `up` that is killed in the middle of a rollout: requests stay as they are then, and the next one goes on."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.errors import Refused
from infra.operations.status import status
from infra.spec.model import StackSpec, to_values
from tests.infra.operations.rollout.conftest import STEPS, Killed, KilledAt, endpoint, new_one, reason

KILLED_UP = Path(__file__).parent / "killed_up.py"
MIRRORED, FIVE, QUARTER, ALL = "rollout: mirrored", *STEPS
Version = Callable[..., StackSpec]

# Where one `up` after the other is killed, which steps it has watched by then, and what the new version gets.
MOMENTS = [
    ("deployment", "end", [], 0),
    (MIRRORED, "end", [MIRRORED], 0),
    (FIVE, "begin", [MIRRORED], 0),
    (FIVE, "end", [MIRRORED, FIVE], 5),
    (QUARTER, "end", [FIVE, QUARTER], 25),
    (ALL, "end", [QUARTER, ALL], 100),
]


def test_killed_at_each_step_it_goes_on_from_there(bench: Any, version: Version, phases: Any) -> None:
    first, spec = version("killed", "good", mirror=20), version("killed", "better", mirror=20)
    first, spec = (each.but(deployment=each.deployment.but(keep_previous=False)) for each in (first, spec))
    bench.up(first)
    new = new_one(bench.plan(spec))
    for kind, moment, watched, share in MOMENTS:
        at = f"killed at the {moment} of {kind}"
        command = [sys.executable, str(KILLED_UP), json.dumps(to_values(spec)), kind, moment]
        died = subprocess.run(command, env={**os.environ, **bench.environ}, stdout=subprocess.PIPE, check=False)
        assert died.returncode == -signal.SIGKILL, at
        assert [line for line in died.stdout.decode().splitlines() if line.startswith("rollout")] == watched, at
        bench.let_leases_end()
        assert endpoint(bench, spec)["traffic"].get(new, 0) == share, at
        plan = bench.plan(spec)
        assert plan.has_changes, at
        begins = f"rollout: at {share} %" if share else "rollout: 20 % are mirrored"
        assert reason(plan).startswith(begins), at
    bench.up(spec, phases=phases)
    assert [kind for kind in phases.finished if kind.startswith("rollout")] == [ALL]
    assert endpoint(bench, spec)["traffic"] == {new: 100}
    assert [each["name"] for each in status(spec, bench.target(spec))["deployments"]] == [new]
    assert not bench.plan(spec).has_changes


def test_killed_once_requests_are_back_it_is_no_new_try(bench: Any, version: Version) -> None:
    bench.up(version("half-back", "good"))
    spec = version("half-back", "ttft=0.12", slo={"ttft_p95": "100ms"})
    with pytest.raises(Killed):
        bench.up(spec, phases=KilledAt(FIVE, begun=False))
    assert endpoint(bench, spec)["traffic"] == {"blue": 100}
    with pytest.raises(Refused) as error:
        bench.up(spec)
    assert error.value.code == "moved_back"


def test_down_while_requests_are_mirrored(bench: Any, version: Version) -> None:
    bench.up(version("ended-early", "good"))
    spec = version("ended-early", "better", mirror=20)
    with pytest.raises(Killed):
        bench.up(spec, phases=KilledAt(MIRRORED, begun=False))
    assert bench.down(spec)["endpoint"] == "delete"
    assert status(spec, bench.target(spec))["endpoint"] is None

"""Runs several stacks in one process, each in a thread: `many.py COUNT FOLDER`; prints one JSON document."""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.azure.target import open_target
from infra.operations.up import up
from infra.parallel import together
from infra.planning.desired import Sources, shipped_sources
from infra.planning.prepare import prepare
from infra.reporter import Silent
from infra.spec.model import StackSpec, spec_from


def spec(run: str, number: int) -> StackSpec:
    values: dict[str, Any] = {
        "name": f"{run}-{number}",
        "model": {"id": "org/gated"},
        "workspace": {
            "subscription_id": "00000000-0000-0000-0000-000000000001",
            "resource_group": "gatelift",
            "name": "local",
        },
        "endpoint": {"name": f"{run}-{number}"},
        "deployment": {"instance_type": "Standard_NC24ads_A100_v4"},
        "environment": {"image": "ghcr.io/gatelift/gatelift-vllm@sha256:" + "0" * 64},
    }
    return spec_from(values)


def timed(calls: list[Callable[[], Any]]) -> float:
    began = time.perf_counter()
    together(calls)
    return time.perf_counter() - began


def main() -> None:
    count, sources = int(sys.argv[1]), Sources(Path(sys.argv[2]), shipped_sources().environment)
    token = os.environ["HF_TOKEN"]
    stacks = [spec(f"many{count}", number) for number in range(count)]
    targets = [open_target(stack, local=True, environ=dict(os.environ), absent="make") for stack in stacks]

    def planned(number: int) -> Any:
        target = targets[number]
        return prepare(stacks[number], target, token=token, sources=sources).plan

    def applied(number: int) -> Any:
        prepared = prepare(stacks[number], targets[number], token=token, sources=sources, with_credential=True)
        return up(prepared, targets[number], reporter=Silent())

    found = {
        "stacks": count,
        "plan_s": timed([lambda n=n: planned(n) for n in range(count)]),
        "up_s": timed([lambda n=n: applied(n) for n in range(count)]),
        "converged_plan_s": timed([lambda n=n: planned(n) for n in range(count)]),
        "converged": all(not planned(number).has_changes for number in range(count)),
        "requests": sum(target.arm.requests_sent for target in targets),
    }
    used = resource.getrusage(resource.RUSAGE_SELF)
    found |= {"cpu_s": used.ru_utime + used.ru_stime, "memory_mib": used.ru_maxrss / 1024}
    print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main()

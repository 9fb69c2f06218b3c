"""Changes that need a second deployment, killed or hit by faults at every step; no client request may fail."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx

from tests.infra.matrices import crash
from tests.infra.matrices.faults import Case, cases
from tests.infra.matrices.inventory import difference, inventory, stored_token
from tests.infra.matrices.recovery import noise, said
from tests.infra.matrices.stage import GOOD, Stage
from tests.infra.matrices.steps import Step, steps
from tests.infra.matrices.table import Row

SIZES = ("Standard_NC24ads_A100_v4", "Standard_NC48ads_A100_v4", "Standard_NC96ads_A100_v4")
TAKEN = re.compile(r"traffic=\{'([a-z0-9-]+)': 100\}")
DEPLOYMENT = re.compile(r"(deployments/)[a-z0-9-]+")


class Asking:
    """Sends requests to an endpoint almost without a pause; counts the answers and keeps the failed ones."""

    def __init__(self, url: str, key: str) -> None:
        self.answers = 0
        self.failed: list[str] = []
        self._url, self._headers = url, {"Authorization": f"Bearer {key}"}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop asking."""
        self._over.set()
        self._thread.join(60)

    def _run(self) -> None:
        with httpx.Client(headers=self._headers, timeout=60, trust_env=False) as client:
            while not self._over.wait(0.05):
                try:
                    response = client.post(self._url, json={"messages": [{"role": "user", "content": "?"}]})
                    self.answers += 1
                    if response.status_code != 200:
                        self.failed.append(f"{response.status_code} {response.text[:200]}")
                except httpx.HTTPError as error:
                    self.failed.append(f"{type(error).__name__}: {error}")


class Changing:
    """One stack whose VM size changes again and again; `turn` says whether a new name or an idle one is used."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.spec = stage.new_spec(deployment=_deployment(0))
        self._size = 0
        for _ in range(2):
            report = stage.run("up", self.spec)
            assert report.good, report
            self.next()
        url, key = stage.endpoint(self.spec)
        self.asking = Asking(url, key)
        self.clean: dict[str, tuple[tuple[Step, ...], Counter[str]]] = {}
        for _ in range(2):
            turn = self.turn
            report = stage.run("up", self.spec)
            assert report.good, report
            found = [replace(step, path=DEPLOYMENT.sub(r"\1*", step.path)) for step in self._steps(report.requests)]
            self.clean[turn] = tuple(found), self.inventory()
            self.next()

    @property
    def turn(self) -> str:
        """The kind of the next change."""
        return "beside" if "traffic={'blue': 100}" in str(inventory(self.stage, self.spec)) else "in an idle name"

    def next(self) -> None:
        """Change the spec to the next size."""
        self._size = (self._size + 1) % len(SIZES)
        self.spec = {**self.spec, "deployment": _deployment(self._size)}

    def inventory(self) -> Counter[str]:
        """Everything that exists, with the deployments named by their roles."""
        found = inventory(self.stage, self.spec)
        serving = next((match[1] for line in found if (match := TAKEN.search(line))), "")
        plain: Counter[str] = Counter()
        for line, count in found.items():
            named = DEPLOYMENT.sub(lambda m: m[1] + ("SERVING" if m[0] == f"deployments/{serving}" else "KEPT"), line)
            plain[TAKEN.sub("traffic=SERVING", named)] += count
        return plain

    def wrong_after(self, turn: str, before: int) -> list[str]:
        """What differs from an undisturbed change, and the requests that failed in the meantime."""
        lost = [] if stored_token(self.stage, self.spec) == GOOD else ["the token is lost"]
        failed = self.asking.failed[before:]
        said_so = [f"{len(failed)} requests failed: {failed[0]}"] if failed else []
        left = difference(self.inventory(), self.clean[turn][1])
        return [*lost, *said_so, left, noise(self.stage, self.spec)]

    def close(self) -> None:
        """Stop asking and take the stack away."""
        self.asking.close()
        self.stage.clear_away(self.spec)

    def _steps(self, requests: list[tuple[str, str]]) -> list[Step]:
        plain = [(method, DEPLOYMENT.sub(r"\1any", target)) for method, target in requests]
        return steps(plain, self.spec["name"])


def crash_moments(changing: Changing) -> list[tuple[str, crash.Moment]]:
    """Every moment of both kinds of change."""
    return [(turn, moment) for turn, (found, _) in changing.clean.items() for moment in crash.moments(found)]


def crash_rows(changing: Changing, chosen: list[tuple[str, crash.Moment]]) -> Iterator[Row]:
    """Rows for a change that is killed and the `up` after it."""

    def run(turn: str, moment: crash.Moment) -> Row:
        before, count = len(changing.asking.failed), _operations(changing)
        wrong = [crash.kill_at(changing.stage, "up", changing.spec, moment, None)]
        begun = crash.running(changing.stage, changing.spec)
        wrong += [crash.go_on(changing.stage, "up", changing.spec, None, begun), *changing.wrong_after(turn, before)]
        made = _operations(changing) - count
        wrong.append("" if max(made.values()) == 1 else f"an operation was done twice: {dict(made)}")
        return Row(f"change {turn}: {moment.step.label}", moment.when, tuple(filter(None, wrong)))

    return _in_turn(changing, chosen, run)


def fault_cases(changing: Changing) -> list[tuple[str, Case]]:
    """Every fault at every step of the change that writes something."""
    turn, (found, _) = next(iter(changing.clean.items()))
    return [(turn, case) for case in cases(tuple(step for step in found if step.writes))]


def fault_rows(changing: Changing, chosen: list[tuple[str, Case]]) -> Iterator[Row]:
    """Rows for a change with a fault and, where it failed, the `up` after it."""

    def run(turn: str, case: Case) -> Row:
        before = len(changing.asking.failed)
        changing.stage.faults(case.rule(changing.spec))
        first = changing.stage.run("up", changing.spec, None, **case.environ)
        struck = changing.stage.rules()[0]["struck"]
        changing.stage.faults()
        wrong, ended = ["" if struck else "the fault did not strike", said(first)], "converged"
        if not first.good:
            ended = f"error {first.error.get('code')}"
            again = changing.stage.run("up", changing.spec, None)
            wrong.append("" if again.good else f"up again: {again.error or again.unexpected}")
        wrong += changing.wrong_after(turn, before)
        return Row(f"change {turn}: {case.step.label}", case.fault, tuple(filter(None, wrong)), ended)

    return _in_turn(changing, chosen, run)


def _in_turn(changing: Changing, chosen: list[Any], run: Callable[[str, Any], Row]) -> Iterator[Row]:
    """Yield each case when the next change is of its kind; changes without a case run undisturbed."""
    left = list(chosen)
    while left:
        turn = changing.turn
        mine = next((one for one in left if one[0] == turn), None)
        if mine is None:
            report = changing.stage.run("up", changing.spec, None)
            assert report.good, report
        else:
            left.remove(mine)
            yield run(*mine)
        changing.next()


def _operations(changing: Changing) -> Counter[str]:
    return Counter(f"{one['kind']} {one['resource']}" for one in changing.stage.operations(changing.spec))


def _deployment(size: int) -> dict[str, Any]:
    return {"instance_type": SIZES[size], "environment_variables": crash.SLOW_START}

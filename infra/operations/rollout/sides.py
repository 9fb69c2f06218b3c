"""The two deployments of a rollout, side by side: what each one's server has counted, and how it answers questions."""

import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from infra.errors import GateliftError
from infra.http_client import Unreachable, Web
from infra.load.ask import DEPLOYMENT_HEADER, Client, Question, Sample
from infra.operations.rollout.evidence import Evidence, Limit, is_failure, of_samples, of_server
from infra.operations.rollout.metrics import Counted, Tally, read_metrics

LOOKS = 3  # for each instance when a step begins: the front end picks one for each look
MOST_LOOKS = 8  # at a time
READ_SECONDS = 60.0  # between two pieces of an answer
TOKENS = 16  # of each answer: enough for gaps, and little work
WARM_UP = 3  # questions that are not judged: the first answers of a new server are slower than all others
NO_CHAT = frozenset({400, 404, 405, 422})
KEY_CHANGED = 401


class Way(Struct, frozen=True):
    """How the deployments of an endpoint are asked."""

    base_url: str
    key: Callable[[], str]
    models: Mapping[str, str]
    """The name under which each deployment serves its model."""
    ask_otherwise: Callable[[str], object]
    """Asks a deployment whose model does not chat one question of another kind; raises where it does not answer."""
    forget_key: Callable[[], None] = lambda: None
    """Makes `key` read the key anew, which somebody may have made new in the middle."""


class Side:
    """One deployment while a step is watched."""

    def __init__(self, way: Way, name: str, instances: int) -> None:
        self.name = name
        self.samples: list[Sample] = []
        self.readable = True
        """Whether its server tells what it counts, of each instance on its own if there are several."""
        self._way = way
        self._instances = instances
        self._web = Web(read=READ_SECONDS)
        self._client = Client(way.base_url, way.key, way.models.get(name, ""), deployment=name, web=self._web)
        self._chats = True
        parts = urlsplit(way.base_url)
        self._metrics_url = f"{parts.scheme}://{parts.netloc}/metrics"
        self._tally = Tally()

    def warm_up(self) -> None:
        """Ask some questions that nobody judges, and find out whether the model chats."""
        for number in range(WARM_UP):
            sample = self._client.ask(_question(number))
            self._chats = self._chats and sample.status not in NO_CHAT
            if not self._chats:
                return

    def begin(self) -> None:
        """Forget what was seen, and take what the server has counted up to now."""
        self.samples, self._tally = [], Tally()
        for _ in range(LOOKS):
            self.look_around()

    def look_around(self) -> None:
        """Look once for each instance: a front end that takes them in turn shows each then, and none twice."""
        for _ in range(min(self._instances, MOST_LOOKS)):
            self.look()

    def look(self) -> None:
        """Take what the server counts; a look that brings nothing is left out."""
        try:
            headers = {DEPLOYMENT_HEADER: self.name, "Authorization": f"Bearer {self._way.key()}"}
            answer = self._web.send("GET", self._metrics_url, headers=headers)
        except (Unreachable, GateliftError):  # the second: no key, where this machine has no network for a moment
            return
        if answer.status == KEY_CHANGED:
            self._way.forget_key()
        if answer.status != 200:
            return
        found = read_metrics(answer.text())
        self.readable = found is not None and bool(found[0] or self._instances == 1)
        if found is not None and self.readable:
            self._tally.look(*found)

    def ask(self, number: int) -> Sample:
        """Ask one question of our own."""
        sample = self._client.ask(_question(number)) if self._chats else self._ask_otherwise()
        if sample.status == KEY_CHANGED:
            self._way.forget_key()
        return sample

    @property
    def counted(self) -> Counted:
        """What its server has counted since the step began."""
        return self._tally.since()

    @property
    def instances(self) -> int:
        """How many of its instances were seen."""
        return self._tally.instances

    def evidence(self, limit: Limit) -> dict[str, Evidence]:
        """What the server and our own requests say about a limit; what says nothing is left out."""
        found = {"asked": of_samples(self.samples, limit), "server": of_server(self.counted, limit)}
        return {source: evidence for source, evidence in found.items() if evidence.cases}

    def _ask_otherwise(self) -> Sample:
        began = time.perf_counter()
        status, error = 200, ""
        try:
            self._way.ask_otherwise(self.name)
        except GateliftError as problem:
            status, error = 0, str(problem)
        seconds = time.perf_counter() - began
        return Sample(began, None, (), seconds, 0, 0, status, error)


def ask_both(new: Side, old: Side, number: int) -> None:
    """Ask both the same question, and keep what shows something.

    Where neither answers at all, it is this machine's network that is to blame; what the front end refuses because of
    the key or the route says nothing of a deployment either.
    """
    order = (new, old) if number % 2 else (old, new)
    samples = {side.name: side.ask(number) for side in order}
    if all(sample.failed and not sample.status for sample in samples.values()):
        return
    for side in order:
        if not (sample := samples[side.name]).failed or is_failure(sample):
            side.samples.append(sample)


def _question(number: int) -> Question:
    return Question(f"Write one sentence about the number {number}.", TOKENS)

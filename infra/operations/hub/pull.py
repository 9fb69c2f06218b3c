"""Brings a model into the emulated Hub's cache, by reading it through the emulated Hub."""

import threading
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from http.client import HTTPMessage
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from infra.emulator import launcher
from infra.emulator.hub.upstream.cache_folder import CacheFolder
from infra.errors import GateliftError, NotFound, NotReady
from infra.http_client import Answer
from infra.hub.access import ONLINE, Hub
from infra.hub.facts import HubFile, ModelFacts
from infra.hub.refusals import NOT_CACHED, Question, refusal
from infra.hub_behind import hub_behind, tell_hub_behind
from infra.operations.hub.kept import served_files
from infra.parallel import together
from infra.paths import default_emulator_state
from infra.reporter import Reporter
from infra.timeouts import read_timeouts

if TYPE_CHECKING:
    import httpx

READERS = 4  # files at once
TRIES = 5  # that bring nothing
LONGEST_WAIT = 60.0
READ_SECONDS = 120.0
KIND = "hub"
THROTTLED = (408, 429)
NETWORK = "check the network, HF_ENDPOINT (which Hub) and HTTPS_PROXY (whether a proxy is needed), then run it again"


class Pulled(Struct, frozen=True):
    """A model in the cache; `folder` has its files, and is empty where nothing had to be kept."""

    id: str
    commit: str
    files: tuple[str, ...]
    bytes: int
    folder: str


class Pull:
    """One model on its way into the cache."""

    def __init__(self, model: str, revision: str | None, *, token: str | None, all_files: bool) -> None:
        self._model = model
        self._revision = revision
        self._token = token
        self._all = all_files
        self._done = 0
        self._lock = threading.Lock()

    def run(self, environ: MutableMapping[str, str], reporter: Reporter) -> Pulled:
        """Start the emulator if it does not run, and read the model through its Hub."""
        _check_name(self._model)
        profile = launcher.start(default_emulator_state(environ))
        told = hub_behind(environ, own_hub=profile.hub, own_bundle=profile.ca_bundle)
        tell_hub_behind(profile.portal, told)
        hub = Hub(profile.hub, local=True, timeouts=read_timeouts(environ))
        hub.tell_of_waits(reporter.note)
        with _way_to_the_hub(offline=told["offline"]):
            facts = hub.model(self._model, self._revision, self._token)
            wanted = self._files(facts)
            folder = CacheFolder(Path(told["cache"])).folder(self._model) / "snapshots" / facts.revision
            self._bring(hub, facts, [file for file in wanted if not _is_here(folder, file)], reporter)
        size = sum(file.size or 0 for file in wanted)
        names = tuple(file.name for file in wanted)
        return Pulled(facts.id, facts.revision, names, size, str(folder) if folder.is_dir() else "")

    def _bring(self, hub: Hub, facts: ModelFacts, lacking: list[HubFile], reporter: Reporter) -> None:
        """Read the files that are not here yet, and report it."""
        began = time.monotonic()
        reporter.phase_started(KIND, facts.id)
        try:
            self._read_all(hub, facts, lacking, reporter)
        except GateliftError as error:
            reporter.failed(KIND, facts.id, time.monotonic() - began, str(error))
            raise
        reporter.phase_finished(KIND, facts.id, time.monotonic() - began, f"{len(lacking)} files")

    def _files(self, facts: ModelFacts) -> list[HubFile]:
        """The files that a server would load, small ones first; all of them where that was asked for."""
        served = set(served_files(file.name for file in facts.files))
        chosen = [file for file in facts.files if self._all or file.name in served]
        if not chosen:
            hint = "--all-files brings what it has"
            raise GateliftError(f"{facts.id} has no file that a server would load", hint=hint, code="no_weights")
        return sorted(chosen, key=lambda file: (file.size or 0, file.name))

    def _read_all(self, hub: Hub, facts: ModelFacts, wanted: list[HubFile], reporter: Reporter) -> None:
        total, left = sum(file.size or 0 for file in wanted), iter(wanted)

        def work(client: "httpx.Client") -> None:
            for file in left:
                for size in self._read(client, hub, facts, file):
                    with self._lock:
                        self._done += size
                    reporter.progress(KIND, facts.id, self._done, total)

        with _client(self._token if facts.needs_token else None) as client:
            together([lambda: work(client)] * min(READERS, len(wanted)))

    def _read(self, client: "httpx.Client", hub: Hub, facts: ModelFacts, file: HubFile) -> Iterator[int]:
        """Read one file; yields how many bytes came. What breaks off is continued where it was."""
        import httpx

        url, done, failures = hub.resolve_url(self._model, facts.revision, file.name), 0, 0
        while True:
            before = done
            try:
                headers = {"Range": f"bytes={done}-"} if done else {}
                with client.stream("GET", url, headers=headers) as answer:
                    wait = self._wait(answer, hub)
                    if wait is None:
                        for piece in answer.iter_raw():
                            done += len(piece)
                            yield len(piece)
                        return
            except httpx.TransportError as error:
                wait, reason = 1.0, str(error)
            else:
                reason = "the Hub asks to wait"
            failures = 1 if done > before else failures + 1
            if failures > TRIES:
                raise NotReady(
                    f"{file.name} of {facts.id} breaks off: {reason}",
                    hint="run it again: what is here is not fetched again",
                    code="hub_cut",
                )
            time.sleep(wait)

    def _wait(self, answer: "httpx.Response", hub: Hub) -> float | None:
        """How long the Hub asks to wait; None where it answers with the file. Raises what it refuses."""
        if answer.is_success:
            return None
        if answer.status_code in THROTTLED:
            after = answer.headers.get("retry-after", "")
            return min(float(after), LONGEST_WAIT) if after.isdecimal() else 1.0
        headers = HTTPMessage()
        for name, value in answer.headers.items():
            headers[name] = value
        question = Question(hub.endpoint, True, self._model, self._revision, bool(self._token))
        raise refusal(question, Answer(answer.status_code, headers, answer.read()))


def _check_name(model: str) -> None:
    """Raise `NotFound` for what cannot be the name of a model, such as the address of its page."""
    try:
        CacheFolder.check(model)
    except ValueError:
        hint = "write it as ORG/NAME, as at the top of its page on the Hub; a branch, tag or commit goes to --revision"
        raise NotFound(f"{model!r} is not the name of a model", hint=hint, code="model_name") from None


def _is_here(folder: Path, file: HubFile) -> bool:
    """Whether an earlier run has brought the file."""
    place = folder / file.name
    return place.is_file() and place.stat().st_size == file.size


@contextmanager
def _way_to_the_hub(*, offline: bool) -> Iterator[None]:
    """Say what keeps the Hub from being reached, where the emulated Hub would send people to `hub pull` again."""
    try:
        yield
    except NotReady as error:
        if error.code != NOT_CACHED:
            raise
        raise NotReady(str(error), hint=ONLINE if offline else NETWORK, code=error.code) from None


@contextmanager
def _client(token: str | None) -> Iterator["httpx.Client"]:
    """A client of the emulated Hub, whose address no proxy is for."""
    import httpx  # slow to import

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    timeout = httpx.Timeout(READ_SECONDS, connect=10.0)
    with httpx.Client(headers=headers, timeout=timeout, trust_env=False, follow_redirects=True) as client:
        yield client

"""Runs each command, and a container's start, against each answer of the Hub, on the emulator as a cloud of its own."""

import contextlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.azure.target import open_target
from infra.cli.input.token import token_if_needed
from infra.cli.main import error_object, main
from infra.errors import GateliftError
from infra.operations.up import up
from infra.planning.desired import Sources
from infra.planning.prepare import prepare
from infra.redaction import SEEN
from infra.reporter import Silent
from infra.spec.file import load_spec
from tests.infra.ci_cloud import SUBSCRIPTION, CiCloud
from tests.infra.cli.conftest import clean_environ, environment
from tests.infra.hub.answers.container import fetch_in_container
from tests.infra.hub.answers.rows import LOGIN_PAGE, REPOS, ROWS, TOKENS, Row
from tests.infra.hub.told import Say, ToldHub, told_hub

SUBJECT = "repo:octo/models:environment:hub"
COMMANDS = ("doctor", "token verify", "plan", "up", "container start")
ABOUT_MODELS = ("model", "files", "token", "download")  # of doctor's checks
SHORT = {"GATELIFT_HUB_TIMEOUT": "1", "GATELIFT_REQUEST_TIMEOUT": "20"}
PAGE = Say(body=b"<html>Welcome to our hotel, please log in</html>", headers={"Content-Type": "text/html"})
TOLD = ("the Hub ", "org/")  # beginnings of the lines that tell of a wait, and of another name
PORTS = re.compile(r"http://127\.0\.0\.1:(?!9\b)\d+")
CLIENT_TIMES = re.compile(r"\[Errno \d+\] ?|\(os error \d+\)")


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit code, the error's code, what it says, what to do, and the lines while it waited."""

    exit: int
    code: str = ""
    says: str = ""
    hint: str = ""
    meanwhile: tuple[str, ...] = ()
    raw: str = ""


class Stage:
    """An emulated cloud and Hub, in which every row has a workspace of its own."""

    def __init__(self, folder: Path, sources: Sources, login: ToldHub) -> None:
        self.folder, self.sources, self.login = folder, sources, login
        login.answers = [PAGE]
        where = {"subscription_id": SUBSCRIPTION, "resource_group": "ml", "location": "eastus"}
        seed = {
            "workspaces": [{**where, "name": f"lab-{number}"} for number in range(len(ROWS))],
            "hub": {
                "tokens": [{"value": value, **rest} for value, rest in TOKENS.items()],
                "repos": [{"id": id, **rest} for id, rest in REPOS.items()],
            },
        }
        self.cloud = CiCloud(folder, seed)
        self.cloud.trust(SUBJECT)

    def close(self) -> None:
        """Stop the emulator."""
        self.cloud.close()

    def run(self, row: Row) -> Iterator[tuple[str, Outcome]]:
        """Each command's name and outcome; every command meets the fault rules anew."""
        spec = self.folder / "spec.json"
        spec.write_text(json.dumps(self._spec(row)))
        environ = self._environ(row)
        runs = {
            "doctor": lambda: self._doctor(spec, environ),
            "token verify": lambda: self._command(["token", "verify", str(spec)], environ),
            "plan": lambda: self._command(["plan", str(spec)], environ),
            "up": lambda: self._up(spec, environ),
            "container start": lambda: self._container(row, environ["HF_ENDPOINT"]),
        }
        for name in COMMANDS:
            if name == "container start" and row.environ:  # it does not have this machine's environment
                continue
            self.cloud.portal("faults", list(row.faults))
            yield name, runs[name]()
        self.cloud.portal("faults", [])

    def _spec(self, row: Row) -> dict[str, Any]:
        number = ROWS.index(row)
        return {
            "name": f"row-{number}",
            "model": {"id": row.model} | ({"revision": row.revision} if row.revision else {}),
            "workspace": {"subscription_id": SUBSCRIPTION, "resource_group": "ml", "name": f"lab-{number}"},
            "endpoint": {"name": f"row-{number}-endpoint"},
            "deployment": {"instance_type": "Standard_NC24ads_A100_v4"},
        }

    def _environ(self, row: Row) -> dict[str, str]:
        endpoint = {"": self.cloud.profile.hub, LOGIN_PAGE: self.login.url}.get(row.endpoint, row.endpoint)
        environ = clean_environ(self.folder, **self.cloud.github(SUBJECT), **SHORT)
        environ = {name: value for name, value in environ.items() if not name.lower().endswith("_proxy")}
        environ |= {
            "NO_PROXY": "127.0.0.1",
            "HF_ENDPOINT": endpoint,
            "HF_HOME": str(self.folder / "hf"),
            **(row.environ or {}),
        }
        return environ | ({"HF_TOKEN": row.token} if row.token else {})

    def _command(self, arguments: list[str], environ: Mapping[str, str]) -> Outcome:
        """A command that ends well or with one error."""
        code, document, raw = _captured([*arguments, "--output", "json"], environ)
        waited = _waits(raw)
        if code == 0:
            return Outcome(0, says=_good(arguments[0], document), meanwhile=waited, raw=raw)
        error = document["error"]
        return Outcome(code, error["code"], _plain(error["message"]), _plain(error["hint"]), waited, raw)

    def _doctor(self, spec: Path, environ: Mapping[str, str]) -> Outcome:
        code, document, raw = _captured(["doctor", str(spec), "--output", "json"], environ)
        checks = [check for check in document["checks"] if check["name"] in ABOUT_MODELS]
        bad = [check for check in checks if check["verdict"] != "ok"]
        others = [check for check in document["checks"] if check not in checks and check["verdict"] == "fail"]
        assert not others, others
        shown = bad or checks
        says = "; ".join(f"{check['name']}: {check['detail']}" for check in shown)
        hint = "; ".join(check["fix"] for check in bad)
        return Outcome(code, "" if code == 0 else bad[0]["name"], _plain(says), _plain(hint), _waits(raw), raw)

    def _up(self, spec: Path, environ: dict[str, str]) -> Outcome:
        """`up` with a container that starts at once."""
        waited: list[str] = []
        with environment(environ):
            try:
                stack = load_spec(spec, environ=environ, local=False)
                target = open_target(stack, local=False, environ=environ, absent="make")
                target.hub.tell_of_waits(waited.append)
                prepared = prepare(
                    stack, target, token=token_if_needed(None, environ), sources=self.sources, with_credential=True
                )
                up(prepared, target, reporter=Silent())
            except GateliftError as error:
                found = error_object(error)
                raw = json.dumps(found) + str(waited)
                return Outcome(1, found["code"], _plain(found["message"]), _plain(found["hint"]), tuple(waited), raw)
            finally:
                SEEN.clear()
        return Outcome(0, says="ready", meanwhile=tuple(waited))

    def _container(self, row: Row, endpoint: str) -> Outcome:
        needs_token = row.model in ("org/gated", "reader/private", "org/old", "org/none")
        token = row.token if needs_token else None  # as gatelift gives it to the container
        cache = self.folder / f"weights-{ROWS.index(row)}"
        says, hint = fetch_in_container(row.called or row.model, row.revision, endpoint, token, cache)
        if says:
            return Outcome(1, "", _plain(says), _plain(hint), raw=says + hint)
        return Outcome(0, says="has the weights")


@contextlib.contextmanager
def open_stage(folder: Path, sources: Sources) -> Iterator[Stage]:
    """The stage, until the end of the block."""
    with told_hub() as login:
        stage = Stage(folder, sources, login)
        try:
            yield stage
        finally:
            stage.close()


def _captured(arguments: list[str], environ: Mapping[str, str]) -> tuple[int, Any, str]:
    """Exit code, document on stdout, and everything that was written."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with environment(dict(environ)), contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = main(arguments)
    return code, json.loads(stdout.getvalue()), stdout.getvalue() + stderr.getvalue()


def _waits(raw: str) -> tuple[str, ...]:
    return tuple(_plain(line) for line in raw.splitlines() if line.startswith(TOLD))


def _good(command: str, document: Any) -> str:
    if command == "plan":
        kinds = [change["kind"] for change in document["changes"] if change["action"] == "create"]
        return f"creates {', '.join(kinds)}"
    access = f" gives access to {document['model']}" if "model" in document else ""
    return f"{document['user']}'s {document['role']} token{access}"


def _plain(text: str) -> str:
    """The text as on a machine of which nothing is particular."""
    return CLIENT_TIMES.sub("", PORTS.sub("https://huggingface.co", text))

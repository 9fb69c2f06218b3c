"""The requests of a command as steps, whose names are the same for every stack."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.infra.matrices.inventory import UNIQUE

READS = ("listsecrets", "listkeys", "getlogs")
POLL = "mfeOperationsStatus"
PREFIX = re.compile(
    r"^/subscriptions/[^/]+(/resourceGroups/group-[^/]+)?(/providers/Microsoft\.MachineLearningServices)?"
)
# A registry, the moment of an upload to it, and the number of a run in it.
BUILD = re.compile(r"\bcr[0-9a-f]{10,18}\b|(?<=/)\d{12}(?=/)|(?<=/)ca\d+\b")
UPLOAD = re.compile(r"^/blobstore/[^/]+/[^/]+/(?:LocalUpload/[^/]+/)?(?P<path>.*)")


@dataclass(frozen=True)
class Step:
    """One request of a command: what it asks for, and its number among requests for the same (0 is the first)."""

    method: str
    path: str
    skip: int = 0
    target: str = "arm"

    @property
    def label(self) -> str:
        """The step's name in the tables."""
        again = f" #{self.skip + 1}" if self.skip else ""
        return f"{self.method} {self.path}{again}"

    @property
    def writes(self) -> bool:
        """Whether the request changes something."""
        return self.method != "GET" and self.method != "HEAD" and not self.path.lower().endswith(READS)

    @property
    def is_poll(self) -> bool:
        """Whether it asks for the state of a long-running operation."""
        return POLL in self.path

    @property
    def is_blob(self) -> bool:
        """Whether it goes to the storage account."""
        return self.path.startswith("blob ")

    def rule(self, spec: dict[str, Any], **does: Any) -> dict[str, Any]:
        """A fault rule that matches this request of this stack."""
        skip = {"skip": self.skip} if self.skip else {}
        path = "" if self.target == "hub" else self.pattern(spec)
        return {"method": self.method, "path": path, "target": self.target, **skip, **does}

    def pattern(self, spec: dict[str, Any]) -> str:
        """A regular expression for its path."""
        path, _, part = self.path.removeprefix("blob ").partition(" ")
        text = re.escape(path).replace("S", "\0").replace(r"\*", "[^/?]+")
        text = re.sub(r"(?<![A-Za-z0-9])\0(?![A-Za-z0-9])", spec["name"], text).replace("\0", "S")
        if self.is_blob:
            return rf"/blobstore/.*/{text}\?{f'comp={part}' if part else '(?!comp=)'}"
        return rf"/{text}(\?|$)"


def steps(requests: list[tuple[str, str]], name: str) -> list[Step]:
    """The requests as steps, in order."""
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for method, target in requests:
        path = template(target, name)
        if path:
            found.append(Step(method, path, seen[method, path]))
            seen[method, path] += 1
    return [step for step in found if not (step.skip and _as_often_as_it_happens(step))]


def _as_often_as_it_happens(step: Step) -> bool:
    """Whether the number of such requests differs between runs.

    A lease is renewed as often as the run is long; the lock of what stacks share is kept where two steps overlap.
    """
    return step.path.endswith(" lease") or "gatelift-locks/shared" in step.path


def template(target: str, name: str) -> str:
    """The path without what differs between stacks; empty for the emulator's own interfaces."""
    path, _, query = target.partition("?")
    if match := UPLOAD.match(path):
        part = re.match(r"comp=(metadata|lease)", query)
        return f"blob {_varying(_plain(match['path'], name))}{f' {part[1]}' if part else ''}"
    if path in ("/seed", "/workspaces", "/hub-upstream", "/blob-links") or path.startswith("/api/"):
        return ""
    short = PREFIX.sub("", path).lstrip("/") or path.lstrip("/").partition("/")[2]
    short = re.sub(rf"{POLL}/[^/]+", f"{POLL}/*", short)
    short = _plain(short, name)
    return _varying(re.sub(r"/versions/[0-9a-f]{12}", "/versions/*", short))


def _plain(text: str, name: str) -> str:
    """The text with `S` for the stack's name."""
    return re.sub(rf"(?<![A-Za-z0-9]){name}(?![A-Za-z0-9])", "S", text)


def _varying(path: str) -> str:
    """The path with `*` for what is another in each run."""
    return BUILD.sub("*", UNIQUE.sub("*", path))

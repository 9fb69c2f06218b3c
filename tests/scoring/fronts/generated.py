"""Requests for both fronts: each member of the two surfaces with every kind of value, alone and in random company."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
VALUES = json.loads(Path(__file__).with_name("values.json").read_text())
MEMBERS = {CHAT: VALUES["both"] | VALUES["chat"], COMPLETIONS: VALUES["both"] | VALUES["completions"]}
TOGETHER = {CHAT: VALUES["chat together"], COMPLETIONS: VALUES["completions together"]}
PLAIN = {CHAT: {"messages": [{"role": "user", "content": "Say hello."}]}, COMPLETIONS: {"prompt": "Hello"}}
TOO_LONG = {
    CHAT: {"messages": [{"role": "user", "content": "x " * 3000}]},
    COMPLETIONS: {"prompt": "x " * 3000},
}
# Bodies that are unusual as such; `%s` stands for members that make a plain chat.
BODIES = {
    "no JSON": b"{",
    "no object": b"[1]",
    "a text": b'"x"',
    "null": b"null",
    "nothing": b"",
    "an empty object": b"{}",
    "no UTF-8": b'{%s, "user": "\xff"}',
    "a byte order mark": b"\xef\xbb\xbf{%s}",
    "half a surrogate pair": b'{%s, "stop": "\\ud83d"}',
    "a member twice": b'{%s, "max_tokens": 3}',
    "a member twice, once of a wrong type": b'{%s, "seed": "x", "seed": 3}',
    "NaN": b'{%s, "top_p": NaN}',
    "Infinity": b'{%s, "top_p": Infinity}',
    "minus zero": b'{%s, "frequency_penalty": -0.0}',
    "a float that is whole": b'{%s, "seed": 2e0}',
    "trailing bytes": b"{%s} x",
    "white space around": b" \n{%s}\n ",
    "a comment": b"{%s /* x */}",
}
GOOD = b'"model": "", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2, "temperature": 0'
MOST_MEMBERS = 6  # of a request in random company


@dataclass(frozen=True)
class Request:
    """One request, as bytes; `name` says what is special about it."""

    name: str
    path: str
    body: bytes


def requests(model: str) -> list[Request]:
    """Return every value of every member alone, whole and streamed, what only shows together, and unusual bodies."""
    return [*_alone(model), *_together(model)]


def mixed(model: str, count: int, seed: int) -> Iterator[Request]:
    """Yield requests of two to six random members; most values are good ones, or all would be refused."""
    chance = random.Random(seed)
    for _ in range(count):
        path = chance.choice((CHAT, CHAT, COMPLETIONS))
        given: dict[str, Any] = {"stream": True} if chance.random() < 0.4 else {}
        for member in chance.sample(sorted(MEMBERS[path]), chance.randint(2, MOST_MEMBERS)):
            values = MEMBERS[path][member]
            given[member] = values[min(len(values) - 1, int(chance.expovariate(0.7)))]
        yield _request(model, path, given)


def _alone(model: str) -> Iterator[Request]:
    for path, known in MEMBERS.items():
        for member, values in known.items():
            for value in values:
                yield _request(model, path, {member: value})
                yield _request(model, path, {"stream": True, member: value})


def _together(model: str) -> Iterator[Request]:
    for path, known in TOGETHER.items():
        yield from (_request(model, path, given) for given in known)
        yield _request(model, path, TOO_LONG[path])
        yield _request(model, path, {"stream": True, **TOO_LONG[path]})
    for name, body in BODIES.items():
        yield Request(f"{CHAT}: {name}", CHAT, body.replace(b"%s", GOOD))


def _request(model: str, path: str, given: dict[str, Any]) -> Request:
    document = {"model": model, **PLAIN[path], "max_tokens": 4, "temperature": 0, **given}
    body = json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return Request(f"{path}: {json.dumps(given)[:160]}", path, body)


def document(request: Request) -> dict[str, Any] | None:
    """Return what a request's body says, if it is a JSON object."""
    try:
        found = json.loads(request.body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None

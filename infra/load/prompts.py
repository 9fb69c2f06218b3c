"""What is asked: made-up prompts of a given length, or those of a file."""

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from infra.errors import GateliftError
from infra.load.ask import MOST_TOKENS, Question

LENGTHS = ("max_completion_tokens", "max_tokens", "output_tokens")
FORMS = 'a prompt a line, JSON lines with "prompt" or "messages", or the JSON array of a ShareGPT file'
ARRAY = re.compile(r"\s*\[\s*(?![^\W\d_])")
"""How the JSON array of a file begins; `[INST]` begins a prompt."""
_TEXT = """
about after age almost american another arm art baby because before believe body boy bright build business carry catch
center child city clean climb cold color company control country court cross data death deep difference director door
drink drug early effect either engine enter every explain face fall father field figure film finish foot forget friend
garden give golden green group guy happen head hear help hold hope house image information island job kid kitchen land
laugh leader leave level light listen look lot machine man matter meet metal minute money morning mountain movie name
need night notice offer official open others paint parent party patient people phone piece plan player police position
practice price product project push quiet reach reason relationship report rest return right river role run say season
seem sense service share side simple sit situation small son space spend star state step stop street student summer
swim table talk teach team tell thank think time town tree try type understand value visit wait wall war wash water
wear while wide win winter woman word worker write yellow
"""
WORDS = tuple(re.findall(r"\w+", _TEXT))
"""Usual English words: one token each in most vocabularies."""


def made_up(words: int, max_tokens: int, *, seed: int = 0, exactly: bool = False) -> Callable[[int], Question]:
    """Prompts of so many random words, each by its number; no two are alike, so that no cache of prompts helps.

    A usual word is one token in most vocabularies. `exactly` asks vLLM for all of the `max_tokens`.
    """

    def question(number: int) -> Question:
        chance = random.Random(f"{seed}/{number}")  # noqa: S311 (no secret depends on it)
        return Question(" ".join(chance.choices(WORDS, k=words)), max_tokens, ignore_eos=exactly)

    return question


def read_prompts(path: Path, max_tokens: int, *, exactly: bool = False) -> tuple[Question, ...]:
    """The questions of a file; raises `GateliftError`, with file and line, for what is no prompt."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise GateliftError(f"{path}: {why}", hint=f"--prompts takes {FORMS}", code="prompts_unreadable") from None
    questions = tuple(
        Question(prompt, longest or max_tokens, messages, exactly)
        for prompt, messages, longest in (_array(path, text) if ARRAY.match(text) else _lines(path, text))
    )
    if not questions:
        raise GateliftError(f"{path}: no prompt in it", hint=f"--prompts takes {FORMS}", code="prompts_unreadable")
    return questions


_Read = tuple[str, tuple[dict[str, Any], ...], int | None]


def _lines(path: Path, text: str) -> Iterator[_Read]:
    # Not `splitlines`: in a JSON text, U+2028 and its like may stand as they are.
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        if not line.strip():
            continue
        if not line.lstrip().startswith("{"):
            yield line.strip(), (), None
            continue
        yield _entry(_decoded(line, f"{path}:{number}"), f"{path}:{number}")


def _array(path: Path, text: str) -> Iterator[_Read]:
    entries = _decoded(text, str(path))
    for number, entry in enumerate(entries, 1):
        if isinstance(entry, dict) and entry.get("conversations") == []:
            continue  # ShareGPT's own file has some
        yield _entry(entry, f"{path}: entry {number}")


def _decoded(text: str, where: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _bad(where, f"no JSON: {error}") from None


def _entry(entry: Any, where: str) -> _Read:
    if isinstance(entry, str) and entry.strip():
        return entry, (), None
    if not isinstance(entry, dict):
        raise _bad(where, "neither an object nor a text")
    body = entry["body"] if isinstance(entry.get("body"), dict) else entry  # a line of OpenAI's batch files
    longest = next((body[name] for name in LENGTHS if name in body), None)
    if longest is not None and (
        isinstance(longest, bool) or not isinstance(longest, int) or not 1 <= longest <= MOST_TOKENS
    ):
        raise _bad(where, f"{str(longest)[:20]} is no number of tokens")
    if isinstance(prompt := body.get("prompt"), str) and prompt:
        return prompt, (), longest
    if isinstance(messages := body.get("messages"), list) and messages:
        if all(isinstance(each, dict) and isinstance(each.get("role"), str) for each in messages):
            return "", tuple(messages), longest
        raise _bad(where, '"messages" must be objects with "role" and "content"')
    turns = entry.get("conversations")
    if isinstance(turns, list) and turns and isinstance(turns[0], dict) and isinstance(turns[0].get("value"), str):
        return turns[0]["value"], (), longest
    raise _bad(where, 'no "prompt" and no "messages"')


def _bad(where: str, why: str) -> GateliftError:
    return GateliftError(f"{where}: {why}", hint=f"--prompts takes {FORMS}", code="prompts_unreadable")

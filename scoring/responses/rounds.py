"""What a response goes on with when a chat answer has ended: another answer, as long as one of its calls waits."""

import asyncio
from typing import Any

from scoring.responses.events.machine import Machine
from scoring.responses.generation import Rounds, Sink
from scoring.responses.tools.calls import CustomCall
from scoring.responses.tools.tools import Tools

LIMIT = "max_completion_tokens"


def rounds_of(tools: Tools, chat: dict[str, Any]) -> Rounds | None:
    """Return what follows the answer to a chat request; None where nothing can, and the request is forgotten."""
    return GrammarRounds(chat) if any(one.grammar for one in tools.by_name.values()) else None


class GrammarRounds:
    """Has the input of a custom tool written under its grammar where the model has not kept to it by itself."""

    def __init__(self, chat: dict[str, Any]) -> None:
        self._chat = chat

    async def next(self, machine: Machine, tell: Sink) -> dict[str, Any] | None:
        """Return the chat request that writes the first such input; inputs that fit are told."""
        while machine.waiting:
            call = machine.waiting.pop(0)
            if not isinstance(call, CustomCall):
                continue
            if await asyncio.to_thread(call.fits):
                await tell([*machine.tell(call.item, call.accept()), *machine.done(call.item)])
                continue
            chat = limited({**self._chat, **call.write_again()}, machine)
            if chat is not None:
                machine.write_into(call)
            return chat
        return None


def limited(chat: dict[str, Any], machine: Machine) -> dict[str, Any] | None:
    """Return a chat request with what is left of `max_output_tokens`; None if that is nothing: the response is cut."""
    if chat.get(LIMIT) is None:
        return chat
    left = chat[LIMIT] - machine.output_tokens
    if left < 1:
        machine.run_out()
        return None
    return {**chat, LIMIT: left}

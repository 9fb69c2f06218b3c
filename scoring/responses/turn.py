"""One request for a response with all that belongs to it: its caller, the conversation before it, where it is kept."""

from dataclasses import dataclass
from typing import Any

from scoring.responses.conversations import Conversations
from scoring.responses.generation import Generation
from scoring.responses.paging import with_own_ids
from scoring.responses.record import Record
from scoring.responses.request.items import Item, new_id
from scoring.responses.request.request import Request

APPENDED = ("completed", "incomplete")


@dataclass
class Turn:
    """What is asked, by whom, on top of which items, and the generation that answers it."""

    request: Request
    owner: str
    context: list[Item]
    generation: Generation
    conversations: Conversations

    @property
    def response(self) -> dict[str, Any]:
        """The response object as it stands."""
        return self.generation.response

    def record(self) -> Record:
        """Return the record of the response as it stands; its items can be told apart by their ids."""
        return Record(self.response, with_own_ids([*self.context, *self.request.items], new_id))

    async def append(self) -> bool:
        """Add what was said to its conversation, if it has one; False where there is no room for it.

        A response that has failed or was cancelled adds nothing: its client will send the same input again.
        """
        if self.request.conversation is None or self.response["status"] not in APPENDED:
            return True
        given, output = self.request.items, self.response["output"]
        return await self.conversations.append(self.request.conversation, self.owner, given, output)

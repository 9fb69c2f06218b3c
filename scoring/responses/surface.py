"""`/v1/responses`, `/v1/conversations` and what belongs to them, over one store: which part answers."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from scoring.engine.client import GENERATE
from scoring.problems import RETRY_SECONDS, Problem
from scoring.responses.background import BackgroundResponses
from scoring.responses.conversations import Conversations
from scoring.responses.endpoints.compacting import Compacting
from scoring.responses.endpoints.conversing import Conversing
from scoring.responses.endpoints.counting import Counting
from scoring.responses.endpoints.creating import Creating
from scoring.responses.endpoints.reading import Reading
from scoring.responses.keeping import Keeper
from scoring.responses.paging import Query
from scoring.responses.store.base import ResponseStore, StoreUnavailable
from scoring.web.admission import Admission
from scoring.web.exchange import Exchange
from scoring.web.service import Service

logger = logging.getLogger("scoring")

Work = Coroutine[Any, Any, None]
READERS = 64  # requests at a time that ask the store
FOLLOWERS = 64  # streams at a time of responses in the background


class Responses:
    """The Responses API of this process; its parts answer."""

    def __init__(self, store: ResponseStore, service: Service) -> None:
        self.keeper = keeper = Keeper(store, service)
        conversations = Conversations(keeper)
        self.background = background = BackgroundResponses(keeper)
        self.creating = Creating(keeper, conversations, background, service.settings)
        self.reading = Reading(keeper, background)
        self.conversing = Conversing(keeper, conversations)
        self.counting = Counting(keeper, self.creating)
        self.compacting = Compacting(keeper, self.creating)
        self._readers, self._followers = Admission(READERS, 0), Admission(FOLLOWERS, 0)

    async def at_the_engine(self, exchange: Exchange, work: Callable[[Exchange], Work]) -> None:
        """Have a part answer that asks the engine, and sees to its places. Raises `Problem`."""
        await _answered(work(exchange))

    async def at_the_store(self, exchange: Exchange, work: Callable[..., Work], *ids: str) -> None:
        """Have a part answer that only asks the store, while not too many do. Raises `Problem`, 429 among them."""
        exchange.engine_for(GENERATE)
        streams = Query(exchange.scope).get("stream") is not None
        with (self._followers if streams else self._readers).admitted() as place:
            exchange.send.on_end = place.end
            await _answered(work(exchange, *ids))


async def _answered(work: Work) -> None:
    try:
        await work
    except StoreUnavailable as error:
        logger.error("[responses] the store does not answer: %s", error)
        raise Problem(503, "Stored responses cannot be reached now.", retry_after=RETRY_SECONDS) from error

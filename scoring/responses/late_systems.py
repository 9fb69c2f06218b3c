"""Whether a model's chat template accepts system messages after others: some want one system message, at the start."""

from weakref import WeakKeyDictionary

from scoring.engine.client import VllmEngine
from scoring.problems import Problem
from scoring.responses.request.items import Item
from scoring.responses.request.messages import SYSTEM
from scoring.responses.request.request import Request
from scoring.responses.token_counts import count_tokens

TRIED = [
    {"role": "user", "content": "a"},
    {"role": "assistant", "content": "b"},
    {"role": "system", "content": "c"},
    {"role": "user", "content": "d"},
]
REFUSED = 400

_roles: WeakKeyDictionary[VllmEngine, str] = WeakKeyDictionary()


async def choose_late_role(request: Request, context: list[Item], engine: VllmEngine) -> None:
    """Give late system messages the role `user` where the model's template refuses them otherwise.

    The template is tried once for each engine, with the first conversation that has a system message. Raises `Problem`.
    """
    if any(item.get("role") in SYSTEM for item in (*context, *request.items)):
        if engine not in _roles:
            _roles[engine] = await _late_role(engine)
        request.late_role = _roles[engine]


async def _late_role(engine: VllmEngine) -> str:
    try:
        await count_tokens(engine, {"model": engine.names[0], "messages": TRIED})
    except Problem as problem:
        if problem.status != REFUSED:
            raise
        return "user"
    return "system"

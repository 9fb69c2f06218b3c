"""Generated Responses requests on the real server: never a 5xx, every answer valid, whole, streamed and kept alike.

The same requests in each run; GATELIFT_GENERATED says how many.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

from tests.scoring.served.generated.asking import AT_ONCE, REQUESTS, Server, check, said_alike
from tests.scoring.served.generated.requests import right_request, sloppy_request

LONGEST = 150  # tokens of an answer, which are single letters mostly


def test_generated_requests_get_valid_answers(scripted: Server, told: list[str]) -> None:
    def tried(number: int) -> int:
        right = number % 3 == 0
        draw = Random(number)
        body = bounded(right_request(draw) if right else sloppy_request(draw))
        status, whole = check(scripted, scripted.ask(body))
        assert not right or status == 200, (body, whole)
        # What is refused whole is refused as a stream, too.
        streamed_status, streamed = check(scripted, scripted.ask(body, stream=True))
        assert streamed_status == status, (body, whole, streamed)
        if status == 200 and body["temperature"] == 0:
            assert said_alike(streamed, whole), f"{body}\n{streamed['output']}\n{whole['output']}"
        return status

    with ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = Counter(pool.map(tried, range(REQUESTS)))
    told.append(f"generated Responses requests: {REQUESTS}, by status {dict(sorted(statuses.items()))}")
    assert statuses[200] >= REQUESTS / 3, statuses
    assert statuses[400] >= REQUESTS / 10, statuses


def bounded(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request that is answered at once, and soon."""
    body = {**body, **{name: False for name in ("stream", "background") if body.get(name) is True}}
    limit = body.get("max_output_tokens")
    return {**body, "max_output_tokens": LONGEST} if limit is None else body

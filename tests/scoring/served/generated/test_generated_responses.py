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
# Of a long answer that shares its steps with others, a near tie of two tokens may go either way: one draw of a run may
# differ, if it does not when it is asked again. All that differs is told.
TIES = 1


def test_generated_requests_get_valid_answers(scripted: Server, told: list[str]) -> None:
    differing: list[Any] = []

    def alike(body: dict[str, Any], whole: dict[str, Any], streamed: dict[str, Any]) -> bool:
        if said_alike(streamed, whole):
            return True
        differing.append((body, streamed["output"], whole["output"]))
        told.append(f"an answer that differed as a stream: {differing[-1]}")
        (_, whole), (_, streamed) = (check(scripted, scripted.ask(body, stream=stream)) for stream in (False, True))
        return said_alike(streamed, whole)

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
            assert alike(body, whole, streamed), differing
        return status

    with ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = Counter(pool.map(tried, range(REQUESTS)))
    told.append(f"generated Responses requests: {REQUESTS}, by status {dict(sorted(statuses.items()))}")
    assert len(differing) <= TIES, differing
    assert statuses[200] >= REQUESTS / 3, statuses
    assert statuses[400] >= REQUESTS / 10, statuses


def bounded(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request that is answered at once, and soon."""
    body = {**body, **{name: False for name in ("stream", "background") if body.get(name) is True}}
    limit = body.get("max_output_tokens")
    return {**body, "max_output_tokens": LONGEST} if limit is None else body

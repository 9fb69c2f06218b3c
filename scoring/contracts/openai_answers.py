"""vLLM's answers on OpenAI's surface, as OpenAI's document has them; bytes are replaced, nothing is parsed.

Null members that the document does not allow are left out, vLLM's own among them, and the details of the usage are
always there. Reasoning keeps vLLM's name, `reasoning`: the one that vLLM's clients read beside the older
`reasoning_content`, which Azure's surface uses; a client that reads both would show the reasoning twice.
Inside of a JSON string every quotation mark is escaped, so what is looked for here never matches a model's text.
"""

import re

from scoring.asgi import Message, RewrittenAnswer, send_bytes

NULL = b":null"
NOT_FINISHED = b'"finish_reason":null'  # the document wants it
FREQUENT = (b',"logprobs":null', b',"token_ids":null')  # in each event of vLLM's Python app
NO_ANNOTATIONS = (b'"annotations":null', b'"annotations":[]')  # OpenAI always has the list
USAGE = b'"usage":{'
DETAILS = {
    b'"prompt_tokens_details":': b'{"cached_tokens":0}',
    b'"completion_tokens_details":': b'{"reasoning_tokens":0}',
}
LOGPROBS = b'"logprobs":{"content":'
CHOICE, OWN_LOGPROBS, NO_LOGPROBS = b'"choices":[{"index":0,', b'"logprobs":', b'"logprobs":null,'


def nulls_beside(*kept: str) -> re.Pattern[bytes]:
    """Return what matches members that are null, but for those that the document lets be null."""
    member = rf'"(?!(?:{"|".join(kept)})")\w+":null'.encode()
    return re.compile(rb",%b|(?<=\{)%b,?" % (member, member))


ALLOWED = ("finish_reason", "content", "refusal", "bytes", "param", "code")  # the last two of an error in a stream
NULLS_OF_EVENTS = nulls_beside(*ALLOWED)
NULLS = nulls_beside(*ALLOWED, "logprobs")


class OpenAiWriter(RewrittenAnswer):
    """`send` for one chat request of OpenAI's API."""

    def events(self, events: bytes) -> bytes:
        """Return some whole events as the document has them."""
        if USAGE in events or LOGPROBS in events:
            events = with_details(events)
        if events.count(NULL) == events.count(NOT_FINISHED):
            return events  # as nearly always on the Rust front
        for member in FREQUENT:
            events = events.replace(member, b"")
        return events if events.count(NULL) == events.count(NOT_FINISHED) else NULLS_OF_EVENTS.sub(b"", events)

    async def whole(self, start: Message, body: bytes) -> None:
        """Send an answer as the document has it, and an error as it is."""
        if start["status"] == 200:
            body = NULLS.sub(b"", with_details(body.replace(*NO_ANNOTATIONS)))
        headers = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
        await send_bytes(self._send, start["status"], body, headers)


class CompletionsWriter(OpenAiWriter):
    """`send` for one request for a completion, each of whose events must have `logprobs`."""

    def events(self, events: bytes) -> bytes:
        """Return some whole events as the document has them."""
        if USAGE in events:
            events = with_details(events)
        if OWN_LOGPROBS not in events:  # of the Rust front, which is asked for none
            events = events.replace(CHOICE, CHOICE + NO_LOGPROBS)
        return NULLS.sub(b"", events)


def with_details(body: bytes) -> bytes:
    """Return an answer or events with both details in each usage, and `refusal` beside a text's log probabilities."""
    body = body.replace(LOGPROBS, b'"logprobs":{"refusal":null,"content":')
    before, *usages = body.split(USAGE)
    return b"".join([before, *(USAGE + _with_details(usage) for usage in usages)])


def _with_details(usage: bytes) -> bytes:
    for member, none in DETAILS.items():
        if member + b"null" in usage:
            usage = usage.replace(member + b"null", member + none, 1)
        elif member not in usage:
            usage = member + none + b"," + usage
    return usage

"""What the Rust front's answers on /v1 lack beside the Python app's, put in by bytes: no event is parsed for it.

Inside of a JSON string every quotation mark is escaped, so what is looked for here never matches a model's text.
"""

import json
from http import HTTPStatus

from scoring.problems import Problem, openai_error, shortened

# OpenAI's documents require both members, and clients read them from every event or message.
CHOICE = b'"choices":[{"index":0,'
FINISHED = b'"finish_reason":'
MESSAGE = b'"message":{"role":"assistant",'
NOTHING = b'"content":null'  # for an empty text: what has calls or reasoning the Python app answers
FIRST = b'"delta":{"role":"assistant"}'
ERROR = b'data: {"error":'
END = b"\n\n"


def complete_events(events: bytes) -> bytes:
    """Return some whole server-sent events with `finish_reason` in each choice, and errors as the Python app has them.

    The Rust front writes `finish_reason` only where it has a value, and no content beside the role.
    """
    if FIRST in events:
        events = events.replace(FIRST, FIRST[:-1] + b',"content":""}')
    if FINISHED not in events and ERROR not in events:
        return events.replace(CHOICE, CHOICE + b'"finish_reason":null,')
    return END.join([_complete_event(event) for event in events.split(END)])


def complete_answer(body: bytes) -> bytes:
    """Return a whole answer with `refusal` and `annotations` in its message, and an empty text for none."""
    body = body.replace(MESSAGE + NOTHING, MESSAGE + b'"content":""', 1)
    return body.replace(MESSAGE, MESSAGE + b'"refusal":null,"annotations":null,', 1)


def _complete_event(event: bytes) -> bytes:
    if event.startswith(ERROR):
        return b"data: " + json.dumps(openai_error(_problem(event[len(b"data: ") :]))).encode()
    return event if FINISHED in event else event.replace(CHOICE, CHOICE + b'"finish_reason":null,')


def _problem(event: bytes) -> Problem:
    """Read an error, whose code is a word in 0.32 and a status in 0.33."""
    try:
        error = json.loads(event)["error"]
        code = error.get("code")
        status = HTTPStatus(code).value if isinstance(code, int) else 500
        return Problem(status, shortened(str(error["message"])), param=error.get("param"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Problem(500, shortened(event.decode(errors="replace")))

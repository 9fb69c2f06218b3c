"""Warnings and errors of vLLM's log, cut short: it writes down what it refuses, however long that is.

What it finds wrong with a request when its stream has begun, as that of a response always has, comes with a traceback.
"""

import functools
import logging
from typing import Any

from scoring.engine.repairs.body_faults import is_refusal
from scoring.problems import shortened


@functools.cache  # once for all engines
def install() -> None:
    """Cut them where records are made: vLLM makes its handlers anew when it is configured."""
    make = logging.getLogRecordFactory()

    def made(*arguments: Any, **named: Any) -> logging.LogRecord:
        return cut_short(make(*arguments, **named))

    logging.setLogRecordFactory(made)


def cut_short(record: logging.LogRecord) -> logging.LogRecord:
    """Return a record of vLLM's with a message of at most some hundred characters if it is a warning or an error.

    The traceback of a mistake in a request becomes the words of the refusal.
    """
    if record.levelno >= logging.WARNING and record.name.partition(".")[0] == "vllm":
        message, error = record.getMessage(), record.exc_info[1] if record.exc_info else None
        if error is not None and is_refusal(error):
            message, record.exc_info = f"{message} {error}", None
        record.msg, record.args = shortened(message), ()
    return record

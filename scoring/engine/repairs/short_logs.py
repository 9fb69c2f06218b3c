"""Warnings and errors of vLLM's log, cut short: it writes down what it refuses, however long that is."""

import functools
import logging
from typing import Any

from scoring.problems import shortened


@functools.cache  # once for all engines
def install() -> None:
    """Cut them where records are made: vLLM makes its handlers anew when it is configured."""
    make = logging.getLogRecordFactory()

    def made(*arguments: Any, **named: Any) -> logging.LogRecord:
        return cut_short(make(*arguments, **named))

    logging.setLogRecordFactory(made)


def cut_short(record: logging.LogRecord) -> logging.LogRecord:
    """Return a record of vLLM's with a message of at most some hundred characters if it is a warning or an error."""
    if record.levelno >= logging.WARNING and record.name.partition(".")[0] == "vllm":
        record.msg, record.args = shortened(record.getMessage()), ()
    return record

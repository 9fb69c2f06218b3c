"""Warnings and errors of vLLM's log, cut short: it writes down what it refuses, however long that is."""

import logging

from scoring.problems import shortened


def install() -> None:
    """Cut what vLLM's own handlers write; call it once vLLM is imported."""
    for handler in logging.getLogger("vllm").handlers:
        handler.addFilter(cut_short)


def cut_short(record: logging.LogRecord) -> bool:
    """Keep a record, with a message of at most some hundred characters if it is a warning or an error."""
    if record.levelno >= logging.WARNING:
        record.msg, record.args = shortened(record.getMessage()), ()
    return True

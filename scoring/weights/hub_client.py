"""How huggingface_hub asks and what it logs: long waits are left to our own patience, signed addresses to nobody."""

import logging
import re

import httpx
from huggingface_hub import set_client_factory
from huggingface_hub.utils._http import default_client_factory, hf_raise_for_status

from scoring.weights.patience import asked_wait

LONGEST_WAIT = 10.0  # seconds for which huggingface_hub may sleep by itself; it has no bound of its own
SIGNATURE = re.compile(r"(https?://[^\s?]+)\?[^\s'\",]+")  # an address that opens a file to whoever has it
LOGGERS = ("httpx", "huggingface_hub")


def prepare_client() -> None:
    """Have huggingface_hub hand long waits over as errors, and log addresses without their queries."""
    set_client_factory(_client)
    for name in (*LOGGERS, *(one for one in logging.root.manager.loggerDict if one.startswith("huggingface_hub."))):
        if not any(isinstance(one, _WithoutSignatures) for one in logging.getLogger(name).filters):
            logging.getLogger(name).addFilter(_WithoutSignatures())


def without_signatures(text: str) -> str:
    """Return a text whose addresses have lost their queries."""
    return SIGNATURE.sub(r"\1", text)


def _client() -> httpx.Client:
    client = default_client_factory()
    hooks = client.event_hooks
    client.event_hooks = {**hooks, "response": [*hooks.get("response", []), _hand_over_long_wait]}
    return client


def _hand_over_long_wait(response: httpx.Response) -> None:
    """Raise the Hub's refusal where it asks to wait longer than huggingface_hub may sleep by itself."""
    if (asked_wait(response) or 0) > LONGEST_WAIT:
        response.read()
        hf_raise_for_status(response)


class _WithoutSignatures(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = without_signatures(record.getMessage()), ()
        return True

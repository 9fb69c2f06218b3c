"""gunicorn's settings for trying the scoring script on one machine: nobody else connects, requests run side by side.

`GUNICORN_CMD_ARGS="--config scoring/process/gunicorn_loopback.py" azmlinfsrv --entry_script scoring/score.py`:
azmlinfsrv binds every address on its own command line, which beats a `bind` here; the hook comes after it.
"""

from typing import Any

worker_class = "gthread"
threads = 64


def on_starting(arbiter: Any) -> None:
    """Listen on loopback only, on the port that azmlinfsrv was given."""
    arbiter.cfg.set("bind", [address.replace("0.0.0.0", "127.0.0.1") for address in arbiter.cfg.settings["bind"].value])  # noqa: S104

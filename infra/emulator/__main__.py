"""`python -m infra.emulator`: the server process. Its first line on stdout is its profile or its error, as JSON."""

import argparse
import asyncio
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

from infra.emulator.server import serve
from infra.errors import GateliftError


def main() -> int:
    """Run an emulator until a signal stops it."""
    parser = argparse.ArgumentParser(prog="python -m infra.emulator", description="An Azure Machine Learning emulator.")
    parser.add_argument("--state", type=Path, required=True, help="its state folder")
    parser.add_argument("--port", type=int, default=0, help="port of Resource Manager; 0: the previous one, or any")
    parser.add_argument("--seed", type=Path, help="seed file: its content at the first start")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("httpx", "uvicorn", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        asyncio.run(serve(options.state, port=options.port, seed=options.seed, on_ready=_report))
    except GateliftError as error:
        _report({"error": str(error), "hint": error.hint, "code": error.code})
        return 1
    return 0


def _report(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)  # noqa: T201  the launcher waits for this line
    # The launcher reads no further: later output goes to the log.
    if not sys.stdout.isatty():
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())

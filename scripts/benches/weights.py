"""Compares the starts of `python -m scoring` with weights from the Hub and from a folder, in turn.

The Hub is the emulator's, on this machine, and the model is gated: this measures the requests, the check of the token
and writing 270 MB to the disk, but no network. Every start from the Hub begins with an empty cache. The folder stands
for a mounted model asset (AZUREML_MODEL_DIR), but is on the local disk and has been read before.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from serving.about import say
from serving.matrix import COMMON, ENGINES, models_dir
from serving.processes import Server, clean_up_at_sigterm

GATELIFT = str(Path(sys.executable).parent / "gatelift")
MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
PHASES = ("weights", "imports", "engine", "first token")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/bench weights", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="starts of each kind (default 3)")
    rounds = parser.parse_args().rounds
    folder = Path(tempfile.mkdtemp(prefix="gatelift-bench-"))
    try:
        print_table(measure(folder, rounds))
    finally:
        gatelift("stop", folder)
    shutil.rmtree(folder)  # kept after a failure, with the server's log


def measure(folder: Path, rounds: int) -> dict[str, list[dict[str, float]]]:
    """Start the server with both kinds of weights in turn; return the timelines in seconds."""
    hub = json.loads(gatelift("start", folder, "--port", "0"))["hub"]
    token = json.loads(gatelift("token", folder))["token"]
    found: dict[str, list[dict[str, float]]] = {"from the Hub": [], "from a folder": []}
    for number in range(rounds + 1):
        for name, rows in found.items() if number % 2 else reversed(found.items()):
            cache = folder / "cache"
            if name == "from the Hub":
                arguments = ["--model", MODEL]
                environ = {"HF_ENDPOINT": hub, "HF_TOKEN": token, "HF_HOME": str(cache), "HF_HUB_OFFLINE": "0"}
            else:
                arguments, environ = [], {"AZUREML_MODEL_DIR": str(models_dir() / ENGINES["smollm2"][0])}
            timeline = start(Server("ours", [*COMMON, *arguments], folder / "log", extra_environment=environ))
            shutil.rmtree(cache, ignore_errors=True)
            if number:  # the first round reads the libraries from the disk
                rows.append(timeline)
                say(f"{name:14} " + "  ".join(f"{phase} {seconds:.2f}" for phase, seconds in timeline.items()))
    return found


def start(server: Server) -> dict[str, float]:
    """Start a server, read its timeline once it is ready, and stop it."""
    try:
        server.launch()
        ready = server.wait_ready().ready
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/health/ready", timeout=20) as answer:
            document: dict[str, Any] = json.load(answer)
    finally:
        server.stop()
    seconds = {one["phase"]: float(one["seconds"]) for one in document["phases"]}
    return {**{name: seconds[name] for name in PHASES}, "ready": ready}


def gatelift(action: str, folder: Path, *more: str) -> str:
    """Run `gatelift emulator ACTION` on a state folder of this bench; return its JSON document."""
    command = [GATELIFT, "emulator", action, "--state", str(folder / "state"), "--output", "json", *more]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def print_table(found: dict[str, list[dict[str, float]]]) -> None:
    """Print the medians with the lowest and highest values."""
    say(f"\n{'seconds, median (lowest-highest)':34}" + "".join(f"{name:>22}" for name in (*PHASES, "ready")))
    for name, rows in found.items():
        cells = []
        for phase in (*PHASES, "ready"):
            values = [row[phase] for row in rows]
            cells.append(f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})")
        say(f"{name:34}" + "".join(f"{cell:>22}" for cell in cells))


if __name__ == "__main__":
    clean_up_at_sigterm()
    main()

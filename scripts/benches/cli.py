"""Start-up time of the command line beside `import azure.ai.ml`, interleaved, as medians and ratios.

Each command runs as a process of its own, in turn, so that a slow moment of the machine falls on all of them.
`plan` and `status` run against the local emulator, which is started if none runs.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

BIN = Path(sys.executable).parent
SPEC = "examples/smollm2-gated.yaml"
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "python -c 'import azure.ai.ml'": [sys.executable, "-c", "import azure.ai.ml"],
    "gatelift --help": [str(BIN / "gatelift"), "--help"],
    "gatelift --version": [str(BIN / "gatelift"), "--version"],
    "gatelift plan --local": [str(BIN / "gatelift"), "plan", SPEC, "--local"],
    "gatelift status --local": [str(BIN / "gatelift"), "status", SPEC, "--local"],
}
REFERENCE = "python -c 'import azure.ai.ml'"


def timed(command: list[str], environ: dict[str, str]) -> tuple[float, float]:
    """Wall and CPU seconds of one run; a failing command ends the bench."""
    before, cpu_before = time.perf_counter(), os.times()
    result = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    cpu_after = os.times()
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{result.stderr}")
    cpu = sum(cpu_after[2:4]) - sum(cpu_before[2:4])
    return time.perf_counter() - before, cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="counted runs of each command (default 7)")
    rounds = parser.parse_args().rounds
    gatelift = str(BIN / "gatelift")
    subprocess.run([gatelift, "emulator", "start"], check=True, capture_output=True)
    token = subprocess.run([gatelift, "emulator", "token"], check=True, capture_output=True, text=True).stdout.strip()
    environ = {**os.environ, "HF_TOKEN": token}
    walls: dict[str, list[float]] = {name: [] for name in COMMANDS}
    cpus: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for round_number in range(rounds + 1):
        for name, command in COMMANDS.items():
            wall, cpu = timed(command, environ)
            if round_number:  # the first round warms the disk cache
                walls[name].append(wall)
                cpus[name].append(cpu)
    reference = statistics.median(walls[REFERENCE])
    print(f"{'command':34} {'wall s':>7} {'min':>6} {'max':>6} {'cpu s':>6} {'ratio':>6}")  # noqa: T201
    for name in COMMANDS:
        wall = statistics.median(walls[name])
        print(  # noqa: T201
            f"{name:34} {wall:7.2f} {min(walls[name]):6.2f} {max(walls[name]):6.2f}"
            f" {statistics.median(cpus[name]):6.2f} {wall / reference:6.2f}"
        )


if __name__ == "__main__":
    main()

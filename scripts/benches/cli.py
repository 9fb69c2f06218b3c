"""Measures the CPU time of commands, compared with `import azure.ai.ml`; prints medians and ratios.

Each command runs in a process of its own, and the commands take turns, so that a slow moment of the machine affects all
of them. CPU time is the process's own and does not include waiting. `plan` and `status` run against an emulator that is
started for this, and once more against Azure without a login, where they end before the first request.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = Path(sys.executable).parent
GATELIFT = str(BIN / "gatelift")
SPEC = "examples/smollm2-gated.yaml"
COMMANDS = {
    "python -c pass": ([sys.executable, "-c", "pass"], 0),
    "python -c 'import azure.ai.ml'": ([sys.executable, "-c", "import azure.ai.ml"], 0),
    "gatelift --help": ([GATELIFT, "--help"], 0),
    "gatelift --version": ([GATELIFT, "--version"], 0),
    "gatelift plan --local": ([GATELIFT, "plan", SPEC, "--local"], 0),
    "gatelift status --local": ([GATELIFT, "status", SPEC, "--local"], 0),
    "gatelift plan (Azure, no login)": ([GATELIFT, "plan", SPEC], 1),
}
REFERENCE = "python -c 'import azure.ai.ml'"
OF_THE_DEVELOPER = ("AZURE_", "IDENTITY_", "MSI_", "PYTHONDONTWRITEBYTECODE")


def timed(command: list[str], expected: int, environ: dict[str, str]) -> tuple[float, float]:
    """Wall and own CPU seconds of one run; an unexpected exit code ends the bench."""
    before = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environ)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != expected:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return time.perf_counter() - before, used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="counted runs of each command (default 7)")
    rounds = parser.parse_args().rounds
    folder = Path(tempfile.mkdtemp(prefix="gatelift-bench-"))
    environ = {name: value for name, value in os.environ.items() if not name.startswith(OF_THE_DEVELOPER)}
    # Bytecode files are written and used, as in an installed gatelift.
    environ |= {"GATELIFT_EMULATOR_STATE": str(folder / "state"), "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    try:
        measure(environ, rounds)
    finally:
        subprocess.run([GATELIFT, "emulator", "stop"], env=environ, capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def measure(environ: dict[str, str], rounds: int) -> None:
    subprocess.run([GATELIFT, "emulator", "start"], check=True, capture_output=True, env=environ)
    token = subprocess.run([GATELIFT, "emulator", "token"], check=True, capture_output=True, text=True, env=environ)
    environ = {**environ, "HF_TOKEN": token.stdout.strip()}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for round_number in range(rounds + 1):
        for name, (command, expected) in COMMANDS.items():
            measured = timed(command, expected, environ)
            if round_number:  # the first round warms the disk cache and writes the bytecode
                found[name].append(measured)
    print(f"{'command':34} {'cpu s':>6} {'min':>6} {'max':>6} {'wall s':>7} {'cpu ratio (min-max)':>20}")  # noqa: T201
    for name, runs in found.items():
        cpus = [cpu for _, cpu in runs]
        ratios = [cpu / reference for cpu, (_, reference) in zip(cpus, found[REFERENCE], strict=True)]
        print(  # noqa: T201
            f"{name:34} {statistics.median(cpus):6.2f} {min(cpus):6.2f} {max(cpus):6.2f}"
            f" {statistics.median(wall for wall, _ in runs):7.2f}"
            f" {statistics.median(ratios):8.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()

"""Compares a mirror of a model on the Hub with a download and azure-ai-ml's upload; interrupted ones, and peak memory.

Everything is on this machine, so the numbers say what the programs cost and not what a network gives.
"""

import shutil
import sys
import tempfile
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from serving.processes import clean_up_at_sigterm  # noqa: E402
from transferring.bench import Transfers, compare, read_options, say  # noqa: E402

ARMS = ("gatelift", "gatelift, streamed", "download, azure-ai-ml")


def main() -> None:
    options = read_options(__doc__)
    folder = Path(tempfile.mkdtemp(prefix="gatelift-bench-"))
    bench = Transfers(folder, options.megabytes, options.shards, hub=True)
    try:
        say(compare(bench, options.rounds, ARMS), bench.total, print)
        for arm, share in product(ARMS[:2], (0.3, 0.9)):
            again, run = bench.interrupted(share, arm)
            print(f"{arm}, killed at {share:.0%}: continued in {run.wall:.1f} s, {again:.0f} MB sent twice")  # noqa: T201
        print(f"peak memory of the emulator: {bench.emulator_peak:.0f} MB")  # noqa: T201
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    clean_up_at_sigterm()
    main()

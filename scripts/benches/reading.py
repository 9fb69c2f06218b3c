"""Compares how vLLM reads weights: mapped, read ahead, whole files, streamed; cold and warm, in turn.

Files of random numbers on the local disk; "cold" is after the kernel was told to forget them. Each tensor is copied
once, as loading does. It measures no network, no blobfuse and no GPU. `runai_streamer` is there where its package is.
"""

import argparse
import importlib.util
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from serving.about import say

TENSOR = 16 * 1024 * 1024  # bytes
Read = Callable[[list[str]], Iterator[Any]]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/bench reading", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=1024, help="of all files (default 1024)")
    parser.add_argument("--shards", type=int, default=4, help="how many files (default 4)")
    parser.add_argument("--rounds", type=int, default=3, help="readings of each kind (default 3)")
    parser.add_argument("--folder", type=Path, help="where the files are made, e.g. on a mount (default: temporary)")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="gatelift-reading-", dir=given.folder))
    try:
        print_table(measure(make_files(folder, given.megabytes, given.shards), given.rounds), given.megabytes)
    finally:
        shutil.rmtree(folder)


def make_files(folder: Path, megabytes: int, shards: int) -> list[str]:
    """Write files of safetensors and return their paths."""
    import torch
    from safetensors.torch import save_file

    each = max(1, megabytes * 1024 * 1024 // shards // TENSOR)
    for number in range(shards):
        tensors = {f"{number}.{at}": torch.randint(0, 255, (TENSOR,), dtype=torch.uint8) for at in range(each)}
        save_file(tensors, folder / f"model-{number + 1:05}-of-{shards:05}.safetensors")
    return sorted(str(path) for path in folder.glob("*.safetensors"))


def readers() -> dict[str, Read]:
    """Return vLLM's own ways of reading by the words of the engine's arguments."""
    from vllm.model_executor.model_loader.weight_utils import (
        runai_safetensors_weights_iterator,
        safetensors_weights_iterator,
    )

    def by(strategy: str | None) -> Read:
        return lambda files: safetensors_weights_iterator(files, False, strategy)

    found = {"auto (mapped)": by(None), "prefetch": by("prefetch"), "eager": by("eager")}
    if importlib.util.find_spec("runai_model_streamer"):
        found["runai_streamer"] = lambda files: runai_safetensors_weights_iterator(files, False)
    return found


def measure(files: list[str], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Read the files in each way in turn; return the seconds, cold and warm."""
    ways = readers()
    found: dict[str, dict[str, list[float]]] = {name: {"cold": [], "warm": []} for name in ways}
    for number in range(rounds):
        for name, read in ways.items() if number % 2 else reversed(ways.items()):
            forget(files)
            for state in ("cold", "warm"):
                found[name][state].append(seconds_of(read, files))
            say(f"{name:16} cold {found[name]['cold'][-1]:.2f}  warm {found[name]['warm'][-1]:.2f}")
    return found


def seconds_of(read: Read, files: list[str]) -> float:
    """Read the files once, and copy each tensor."""
    began = time.perf_counter()
    for _, tensor in read(files):
        tensor.clone()
    return time.perf_counter() - began


def forget(files: list[str]) -> None:
    """Have the kernel drop what it keeps of the files; what is not written yet is written first."""
    for name in files:
        descriptor = os.open(name, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def print_table(found: dict[str, dict[str, list[float]]], megabytes: int) -> None:
    """Print medians with the lowest and highest, and how they compare with vLLM's default."""
    first = next(iter(found.values()))
    say(f"\n{megabytes} MB: seconds, median (lowest-highest), ratio to the first")
    for name, states in found.items():
        cells = []
        for state, values in states.items():
            ratio = statistics.median(values) / statistics.median(first[state])
            cells.append(f"{state} {statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f}) {ratio:.2f}x")
        say(f"{name:16} " + "   ".join(cells))


if __name__ == "__main__":
    main()

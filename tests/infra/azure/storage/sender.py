"""Sends what standard input says, in a process that a test may kill: at a share of the bytes, by a signal."""

import json
import os
import sys
import threading
from pathlib import Path

import msgspec

from infra.azure.cloud import Follower, SourceFile
from infra.azure.target import open_target
from infra.spec.model import spec_from


def main() -> None:
    asked = json.load(sys.stdin)
    target = open_target(spec_from(asked["spec"]), local=True, environ={"GATELIFT_EMULATOR_STATE": asked["state"]})
    files = [msgspec.convert(file, SourceFile, dec_hook=lambda _, text: Path(text)) for file in asked["files"]]
    once = threading.Lock()

    def progress(done: int, total: int) -> None:
        if done >= asked["share"] * total and once.acquire(blocking=False):
            os.kill(os.getpid(), asked["signal"])

    target.cloud.assets.send(files, asked["folder"], token=asked["token"], follower=Follower(progress))


if __name__ == "__main__":
    main()

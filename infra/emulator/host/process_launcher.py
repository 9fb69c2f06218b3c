"""Replaces itself with a program that the kernel kills when the emulator dies.

Run by path as `python -I -S process_launcher.py PARENT_PID PROGRAM ARGUMENTS…`, so it imports nothing of this project.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Ask the kernel to kill this process when its parent dies, then exec; the program may be found on PATH."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the kernel was asked
        sys.exit("the emulator is gone")
    try:
        os.execvp(command[0], command)  # noqa: S606 (no shell wanted)
    except OSError as error:
        sys.exit(f"unable to start container process: exec: {command[0]!r}: {error.strerror}")


if __name__ == "__main__":
    main()

"""Runs on the engineer's machine or in CI: the command line, what it does, and the emulator."""

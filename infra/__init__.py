"""Runs on the engineer's machine or in CI: spec, plan, apply, the command line and the emulator."""

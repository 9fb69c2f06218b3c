"""The programs that `upload` and `mirror` compare: each sends a model into the emulator's storage."""

"""The Hub upstream: repositories that are not this emulator's own are read through from it and kept."""

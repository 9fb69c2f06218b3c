"""What runs on your machine or in CI: the command line, its operations, and the emulator."""

"""Parts of `scripts/bench emulator`: a client that uses little CPU, and a container that streams."""

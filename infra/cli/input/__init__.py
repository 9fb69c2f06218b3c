"""Where a command's input comes from besides its options: specs, tokens, saved plans, a running emulator."""

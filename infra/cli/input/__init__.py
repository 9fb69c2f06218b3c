"""Where a command's input comes from, besides its options: spec, token, saved plan, running emulator."""
